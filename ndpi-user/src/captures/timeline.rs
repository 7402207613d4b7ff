//! The clock by which the flows of a capture are idle, and that of the kernel's programs in a replay.

use ndpi_common::TICK_NS;

/// Where the clock begins, in nanoseconds since boot. Far from 0, so that nothing looks older than
/// the machine.
const START_NS: u64 = DAY_NS;

/// Captures are out of order by less than this; a longer way back is another time altogether, as
/// where captures were joined, and the clock goes on from there.
const OUT_OF_ORDER_NS: u64 = 10_000_000_000;

/// Longer steps tell no more: every idle time is over. They are cut, since the coarse clock only
/// reaches so far.
const DAY_NS: u64 = 86_400_000_000_000;

/// A clock that follows the times of packets and never goes back.
#[derive(Debug)]
pub(crate) struct Timeline {
    now_ns: u64,
    /// A time of the capture (since the Unix epoch), and what the clock showed then.
    anchor: Option<(u64, u64)>,
}

impl Timeline {
    pub(crate) fn new() -> Self {
        Self { now_ns: START_NS, anchor: None }
    }

    /// Another capture begins, whose times have nothing to do with those before. It begins with a tick, as
    /// the first one does: when a flow is idle does not depend on what was read before it.
    pub(crate) fn begin(&mut self) {
        self.anchor = None;
        self.now_ns = self.now_ns.next_multiple_of(TICK_NS);
    }

    /// A packet was seen at `time_ns` since the Unix epoch: what the clock shows, in nanoseconds
    /// since boot.
    pub(crate) fn follow(&mut self, time_ns: u64) -> u64 {
        let (capture_ns, clock_ns) = self.anchor.unwrap_or((time_ns, self.now_ns));
        let shows = i128::from(clock_ns) + i128::from(time_ns) - i128::from(capture_ns);
        let step = shows - i128::from(self.now_ns);
        match u64::try_from(step) {
            Ok(step) => self.now_ns += step.min(DAY_NS),
            Err(_) if step.unsigned_abs() <= OUT_OF_ORDER_NS.into() => return self.now_ns,
            Err(_) => {}
        }
        self.anchor = Some((time_ns, self.now_ns));
        self.now_ns
    }
}

#[cfg(test)]
mod tests {
    use ndpi_common::TICK_NS;

    use super::{DAY_NS, OUT_OF_ORDER_NS, START_NS, Timeline};

    const SECOND: u64 = 1_000_000_000;
    const EPOCH: u64 = 1_700_000_000 * SECOND;

    #[test]
    fn the_clock_goes_as_the_capture_does() {
        let mut timeline = Timeline::new();
        assert_eq!(timeline.follow(EPOCH), START_NS);
        assert_eq!(timeline.follow(EPOCH + 5), START_NS + 5);
        // A little out of order: the clock stands, and is right again afterwards.
        assert_eq!(timeline.follow(EPOCH + 5 - OUT_OF_ORDER_NS), START_NS + 5);
        assert_eq!(timeline.follow(EPOCH + SECOND), START_NS + SECOND);
    }

    #[test]
    fn a_long_way_back_is_another_time_that_goes_on() {
        let mut timeline = Timeline::new();
        timeline.follow(EPOCH);
        assert_eq!(timeline.follow(5), START_NS);
        assert_eq!(timeline.follow(SECOND + 5), START_NS + SECOND);
        assert_eq!(timeline.follow(SECOND + 6), START_NS + SECOND + 1);
        timeline.begin();
        assert_eq!(timeline.follow(7), START_NS + SECOND + TICK_NS);
        assert_eq!(timeline.follow(9), START_NS + SECOND + TICK_NS + 2);
    }

    #[test]
    fn no_time_breaks_it() {
        let mut timeline = Timeline::new();
        let mut last = 0;
        for time in [0, u64::MAX, 0, u64::MAX / 2, u64::MAX, 1] {
            let now = timeline.follow(time);
            assert!(now >= last && now <= last.max(START_NS) + DAY_NS, "{time}: {now}");
            last = now;
        }
    }
}
