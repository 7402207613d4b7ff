//! What nDPI says of a flow, as plain values.
//!
//! The `ndpi` crate makes them and exports them as its own. They are apart so that what decides by them
//! (policies, records) compiles, and is tested, without the library.

mod classification;
mod state;

pub use classification::{AppId, BreedId, CategoryId, Classification, Confidence, Risks};
pub use state::State;
