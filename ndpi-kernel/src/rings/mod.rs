//! The rings, one per CPU, read as one stream of samples in the order of time.

mod coalesce;
mod merge;
mod reader;
mod ring;

pub use reader::{Polled, Rings, RingsError, Waker};
pub(super) use ring::Ring;
