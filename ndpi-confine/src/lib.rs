#![doc = include_str!("../README.md")]

mod calls;
mod capabilities;
mod confinement;
mod error;
mod files;
mod filter;
mod service;

pub use calls::{MAP_COMMANDS, TEST_RUN};
pub use confinement::{Confinement, Enforced};
pub use error::ConfineError;
pub use service::{keep_capabilities, refuse_what_no_service_does};
