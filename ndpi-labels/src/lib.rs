#![doc = include_str!("../README.md")]

mod catalog;
mod classification;
mod finding;
mod recorded;
mod risk;
mod state;

pub use catalog::{Asking, Breed, Catalog, Category, Protocol};
pub use classification::{AppId, BreedId, CategoryId, Classification, Confidence, Risks};
pub use finding::{Finding, Findings};
pub use recorded::{Question, Recorded};
pub use risk::{Risk, Severity};
pub use state::State;
