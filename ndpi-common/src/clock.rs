//! The coarse clock: ticks that the kernel counts by itself, whether user space runs or not.

/// How many nanoseconds one step of the coarse clock lasts, see [`crate::VerdictEntry::last_seen`].
pub const TICK_NS: u64 = 100_000_000;

/// What a coarse clock shows `ktime_ns` nanoseconds after boot (`CLOCK_BOOTTIME`).
#[inline(always)]
#[expect(clippy::cast_possible_truncation, reason = "2^32 ticks are thirteen years of uptime")]
pub const fn tick_of(ktime_ns: u64) -> u32 {
    (ktime_ns / TICK_NS) as u32
}

/// How ticks are made of the kernel's jiffies, which cost a load to read: `jiffies * rate + offset`, in
/// ticks with 32 binary places. What is carried out of 64 bits is thirteen years, as in a tick itself.
///
/// Jiffies stand while the machine is suspended. User space moves the clock forward when it wakes up.
#[repr(C)]
#[derive(Clone, Copy, PartialEq, Eq, Default)]
#[cfg_attr(feature = "user", derive(Debug))]
pub struct CoarseClock {
    /// Ticks in a jiffy, with 32 binary places; 0 for a clock that stands.
    pub rate: u64,
    /// Ticks since boot at jiffy 0, with 32 binary places.
    pub offset: u64,
}

impl CoarseClock {
    /// A clock that stands at `tick`.
    pub const fn standing_at(tick: u32) -> Self {
        Self { rate: 0, offset: (tick as u64) << 32 }
    }

    /// What the clock shows at `jiffies`.
    #[inline(always)]
    // The upper half of the word.
    pub const fn tick(&self, jiffies: u64) -> u32 {
        (jiffies.wrapping_mul(self.rate).wrapping_add(self.offset) >> 32) as u32
    }
}

/// The kernel's two clocks, read at once by [`crate::names::program::CLOCK`].
#[repr(C)]
#[derive(Clone, Copy, PartialEq, Eq, Default)]
#[cfg_attr(feature = "user", derive(Debug))]
pub struct ClockReading {
    /// Jiffies (`bpf_jiffies64`).
    pub jiffies: u64,
    /// Nanoseconds since boot (`bpf_ktime_get_boot_ns`).
    pub ktime_ns: u64,
}

#[cfg(any(test, feature = "user"))]
impl CoarseClock {
    /// The clock that shows what `reading` says, where a jiffy lasts `jiffy_ns` nanoseconds.
    pub const fn calibrated(reading: ClockReading, jiffy_ns: u64) -> Self {
        let rate = fixed(jiffy_ns);
        let offset = fixed(reading.ktime_ns).wrapping_sub(reading.jiffies.wrapping_mul(rate));
        Self { rate, offset }
    }

    /// The same clock, ahead by `ns` nanoseconds.
    #[must_use]
    pub const fn ahead_by(self, ns: u64) -> Self {
        Self { offset: self.offset.wrapping_add(fixed(ns)), ..self }
    }
}

/// Nanoseconds in ticks with 32 binary places.
#[cfg(any(test, feature = "user"))]
#[expect(clippy::cast_possible_truncation, reason = "wraps after thirteen years, as ticks do")]
const fn fixed(ns: u64) -> u64 {
    (((ns as u128) << 32) / TICK_NS as u128) as u64
}

const _: () = {
    assert!(size_of::<CoarseClock>() == 8 + 8);
    assert!(size_of::<ClockReading>() == 8 + 8);
};

// SAFETY: `repr(C)`, integers only, no padding (asserted above): every bit pattern is a value, and
// every byte of a value is initialised.
unsafe impl crate::Pod for CoarseClock {}
// SAFETY: as for `CoarseClock`.
unsafe impl crate::Pod for ClockReading {}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::{ClockReading, CoarseClock, TICK_NS, tick_of};

    #[test]
    fn a_standing_clock_stands() {
        let clock = CoarseClock::standing_at(10_000);
        assert!([0, 1, u64::MAX].iter().all(|jiffies| clock.tick(*jiffies) == 10_000));
    }

    proptest! {
        /// At every HZ that kernels are built with, for years, from any number of jiffies on (Linux begins
        /// at minus five minutes).
        #[test]
        fn ticks_follow_the_time_since_boot(
            hz in prop::sample::select(vec![24_u64, 100, 250, 300, 1000]),
            jiffies: u64,
            boot_ns in 0_u64..100_000_000_000_000_000,
            later in 0_u64..10_000_000,
        ) {
            let jiffy_ns = 1_000_000_000 / hz;
            let clock = CoarseClock::calibrated(ClockReading { jiffies, ktime_ns: boot_ns }, jiffy_ns);
            let now = boot_ns + later * jiffy_ns;
            let shown = clock.tick(jiffies.wrapping_add(later));
            // Rounding may show a tick's end a moment late.
            prop_assert!(tick_of(now).wrapping_sub(shown) <= 1);
        }

        #[test]
        fn what_was_slept_through_is_added(ktime_ns in 0_u64..1 << 60, slept in 0_u64..1 << 50) {
            let reading = ClockReading { jiffies: 77, ktime_ns };
            let clock = CoarseClock::calibrated(reading, TICK_NS / 25).ahead_by(slept);
            prop_assert!(tick_of(ktime_ns + slept).wrapping_sub(clock.tick(77)) <= 1);
        }
    }
}
