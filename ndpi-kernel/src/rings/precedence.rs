//! Which of a worker's two rings is next.
//!
//! Packets of one flow may lie in both. As long as the worker keeps up, they are taken in the order of
//! their times; an answer must not come before what it answers, so each pass takes only what was seen before
//! it began: when an answer was seen by then, so was the question, and its record is ready, as a CPU lets
//! a packet go on only after its record. A packet's time is taken before its place in the ring: so all that lies
//! before a question there is earlier than the answer. A record that is still being written hides those behind it,
//! and among them may be the question: the other ring waits for it too. Where much that is not urgent waits for
//! long, or is hidden for long, what is urgent goes first; what it went before, and is of a TCP flow, carries nothing
//! and is to be left out.

use std::time::Duration;

/// How long what is not urgent waits until what is goes first.
const LATE: Duration = Duration::from_micros(1500);

/// How long one ring waits for a record that hides what is in the other.
const HIDDEN: Duration = Duration::from_millis(3);

/// How many bytes of what is not urgent have to wait, with it: 64 small records. Fewer are soon done, and that
/// they waited says no more than that another thread had the CPU.
const MUCH: usize = 64 * 176;

/// One of a worker's two rings.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Lane {
    /// What can wait.
    Common,
    /// What goes first where the worker is late ([`ndpi_common::SampleFlags::is_urgent`]).
    Urgent,
}

impl Lane {
    /// Its name in records.
    pub fn name(self) -> &'static str {
        match self {
            Self::Common => "common",
            Self::Urgent => "urgent",
        }
    }
}

/// What stands at the reader's position of a ring.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Head {
    /// Nothing.
    Empty,
    /// A record that is being written, and was when the reader came upon it at this time.
    Busy(u64),
    /// A sample of a packet that was seen at this time.
    At(u64),
}

impl Head {
    /// The time, where it is a sample of `until` or before.
    fn ready(self, until: u64) -> Option<u64> {
        match self {
            Self::At(time) if time <= until => Some(time),
            _ => None,
        }
    }
}

/// One pass over the two rings.
#[derive(Debug, Default)]
pub(super) struct Precedence {
    /// Records that were seen no later than this take part.
    until: u64,
    /// The latest urgent record that went before its time.
    went_before: u64,
}

impl Precedence {
    /// Begins a pass that takes what happened at or before `until`.
    pub(super) fn begin(&mut self, until: u64) {
        self.until = until;
    }

    /// How long something that happened at `time` had waited when the pass began.
    pub(super) fn waited(&self, time: u64) -> Duration {
        Duration::from_nanos(self.until.saturating_sub(time))
    }

    /// The lane whose head is next, of these two; `None` where the pass is over. In the common one, so many
    /// `bytes` wait.
    pub(super) fn next(&mut self, common: Head, urgent: Head, bytes: usize) -> Option<Lane> {
        if self.hides(common) || self.hides(urgent) {
            return None;
        }
        match (common.ready(self.until), urgent.ready(self.until)) {
            (None, None) => None,
            (None, Some(time)) => {
                if matches!(common, Head::Busy(_)) {
                    self.went_before = self.went_before.max(time);
                }
                Some(Lane::Urgent)
            }
            (Some(_), None) => Some(Lane::Common),
            (Some(common), Some(urgent)) if common <= urgent => {
                if self.waited(common) < LATE || bytes < MUCH {
                    return Some(Lane::Common);
                }
                self.went_before = self.went_before.max(urgent);
                Some(Lane::Urgent)
            }
            (Some(_), Some(_)) => Some(Lane::Urgent),
        }
    }

    /// Whether this hides something that may have to come first, and not for long yet.
    fn hides(&self, head: Head) -> bool {
        matches!(head, Head::Busy(since) if self.waited(since) < HIDDEN)
    }

    /// Whether something is there to be taken by the next pass, or is being written and worth waiting for.
    pub(super) fn is_near(&self, head: Head) -> bool {
        matches!(head, Head::At(_)) || self.hides(head)
    }

    /// Whether something urgent that happened after `time` went before what is not urgent.
    pub(super) fn is_overtaken(&self, time: u64) -> bool {
        time < self.went_before
    }
}

#[cfg(test)]
mod tests {
    use std::collections::VecDeque;

    use proptest::prelude::*;

    use super::{HIDDEN, Head, LATE, Lane, MUCH, Precedence};

    /// What a pass that begins at `until` takes of the two lanes: which, when it happened, and whether it
    /// was overtaken.
    fn pass(
        precedence: &mut Precedence,
        lanes: &mut [VecDeque<u64>; 2],
        until: u64,
        bytes: usize,
    ) -> Vec<(Lane, u64, bool)> {
        let mut taken = Vec::new();
        precedence.begin(until);
        let head = |lane: &VecDeque<u64>| lane.front().map_or(Head::Empty, |time| Head::At(*time));
        while let Some(lane) = precedence.next(head(&lanes[0]), head(&lanes[1]), bytes) {
            let time = lanes[lane as usize].pop_front().unwrap();
            taken.push((lane, time, precedence.is_overtaken(time)));
        }
        taken
    }

    #[test]
    fn what_came_after_the_pass_began_waits() {
        // The question (7) was not ready yet when its ring was looked at; the answer (8) was.
        let mut precedence = Precedence::default();
        let mut lanes = [vec![1].into(), vec![2, 8].into()];
        let first = pass(&mut precedence, &mut lanes, 6, 0);
        assert_eq!(first, [(Lane::Common, 1, false), (Lane::Urgent, 2, false)]);
        lanes[0].push_back(7);
        let second = pass(&mut precedence, &mut lanes, 8, 0);
        assert_eq!(second, [(Lane::Common, 7, false), (Lane::Urgent, 8, false)]);
    }

    #[test]
    fn what_is_urgent_goes_first_where_many_others_wait_for_long() {
        let late = u64::try_from(LATE.as_nanos()).unwrap();
        let lanes = || [vec![1, 2, late].into(), vec![3].into()];
        let taken = |until, bytes| pass(&mut Precedence::default(), &mut lanes(), until, bytes);
        for (until, bytes) in [(1 + late, MUCH - 1), (late, MUCH)] {
            let order: Vec<_> = taken(until, bytes).into_iter().map(|(_, time, _)| time).collect();
            assert_eq!(order, [1, 2, 3, late], "few wait, or not for long");
        }
        let taken = taken(1 + late, MUCH);
        let expected = [
            (Lane::Urgent, 3, false),
            (Lane::Common, 1, true),
            (Lane::Common, 2, true),
            (Lane::Common, late, false),
        ];
        assert_eq!(taken, expected);
    }

    #[test]
    fn what_a_record_hides_that_is_being_written_is_waited_for() {
        let hidden = u64::try_from(HIDDEN.as_nanos()).unwrap();
        let mut precedence = Precedence::default();
        precedence.begin(10);
        assert_eq!(precedence.next(Head::Busy(10), Head::At(7), MUCH), None);
        assert_eq!(precedence.next(Head::At(7), Head::Busy(10), MUCH), None);
        precedence.begin(10 + hidden);
        assert_eq!(precedence.next(Head::At(7), Head::Busy(10), 0), Some(Lane::Common));
        assert_eq!(precedence.next(Head::Busy(10), Head::At(9), 0), Some(Lane::Urgent));
        assert!(precedence.is_overtaken(8) && !precedence.is_overtaken(9), "what was hidden");
        assert_eq!(precedence.next(Head::Busy(10), Head::Empty, 0), None);
    }

    proptest! {
        /// CPUs fill both lanes, each in the order of time, passes begin whenever they do: all is taken once,
        /// and what is taken and was not overtaken is in the order of time.
        #[test]
        fn what_is_not_overtaken_is_in_the_order_of_time(
            steps in proptest::collection::vec((any::<bool>(), 0..2_000_000_u64, any::<bool>()), 0..200),
            bytes in 0..2 * MUCH,
        ) {
            let (mut precedence, mut lanes) = (Precedence::default(), <[VecDeque<u64>; 2]>::default());
            let (mut now, mut taken) = (1, Vec::new());
            for (is_urgent, pause, reads) in &steps {
                now += pause + 1;
                lanes[usize::from(*is_urgent)].push_back(now);
                if *reads {
                    taken.extend(pass(&mut precedence, &mut lanes, now, bytes));
                }
            }
            taken.extend(pass(&mut precedence, &mut lanes, now, bytes));
            prop_assert_eq!(taken.len(), steps.len());
            let kept: Vec<_> = taken.iter().filter(|(.., overtaken)| !overtaken).collect();
            prop_assert!(kept.windows(2).all(|pair| pair[0].1 <= pair[1].1), "{:?}", taken);
        }
    }
}
