//! Coalescing of wake-ups: when a reader that was woken lets samples come together first.
//!
//! Waking the reader interrupts the CPU that sees the packets, and takes it many times longer than
//! showing a packet does. As long as the reader has not read, the kernel wakes nobody for what
//! follows. So a reader that is woken too often waits a little before it reads; one that is woken
//! now and then reads at once, because a flow that is to be blocked passes for as long as it waits.

use std::time::{Duration, Instant};

/// Wake-ups this far apart are never too many: they cost a few hundredths of a CPU.
const EASY: Duration = Duration::from_millis(1);
/// How many may come at once before they are too many: a few flows' beginnings.
const BURST: u32 = 32;

/// Keeps count of wake-ups.
#[derive(Clone, Copy, Debug)]
pub(super) struct Coalescing {
    pause: Duration,
    /// When the wake-ups so far would have been over, had they come [`EASY`] apart.
    over: Option<Instant>,
}

impl Coalescing {
    pub(super) fn new(pause: Duration) -> Self {
        Self { pause, over: None }
    }

    /// How long to wait before reading, of a reader that is woken at `now`.
    pub(super) fn pause(&mut self, now: Instant) -> Duration {
        let over = self.over.map_or(now, |over| over.max(now)) + EASY;
        let latest = now + EASY * BURST;
        self.over = Some(over.min(latest));
        if over > latest { self.pause } else { Duration::ZERO }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PAUSE: Duration = Duration::from_micros(250);

    /// How many of `count` wake-ups, `apart` from each other, are followed by a pause.
    fn pauses(coalescing: &mut Coalescing, from: Instant, apart: Duration, count: u32) -> usize {
        let pauses = (0..count).map(|at| coalescing.pause(from + apart * at));
        pauses.filter(|pause| *pause == PAUSE).count()
    }

    #[test]
    fn rare_wake_ups_are_served_at_once() {
        let mut coalescing = Coalescing::new(PAUSE);
        assert_eq!(pauses(&mut coalescing, Instant::now(), EASY, 10_000), 0);
    }

    #[test]
    fn a_burst_is_served_at_once_and_a_flood_is_not() {
        let (mut coalescing, now) = (Coalescing::new(PAUSE), Instant::now());
        assert_eq!(pauses(&mut coalescing, now, Duration::ZERO, BURST), 0);
        assert_eq!(pauses(&mut coalescing, now, Duration::ZERO, 100), 100);
        // It lasts: pauses do not earn a wake-up without one.
        let apart = PAUSE + Duration::from_micros(50);
        assert_eq!(pauses(&mut coalescing, now + PAUSE, apart, 1000), 1000);
        // And it ends with the flood.
        let later = now + Duration::from_secs(10);
        assert_eq!(pauses(&mut coalescing, later, Duration::ZERO, BURST), 0);
    }

    #[test]
    fn no_pause_is_no_pause() {
        let (mut coalescing, now) = (Coalescing::new(Duration::ZERO), Instant::now());
        assert!((0..1000).all(|_| coalescing.pause(now).is_zero()));
    }
}
