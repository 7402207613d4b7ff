//! Token buckets that fill as the capture's time goes by, not the kernel's.

use std::collections::HashMap;

use anyhow::Result;
use ndpi_common::Bucket;

use ndpi_kernel::Limits;

/// A time that the kernel's clock never reaches: a bucket that was refilled until then gets nothing
/// from the kernel.
const NEVER: u64 = u64::MAX;

/// The buckets of one capture.
pub(super) struct Buckets {
    limits: Limits,
    /// Until when each was refilled, by its number, in nanoseconds since boot on our own clock.
    refilled: HashMap<u32, u64>,
}

impl Buckets {
    pub(super) fn new(limits: Limits) -> Self {
        Self { limits, refilled: HashMap::new() }
    }

    /// Refills a bucket for a packet that comes at `now_ns`. One that is new was full when it was
    /// made, by the same clock.
    pub(super) fn refill(&mut self, number: u32, now_ns: u64) -> Result<()> {
        let Some(mut bucket) = self.limits.get(number)? else { return Ok(()) };
        if let Some(&refilled_ns) = self.refilled.get(&number) {
            bucket.refilled_ns = refilled_ns;
        }
        if let Some(state) = bucket.refill(now_ns) {
            bucket.tokens += state.add;
            bucket.refilled_ns = state.refilled_ns;
        }
        self.refilled.insert(number, bucket.refilled_ns);
        Ok(self.limits.set(number, &Bucket { refilled_ns: NEVER, ..bucket })?)
    }
}
