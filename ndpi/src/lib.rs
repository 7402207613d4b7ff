//! A safe API over nDPI 5.0, with its explicit flow state.
//!
//! Give the packets of a flow to the library, one after another, until its state is
//! [`State::Classified`].

mod classification;
mod state;

pub use classification::{AppId, BreedId, CategoryId, Classification, Confidence, Risks};
pub use state::State;
