//! How many packets a second.

/// A token bucket, kept as the time at which it is full again. All times are nanoseconds.
#[derive(Clone, Copy, Debug)]
pub(crate) struct RateLimiter {
    /// How much filling one packet takes; `None` where nothing may ever be sent.
    packet_takes: Option<u64>,
    /// How long an empty bucket takes to fill.
    fills_in: u64,
    full_at: u64,
}

impl RateLimiter {
    /// A full bucket for `rate` packets a second, of which `burst` may be sent at once.
    pub(crate) fn new(rate: u32, burst: u32) -> Self {
        let packet_takes = 1_000_000_000_u64.checked_div(rate.into());
        let fills_in = packet_takes.unwrap_or(0).saturating_mul(burst.into());
        Self { packet_takes, fills_in, full_at: 0 }
    }

    /// Whether `packets` may be sent now; if so, they are taken from the bucket. A clock that goes
    /// back costs what it takes to fill the bucket once, at most.
    pub(crate) fn take(&mut self, packets: u64, now_ns: u64) -> bool {
        let Some(packet_takes) = self.packet_takes else { return false };
        let if_empty = now_ns.saturating_add(self.fills_in);
        let full_at = self.full_at.clamp(now_ns, if_empty);
        let after = full_at.saturating_add(packets.saturating_mul(packet_takes));
        let fits = after <= if_empty;
        self.full_at = if fits { after } else { full_at };
        fits
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::RateLimiter;

    const SECOND: u64 = 1_000_000_000;

    #[test]
    fn a_burst_and_then_the_rate() {
        let mut limiter = RateLimiter::new(1000, 1000);
        let now = 1_700_000_000 * SECOND;
        assert_eq!((0..3000).filter(|_| limiter.take(1, now)).count(), 1000);
        assert!(!limiter.take(1, now + SECOND / 1000 - 1));
        assert!(limiter.take(1, now + SECOND / 1000));
        assert!(!limiter.take(2, now + SECOND * 2 / 1000), "both or none");
        assert!(limiter.take(2, now + SECOND * 3 / 1000));
    }

    #[test]
    fn no_rate_and_no_burst_are_silence() {
        assert!(!RateLimiter::new(0, 1000).take(1, SECOND));
        assert!(!RateLimiter::new(1000, 0).take(1, SECOND));
    }

    #[test]
    fn a_clock_that_went_back_does_not_silence_for_long() {
        let mut limiter = RateLimiter::new(10, 10);
        assert!(limiter.take(10, 1000 * SECOND));
        assert!(!limiter.take(1, 10 * SECOND));
        assert!(limiter.take(10, 11 * SECOND));
    }

    proptest! {
        #[test]
        fn never_more_than_burst_and_rate_allow(
            rate in 1..5000u32,
            burst in 0..50u32,
            steps in prop::collection::vec((0..SECOND / 50, 1..4u64), 1..200),
        ) {
            let mut limiter = RateLimiter::new(rate, burst);
            let (mut now, mut sent) = (SECOND, 0);
            for (pause, packets) in steps {
                now += pause;
                sent += if limiter.take(packets, now) { packets } else { 0 };
                // A packet's time is rounded down to whole nanoseconds.
                let packet_ns = SECOND / u64::from(rate);
                prop_assert!(sent <= u64::from(burst) + (now - SECOND) / packet_ns);
            }
        }
    }
}
