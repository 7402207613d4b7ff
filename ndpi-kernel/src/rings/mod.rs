//! The two rings of a worker, read as one stream of samples.

mod coalesce;
mod precedence;
mod reader;
mod ring;
mod stall;

pub use precedence::Lane;
pub use reader::{Gauge, Polled, Rings, RingsError, Waiting, Waker};
pub(super) use ring::Ring;
