//! Time to verdict: from the kernel's look at a packet to the verdict that stands in its map.

mod histogram;
mod stages;
mod stopwatch;

pub use histogram::Histogram;
pub use stages::{Durations, TimeToVerdict};
pub(super) use stopwatch::Stopwatch;
