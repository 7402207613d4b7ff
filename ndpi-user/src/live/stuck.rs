//! Noticing a worker that neither ends nor goes on.

use std::sync::Arc;
use std::time::Duration;

use ndpi_events::{Event, Source, Status, StuckWorker, Time};

use super::backlog::Backlog;

/// A worker is stuck when it is at one message for so long. The longest takes a second or two: to judge all
/// flows of a full table by another policy.
const BOUND: Duration = Duration::from_secs(10);

/// Looks that have to find it so, of which there are ten a second. Where the whole process was stopped, the
/// clock says nothing of its threads.
const LOOKS: u32 = 50;

/// What is to be reported of a worker, with how long it was at one message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Report {
    IsStuck(Duration),
    GoesOn(Duration),
}

/// What was seen of one worker.
#[derive(Clone, Copy, Debug, Default)]
struct Watch {
    /// When it began with the message that it is at, and how many looks have found it there.
    at: Option<(u64, u32)>,
    is_stuck: bool,
}

impl Watch {
    /// Takes in that the worker is at the message that it began with at `since_ns`, or at none.
    fn look(&mut self, since_ns: Option<u64>, now_ns: u64) -> Option<Report> {
        let lasted = |since: u64| Duration::from_nanos(now_ns.saturating_sub(since));
        let (before, looks) = self.at.unwrap_or_default();
        if self.at.is_none() || since_ns != Some(before) {
            self.at = since_ns.map(|since| (since, 1));
            return std::mem::take(&mut self.is_stuck).then(|| Report::GoesOn(lasted(before)));
        }
        self.at = Some((before, looks.saturating_add(1)));
        let is_new = !self.is_stuck && looks >= LOOKS && lasted(before) >= BOUND;
        self.is_stuck |= is_new;
        is_new.then(|| Report::IsStuck(lasted(before)))
    }
}

/// Looks whether workers go on.
#[derive(Debug)]
pub(super) struct StuckWatch {
    workers: Vec<(Arc<Backlog>, Watch)>,
    source: Source,
}

impl StuckWatch {
    pub(super) fn new(backlogs: &[Arc<Backlog>], source: Source) -> Self {
        let workers = backlogs.iter().map(|it| (Arc::clone(it), Watch::default()));
        Self { workers: workers.collect(), source }
    }

    /// Looks, at `now_ns` nanoseconds since boot, and reports who is stuck and who goes on. `time` is the
    /// same in nanoseconds since the Unix epoch.
    pub(super) fn look(&mut self, now_ns: u64, time: u64) {
        for worker in 0..self.workers.len() {
            let (backlog, watch) = &mut self.workers[worker];
            if let Some(report) = watch.look(backlog.at_work_since(), now_ns) {
                backlog.set_stuck(watch.is_stuck);
                self.report(worker, report, time);
            }
        }
    }

    fn report(&mut self, worker: usize, report: Report, time: u64) {
        let (state, lasted): (fn(StuckWorker) -> Status, _) = match report {
            Report::IsStuck(lasted) => (Status::WorkerStuck, lasted),
            Report::GoesOn(lasted) => (Status::WorkerResumed, lasted),
        };
        let (time, workers) = (Time::from_ns(time), self.workers.len());
        let stuck = StuckWorker { time, worker, workers, seconds: lasted.as_secs() };
        self.source.publish(time, Event::Status(state(stuck)));
    }
}

#[cfg(test)]
mod tests {
    use std::thread;

    use crossbeam::channel::bounded;
    use serde_json::json;

    use super::*;
    use crate::live::changes::run_alone;
    use crate::live::message::Message;
    use crate::testing::bus;

    const SECOND: u64 = 1_000_000_000;

    #[test]
    fn a_worker_is_stuck_when_many_looks_find_it_at_one_message_for_long() {
        let mut watch = Watch::default();
        let mut looks = |since, from: u64, until: u64| -> Vec<_> {
            // Ten a second.
            let times = (from * 10..until * 10).map(|tenth| tenth * SECOND / 10);
            times.filter_map(|now| watch.look(since, now)).collect()
        };
        assert_eq!(looks(None, 0, 100), []);
        assert_eq!(looks(Some(100 * SECOND), 100, 110), [], "not for long");
        assert_eq!(looks(Some(110 * SECOND), 110, 111), [], "it is at another");
        // The process was stopped; then it takes a while until that is known.
        assert_eq!(looks(Some(110 * SECOND), 200, 204), []);
        let stuck = looks(Some(110 * SECOND), 204, 300);
        assert_eq!(stuck, [Report::IsStuck(Duration::from_secs(94))]);
        assert_eq!(looks(None, 300, 310), [Report::GoesOn(Duration::from_secs(190))]);
    }

    #[test]
    fn it_is_reported_once_and_when_it_goes_on() {
        let (bus, reported) = bus();
        let backlogs: Vec<Arc<Backlog>> = vec![Arc::default(), Arc::default()];
        let mut watch = StuckWatch::new(&backlogs, bus.source("workers"));
        backlogs[1].at_work(SECOND);
        (10..200).for_each(|tenth| watch.look(tenth * SECOND / 10, 7));
        assert_eq!([&backlogs[0], &backlogs[1]].map(|it| it.is_stuck()), [false, true]);
        backlogs[1].rests();
        (200..400).for_each(|tenth| watch.look(tenth * SECOND / 10, 7));
        assert!(!backlogs[1].is_stuck());
        let said = |state: &str, seconds: u64| {
            let time = "1970-01-01T00:00:00.000000Z";
            json!({
                "type": "status", "state": state, "time": time, "worker": 1, "workers": 2, "seconds": seconds
            })
        };
        assert_eq!(reported.events(), [said("worker-stuck", 10), said("worker-resumed", 19)]);
    }

    #[test]
    fn a_worker_is_at_a_message_until_it_is_done_with_it() {
        let (bus, _reported) = bus();
        let backlog = Arc::new(Backlog::default());
        let mut watch = StuckWatch::new(&[Arc::clone(&backlog)], bus.source("workers"));
        let (messages, inbox) = bounded(1);
        // It cannot say that it has judged before somebody takes that.
        let (done, judged) = bounded(0);
        thread::scope(|scope| {
            let (its_messages, its_backlog) = (messages.clone(), Arc::clone(&backlog));
            scope.spawn(move || {
                run_alone(inbox, its_backlog, |in_force| {
                    its_messages.send(Message::Policy(in_force, done)).unwrap();
                    drop(its_messages);
                });
            });
            let since = loop {
                if let Some(since) = backlog.at_work_since() {
                    break since;
                }
                thread::yield_now();
            };
            (0..=LOOKS).for_each(|_| watch.look(since + 10 * SECOND, 0));
            assert!(backlog.is_stuck());
            judged.recv().unwrap();
            while backlog.is_stuck() {
                watch.look(since + 11 * SECOND, 0);
                thread::yield_now();
            }
            drop(messages);
        });
    }
}
