//! Token buckets of rules with the action `limit`.

/// What a rule allows, and what is left of it: an entry of `LIMITS`, by a number that the verdicts
/// it is for carry ([`crate::VerdictEntry::bucket`]).
///
/// All flows of a rule share a bucket, or each has its own. The kernel refills it as time goes by
/// and takes the bytes of packets out of it; user space writes `bytes_per_second` and `burst`.
///
/// A packet passes while there is anything in the bucket, and may leave it in debt. One that stands
/// for many segments would otherwise never fit into a small bucket; the rate is kept all the same,
/// since the debt is paid off first. Small packets pass on credit, see [`Bucket::lets_through`].
#[repr(C)]
#[derive(Clone, Copy, PartialEq, Eq, Default)]
#[cfg_attr(feature = "user", derive(Debug))]
pub struct Bucket {
    /// The rate, in bytes a second (IP length); at most [`MAX_RATE`].
    pub bytes_per_second: u64,
    /// The most that may be saved up, in bytes.
    pub burst: u64,
    /// What is left, in bytes; negative while in debt.
    pub tokens: i64,
    /// Until when it was refilled, in nanoseconds since boot.
    pub refilled_ns: u64,
}

/// Buckets with this bit in their number are of one flow, and go with its verdict; the others are
/// shared by the flows of a rule.
pub const OWN_BUCKET: u32 = 1 << 31;

/// Packets of at most this many bytes pass on credit.
const SMALL: u32 = 128;

/// The highest rate, in bytes a second: a nanosecond times this many, for a second, fits 64 bits.
pub const MAX_RATE: u64 = u64::MAX / SECOND_NS;

/// What a bucket holds after a refill, see [`Bucket::refill`].
#[derive(Clone, Copy, PartialEq, Eq)]
#[cfg_attr(feature = "user", derive(Debug))]
pub struct BucketState {
    /// Bytes to add to `tokens`.
    pub add: i64,
    /// The new `refilled_ns`.
    pub refilled_ns: u64,
}

const SECOND_NS: u64 = 1_000_000_000;

/// Longer pauses fill no more than this many seconds: it keeps a multiplication within 64 bits.
const MAX_PAUSE_S: u64 = 1 << 16;

impl Bucket {
    /// Whether the bucket allows what `other` does, whatever is left of it.
    pub const fn has_limit_of(&self, other: &Self) -> bool {
        self.bytes_per_second == other.bytes_per_second && self.burst == other.burst
    }

    /// Whether a packet of `bytes` bytes passes with `tokens` in a bucket with these settings.
    ///
    /// Small packets may take up to a burst on credit: they are acknowledgements and the openings
    /// of connections, and a TCP sender that loses those too stands still for much longer than the
    /// rate asks for.
    #[inline(always)]
    #[expect(clippy::cast_possible_wrap, reason = "bursts are far below 2^63")]
    pub const fn lets_through(&self, tokens: i64, bytes: u32) -> bool {
        tokens > 0 || bytes <= SMALL && tokens > -(self.burst as i64)
    }

    /// What `now_ns` adds to a bucket with these settings, or nothing when no whole byte has come
    /// in since the last refill. Time that makes no whole byte is kept for the next refill: with
    /// packets that come faster than bytes, whole bytes would otherwise never be seen.
    #[inline(always)]
    #[expect(clippy::cast_possible_wrap, reason = "far below 2^63: see `MAX_RATE`, `MAX_PAUSE_S`")]
    pub fn refill(&self, now_ns: u64) -> Option<BucketState> {
        let pause = now_ns.saturating_sub(self.refilled_ns);
        let rate = self.bytes_per_second.min(MAX_RATE);
        let (earned, refilled_ns) = if pause < SECOND_NS {
            let earned = rate * pause / SECOND_NS;
            if earned == 0 {
                return None;
            }
            (earned, self.refilled_ns + (earned * SECOND_NS).div_ceil(rate.max(1)))
        } else {
            (rate * (pause / SECOND_NS).min(MAX_PAUSE_S), now_ns)
        };
        let room = self.burst as i64 - self.tokens;
        Some(if (earned as i64) < room {
            BucketState { add: earned as i64, refilled_ns }
        } else {
            BucketState { add: room, refilled_ns: now_ns }
        })
    }
}

const _: () = assert!(size_of::<Bucket>() == 4 * 8);

// SAFETY: `repr(C)`, integers only, no padding (asserted above): every bit pattern is a value, and
// every byte of a value is initialised.
unsafe impl crate::Pod for Bucket {}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::{Bucket, BucketState};

    /// What a bucket lets through of packets that come one after the other, as the kernel does it.
    fn passed(mut bucket: Bucket, packets: &[(u64, u32)]) -> (u64, u64) {
        let (mut now, mut bytes) = (bucket.refilled_ns, 0);
        for (pause, len) in packets {
            now += pause;
            if let Some(refill) = bucket.refill(now) {
                bucket.tokens += refill.add;
                bucket.refilled_ns = refill.refilled_ns;
            }
            if bucket.lets_through(bucket.tokens, *len) {
                bucket.tokens -= i64::from(*len);
                bytes += u64::from(*len);
            }
        }
        (now - 1_000, bytes)
    }

    proptest! {
        /// The bound of a token bucket: what was saved up, what came in, one packet of debt, and the
        /// credit of small packets.
        #[test]
        fn no_sequence_of_packets_beats_the_rate(
            bytes_per_second in 1_u64..10_000_000,
            burst in 1_u64..100_000,
            packets in prop::collection::vec((0_u64..50_000_000, 40_u32..65_536), 0..300),
        ) {
            let full = Bucket { bytes_per_second, burst, tokens: 0, refilled_ns: 1_000 };
            let (time, bytes) = passed(full, &packets);
            let earned = u128::from(bytes_per_second) * u128::from(time) / 1_000_000_000 + 1;
            prop_assert!(u128::from(bytes) <= earned + u128::from(burst) + 65_536);
        }

        /// A sender below the rate loses nothing.
        #[test]
        fn who_keeps_to_the_rate_passes(
            bytes_per_second in 100_000_u64..10_000_000,
            lengths in prop::collection::vec(40_u32..1500, 1..300),
        ) {
            let packets: Vec<_> = lengths
                .iter()
                .map(|len| ((u64::from(*len) * 1_000_000_000).div_ceil(bytes_per_second) + 1_000, *len))
                .collect();
            let full = Bucket { bytes_per_second, burst: 3000, tokens: 3000, refilled_ns: 1_000 };
            let sent: u64 = lengths.iter().map(|len| u64::from(*len)).sum();
            prop_assert!(passed(full, &packets).1 == sent);
        }
    }

    const RULE: Bucket =
        Bucket { bytes_per_second: 1_000_000, burst: 3000, tokens: 0, refilled_ns: 1_000 };

    #[test]
    fn a_bucket_earns_with_time_and_stops_at_its_burst() {
        assert!(RULE.refill(1_000 + 999).is_none());
        let earned = BucketState { add: 1000, refilled_ns: 1_001_000 };
        assert!(RULE.refill(1_001_000) == Some(earned));
        let full = BucketState { add: 3000, refilled_ns: u64::MAX };
        assert!(RULE.refill(u64::MAX) == Some(full));
    }

    #[test]
    fn time_that_makes_no_whole_byte_is_kept() {
        let (mut bucket, mut now) = (Bucket { burst: 1 << 40, ..RULE }, 1_000);
        // A byte and a half come in between two packets.
        for _ in 0..100_000 {
            now += 1_500;
            let state = bucket.refill(now).expect("a whole byte at least");
            (bucket.tokens, bucket.refilled_ns) = (bucket.tokens + state.add, state.refilled_ns);
        }
        assert!((149_999..=150_000).contains(&bucket.tokens));
    }

    #[test]
    fn debts_are_paid_off_first_and_long_pauses_count() {
        let bucket = Bucket { burst: 5_000_000, tokens: -64_000, ..RULE };
        assert!(bucket.refill(1_000 + 3_000_000_000).is_some_and(|s| s.add == 3_000_000));
        assert!(bucket.refill(u64::MAX).is_some_and(|s| s.add == 5_064_000));
    }

    #[test]
    fn small_packets_pass_on_credit() {
        assert!(RULE.lets_through(1, 64_000));
        assert!(!RULE.lets_through(0, 129));
        assert!(RULE.lets_through(0, 128) && RULE.lets_through(-2999, 128));
        assert!(!RULE.lets_through(-3000, 40));
    }

    #[test]
    fn a_clock_that_went_back_earns_nothing() {
        assert!(RULE.refill(0).is_none());
    }

    #[test]
    fn absurd_rates_do_not_overflow() {
        let rule = Bucket { bytes_per_second: u64::MAX, burst: 1 << 40, ..RULE };
        assert!(rule.refill(1_000 + 999_999_999).is_some_and(|s| s.add == 18_446_744_054));
        assert!(rule.refill(u64::MAX).is_some_and(|s| s.add == 1 << 40));
        assert!(Bucket { bytes_per_second: 0, ..RULE }.refill(5_000_000).is_none());
    }
}
