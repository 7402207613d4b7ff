//! Durations in a few buckets, as monitoring systems take them.

use serde::{Deserialize, Serialize};

use crate::live::Histogram;

/// How many durations were no longer than each bound. Bounds are exact to a thirty-second part.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Buckets {
    /// Nanoseconds, and how many durations were no longer.
    pub up_to: Vec<(u64, u64)>,
    /// How many there were.
    pub count: u64,
    /// Their sum, in nanoseconds.
    pub sum_ns: u64,
}

/// The bounds for the time from a packet to its verdict: 50 µs to 1 s.
pub const OF_VERDICTS: [u64; 14] = [
    50_000,
    100_000,
    250_000,
    500_000,
    1_000_000,
    2_500_000,
    5_000_000,
    10_000_000,
    25_000_000,
    50_000_000,
    100_000_000,
    250_000_000,
    500_000_000,
    1_000_000_000,
];

/// The bounds for the time that a packet takes in a worker: 1 µs to 100 ms.
pub const OF_PACKETS: [u64; 11] = [
    1_000,
    2_500,
    5_000,
    10_000,
    25_000,
    50_000,
    100_000,
    250_000,
    1_000_000,
    10_000_000,
    100_000_000,
];

impl Buckets {
    /// Those of `histogram` with these bounds.
    pub fn of(histogram: &Histogram, bounds: &[u64]) -> Self {
        let up_to = bounds.iter().map(|&bound| (bound, histogram.up_to(bound)));
        Self { up_to: up_to.collect(), count: histogram.count(), sum_ns: histogram.sum_ns() }
    }

    /// Adds durations that another has counted with the same bounds.
    pub fn add(&mut self, other: &Self) {
        if self.up_to.is_empty() {
            self.up_to.clone_from(&other.up_to);
        } else {
            let both = self.up_to.iter_mut().zip(&other.up_to);
            both.for_each(|((_, ours), (_, theirs))| *ours += theirs);
        }
        self.count += other.count;
        self.sum_ns = self.sum_ns.saturating_add(other.sum_ns);
    }
}
