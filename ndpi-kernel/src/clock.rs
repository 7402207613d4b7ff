//! Times of the kernel side as times of day.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};

use rustix::time::{ClockId, clock_getres, clock_gettime};

/// Nanoseconds since boot, also while the machine slept: the kernel side's time
/// (`CLOCK_BOOTTIME`, `bpf_ktime_get_boot_ns`).
pub fn ktime_ns() -> u64 {
    now(ClockId::Boottime).cast_unsigned()
}

/// Nanoseconds that the machine has been suspended since boot, in which jiffies stood: two readings of
/// clocks apart, to some microseconds.
pub fn suspended_ns() -> u64 {
    (now(ClockId::Boottime) - now(ClockId::Monotonic)).max(0).cast_unsigned()
}

/// How many nanoseconds a jiffy lasts: the resolution of the kernel's coarse clocks (`TICK_NSEC` in
/// `hrtimer.c`, whatever `CONFIG_HZ` is).
pub(crate) fn jiffy_ns() -> u64 {
    clock_getres(ClockId::MonotonicCoarse).tv_nsec.cast_unsigned()
}

/// Converts nanoseconds since boot to nanoseconds since the Unix epoch.
///
/// The distance of the two clocks changes when the time of day is set or slewed: it is measured
/// again by [`Clock::measure`]. Handles made by `clone` share it.
///
/// In a replay both are the capture's: [`Clock::by_hand`].
#[derive(Clone, Debug)]
pub struct Clock {
    epoch_minus_boot: Arc<AtomicI64>,
    /// Nanoseconds since boot, where they are not the machine's.
    by_hand: Option<Arc<AtomicU64>>,
}

impl Clock {
    /// A clock that has measured the distance.
    #[expect(clippy::new_without_default, reason = "it reads the machine's clocks")]
    pub fn new() -> Self {
        Self { epoch_minus_boot: Arc::new(AtomicI64::new(distance())), by_hand: None }
    }

    /// A clock that only [`Clock::set`] moves.
    pub fn by_hand() -> Self {
        Self { epoch_minus_boot: Arc::default(), by_hand: Some(Arc::default()) }
    }

    /// Makes it `ktime_ns` nanoseconds since boot and `epoch_ns` since the Unix epoch on a clock
    /// that is moved by hand; another one goes by itself.
    pub fn set(&self, ktime_ns: u64, epoch_ns: u64) {
        let Some(by_hand) = &self.by_hand else { return };
        by_hand.store(ktime_ns, Ordering::Relaxed);
        let distance = epoch_ns.cast_signed().wrapping_sub(ktime_ns.cast_signed());
        self.epoch_minus_boot.store(distance, Ordering::Relaxed);
    }

    /// The time now, in nanoseconds since boot.
    pub fn ktime_ns(&self) -> u64 {
        self.by_hand.as_ref().map_or_else(ktime_ns, |time| time.load(Ordering::Relaxed))
    }

    /// The time of day, in nanoseconds since the Unix epoch, at `ktime_ns` nanoseconds since boot.
    pub fn epoch_ns(&self, ktime_ns: u64) -> u64 {
        ktime_ns.saturating_add_signed(self.epoch_minus_boot.load(Ordering::Relaxed))
    }

    /// Measures the distance again and returns by how many nanoseconds the time of day jumped since
    /// the last time; positive when it was put forward. To be called about once a second.
    pub fn measure(&self) -> i64 {
        if self.by_hand.is_some() {
            return 0;
        }
        let distance = distance();
        distance - self.epoch_minus_boot.swap(distance, Ordering::Relaxed)
    }
}

/// How far the Unix epoch's clock is ahead of the boot clock, in nanoseconds.
fn distance() -> i64 {
    let samples = [(); 3].map(|()| {
        let before = now(ClockId::Boottime);
        let epoch = now(ClockId::Realtime);
        let after = now(ClockId::Boottime);
        (after - before, epoch - (before + (after - before) / 2))
    });
    // The one with the least time between its readings is the most exact.
    let [first, second, third] = samples;
    first.min(second).min(third).1
}

fn now(clock: ClockId) -> i64 {
    let time = clock_gettime(clock);
    time.tv_sec * 1_000_000_000 + time.tv_nsec
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_jiffy_is_a_whole_part_of_a_second() {
        let hz = 1_000_000_000 / jiffy_ns();
        assert!((24..=1000).contains(&hz), "{hz} jiffies a second");
    }

    #[test]
    fn now_is_now_on_both_clocks() {
        let clock = Clock::new();
        let day = jiff::Timestamp::now().as_nanosecond();
        let off = i128::from(clock.epoch_ns(ktime_ns())) - day;
        assert!(off.abs() < 1_000_000_000, "{off} ns apart");
    }

    #[test]
    fn a_jump_of_the_day_is_found_and_followed() {
        let clock = Clock::new();
        let before = clock.epoch_ns(5_000_000_000);
        // As if the day had been an hour earlier at the last measurement.
        let hour = 3_600_000_000_000;
        clock.epoch_minus_boot.fetch_sub(hour, Ordering::Relaxed);
        let jump = clock.measure();
        assert!((jump - hour).abs() < 1_000_000_000, "jumped by {jump} ns");
        assert!(clock.epoch_ns(5_000_000_000).abs_diff(before) < 1_000_000_000);
    }

    #[test]
    fn times_before_the_epoch_stop_at_it() {
        let clock = Clock::by_hand();
        clock.set(13, 3);
        assert_eq!((clock.epoch_ns(13), clock.epoch_ns(3)), (3, 0));
    }

    #[test]
    fn a_clock_moved_by_hand_stands_until_it_is_moved() {
        let clock = Clock::by_hand();
        clock.set(5_000, 1_700_000_000_000_005_000);
        let other = clock.clone();
        assert_eq!((other.ktime_ns(), other.measure()), (5_000, 0));
        assert_eq!(other.epoch_ns(6_000), 1_700_000_000_000_006_000);
    }
}
