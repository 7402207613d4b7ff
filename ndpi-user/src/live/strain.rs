//! Whether classification keeps up, and saying so when it does not.

use std::sync::Arc;
use std::time::Duration;

use ndpi_events::{Event, Load, Source, Status, Time};

use super::backlog::Backlog;
use ndpi_kernel::{MapError, Stats};

/// How long a packet may take to be looked at before that is reported: longer than other threads keep
/// a worker from its CPU, and as long as a short exchange takes on a fast network.
const BOUND: Duration = Duration::from_millis(50);

/// How long it must be well before it is reported that it is.
const QUIET_NS: u64 = 2_000_000_000;

/// What was seen since the last look.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Look {
    /// The longest that a packet took to be looked at.
    longest: Duration,
    /// Packets that nDPI was not given so that others need not wait.
    left_out: u64,
}

impl Look {
    fn is_strained(&self) -> bool {
        self.left_out > 0 || self.longest > BOUND
    }

    fn add(&mut self, other: Self) {
        self.left_out += other.left_out;
        self.longest = self.longest.max(other.longest);
    }
}

/// What is to be reported.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Report {
    Begins(Look),
    /// With what was seen since it began.
    Ends(Look),
}

/// A time in which classification does not keep up.
#[derive(Debug, Default)]
struct Strain {
    /// When it was last seen, and all that was seen since it began; `None` while all is well.
    last: Option<(u64, Look)>,
}

impl Strain {
    fn note(&mut self, look: Look, now_ns: u64) -> Option<Report> {
        match &mut self.last {
            None if look.is_strained() => {
                self.last = Some((now_ns, look));
                Some(Report::Begins(look))
            }
            Some((last, sum)) if look.is_strained() => {
                *last = now_ns;
                sum.add(look);
                None
            }
            Some((last, sum)) if now_ns.saturating_sub(*last) > QUIET_NS => {
                let sum = *sum;
                self.last = None;
                Some(Report::Ends(sum))
            }
            _ => None,
        }
    }
}

/// Looks at the workers' backlogs and at what the kernel held back.
#[derive(Debug)]
pub(super) struct StrainGauge {
    stats: Stats,
    backlogs: Vec<Arc<Backlog>>,
    source: Source,
    /// What was left out until the last look.
    before: u64,
    strain: Strain,
}

impl StrainGauge {
    pub(super) fn new(stats: Stats, backlogs: Vec<Arc<Backlog>>, source: Source) -> Self {
        // What was held back until now is an earlier instance's.
        let before = stats.held_back().unwrap_or_default();
        Self { stats, backlogs, source, before, strain: Strain::default() }
    }

    /// Looks, at `now_ns` nanoseconds since boot, and reports what has begun or ended. `time` is the
    /// same in nanoseconds since the Unix epoch.
    pub(super) fn look(&mut self, now_ns: u64, time: u64) {
        let look = match self.since() {
            Ok(look) => look,
            Err(error) => return log::error!("cannot see whether packets wait: {error}"),
        };
        match self.strain.note(look, now_ns) {
            None => {}
            Some(Report::Begins(look)) => self.report(Status::Behind, look, time),
            Some(Report::Ends(look)) => self.report(Status::CaughtUp, look, time),
        }
    }

    fn report(&mut self, state: fn(Load) -> Status, look: Look, time: u64) {
        let Look { longest, left_out } = look;
        let longest_us = u64::try_from(longest.as_micros()).unwrap_or(u64::MAX);
        let time = Time::from_ns(time);
        let load = Load { time, longest_us, left_out };
        self.source.publish(time, Event::Status(state(load)));
    }

    fn since(&mut self) -> Result<Look, MapError> {
        let spared: u64 = self.backlogs.iter().map(|backlog| backlog.spared()).sum();
        let left_out = self.stats.held_back()? + spared;
        let before = std::mem::replace(&mut self.before, left_out);
        let longest = self.backlogs.iter().map(|backlog| backlog.take_longest()).max();
        let longest = longest.unwrap_or_default();
        Ok(Look { longest, left_out: left_out.saturating_sub(before) })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn look(ms: u64, left_out: u64) -> Look {
        Look { longest: Duration::from_millis(ms), left_out }
    }

    #[test]
    fn it_is_reported_when_it_begins_and_when_it_has_ended() {
        let second = |n: u64| n * 1_000_000_000;
        let mut strain = Strain::default();
        assert_eq!(strain.note(look(19, 0), second(1)), None);
        assert_eq!(strain.note(look(5, 3), second(2)), Some(Report::Begins(look(5, 3))));
        assert_eq!(strain.note(look(90, 4), second(3)), None, "once");
        assert_eq!(strain.note(look(1, 0), second(4)), None, "not over yet");
        assert_eq!(strain.note(look(60, 0), second(6)), None, "it goes on");
        assert_eq!(strain.note(look(1, 0), second(8)), None);
        assert_eq!(strain.note(look(1, 0), second(9)), Some(Report::Ends(look(90, 7))));
        assert_eq!(strain.note(look(1, 0), second(20)), None);
        assert_eq!(strain.note(look(51, 0), second(31)), Some(Report::Begins(look(51, 0))));
    }
}
