//! Token buckets of rules with the action `limit`.

/// What a rule allows, and what is left of it: an entry of `LIMITS`, by the rule's index.
///
/// The bucket is shared by all flows of the rule. The kernel refills it as time goes by and takes
/// a packet's bytes out of it; user space writes `bytes_per_second` and `burst`.
#[repr(C)]
#[derive(Clone, Copy, PartialEq, Eq, Default)]
#[cfg_attr(feature = "user", derive(Debug))]
pub struct Bucket {
    /// The rate, in bytes a second (IP length).
    pub bytes_per_second: u64,
    /// The most that may be saved up, in bytes; at least one packet of full size.
    pub burst: u64,
    /// What is left, in bytes; negative after CPUs took from it at the same time.
    pub tokens: i64,
    /// When it was last refilled, in nanoseconds since boot.
    pub refilled_ns: u64,
}

/// What a bucket holds after a refill, see [`Bucket::refill`].
#[derive(Clone, Copy, PartialEq, Eq)]
#[cfg_attr(feature = "user", derive(Debug))]
pub struct BucketState {
    /// Bytes to add to `tokens`.
    pub add: i64,
    /// The new `refilled_ns`.
    pub refilled_ns: u64,
}

/// Longer pauses fill no more than this: it keeps the multiplication within 64 bits.
const MAX_PAUSE_NS: u64 = 1_000_000_000;

impl Bucket {
    /// What `now_ns` adds to a bucket with these settings, or nothing when no whole byte has come
    /// in since the last refill. Time that makes no whole byte is kept for the next refill.
    #[inline(always)]
    #[expect(clippy::cast_possible_wrap, reason = "capped at `burst`, far below 2^63")]
    pub fn refill(&self, now_ns: u64) -> Option<BucketState> {
        let pause = now_ns.saturating_sub(self.refilled_ns).min(MAX_PAUSE_NS);
        // Rates above 18 GB/s would overflow beside a pause of a second; both are capped.
        let rate = self.bytes_per_second.min(u64::MAX / MAX_PAUSE_NS);
        let earned = rate * pause / 1_000_000_000;
        if earned == 0 {
            return None;
        }
        let room = self.burst as i64 - self.tokens;
        let add = if (earned as i64) < room { earned as i64 } else { room };
        Some(BucketState { add, refilled_ns: now_ns })
    }
}

const _: () = assert!(size_of::<Bucket>() == 4 * 8);

// SAFETY: `repr(C)`, integers only, no padding (asserted above): every bit pattern is a value, and
// every byte of a value is initialised.
#[cfg(feature = "user")]
unsafe impl aya::Pod for Bucket {}

#[cfg(test)]
mod tests {
    use super::Bucket;

    const RULE: Bucket =
        Bucket { bytes_per_second: 1_000_000, burst: 3000, tokens: 0, refilled_ns: 1_000 };

    #[test]
    fn a_bucket_earns_with_time_and_stops_at_its_burst() {
        assert!(RULE.refill(1_000 + 999).is_none());
        assert!(RULE.refill(1_000 + 1_000_000).is_some_and(|s| s.add == 1000));
        assert!(RULE.refill(u64::MAX).is_some_and(|s| s.add == 3000));
    }

    #[test]
    fn a_clock_that_went_back_earns_nothing() {
        assert!(RULE.refill(0).is_none());
    }

    #[test]
    fn absurd_rates_do_not_overflow() {
        let rule = Bucket { bytes_per_second: u64::MAX, burst: 1 << 40, ..RULE };
        assert!(rule.refill(u64::MAX).is_some_and(|s| s.add == 18_446_744_073));
    }
}
