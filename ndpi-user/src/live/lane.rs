//! The reader's way to one worker.

use std::collections::HashSet;
use std::time::Duration;

use ndpi_common::SampleHeader;
use ndpi_flow::{Batch, FlowKey, Sample};
use ndpi_kernel::ktime_ns;

use super::backlog::Behind;
use super::message::Message;
use super::outbox::Outbox;

/// How long the reader waits for a worker whose queue is full, while others wait for the reader. One that
/// is only slow takes the next batch within a millisecond.
const PATIENCE: Duration = Duration::from_millis(20);

/// Flows that are remembered as having lost a sample: more than the queue of a worker holds. Beyond that,
/// some may be taken for whole.
const MOST_LOSSY: usize = 1 << 16;

/// The batch that a worker gets next, and the way to it.
#[derive(Debug)]
pub(super) struct Lane {
    pub(super) outbox: Outbox,
    filling: Batch,
    /// As of the last batch or, where it was behind, of the last sample.
    pub(super) behind: Behind,
    /// Whether there are other workers.
    has_neighbours: bool,
    /// It took the last batch not within [`PATIENCE`]: the next ones are not waited for.
    is_full: bool,
    /// Flows of which samples were lost here, until their next sample says so.
    lossy: HashSet<FlowKey>,
}

impl Lane {
    pub(super) fn new(outbox: Outbox, has_neighbours: bool) -> Self {
        Self {
            outbox,
            filling: Batch::default(),
            behind: Behind::No,
            has_neighbours,
            is_full: false,
            lossy: HashSet::new(),
        }
    }

    /// Leaves a sample out where the worker is behind and nDPI can do without it.
    pub(super) fn spares(&mut self, header: &SampleHeader) -> bool {
        if self.behind != Behind::No {
            self.behind = self.outbox.backlog().behind(ktime_ns());
        }
        let spared = self.behind.spares(header);
        if spared {
            self.outbox.backlog().spare();
        }
        spared
    }

    /// Adds a sample, which was seen at `seen_ns` nanoseconds since boot; returns how many there are now.
    pub(super) fn push(&mut self, mut sample: Sample, seen_ns: u64) -> usize {
        if self.filling.is_empty() {
            self.filling.seen_ns = seen_ns;
        }
        sample.loss |= !self.lossy.is_empty() && self.lossy.remove(&sample.key);
        self.filling.push(&sample);
        self.filling.len()
    }

    /// Whether there is nothing to send.
    pub(super) fn is_empty(&self) -> bool {
        self.filling.is_empty()
    }

    /// Sends what it holds, and goes on with `empty`.
    pub(super) fn send(&mut self, empty: Batch) {
        let mut full = std::mem::replace(&mut self.filling, empty);
        full.sent_ns = ktime_ns();
        let backlog = self.outbox.backlog();
        backlog.send(full.len(), full.sent_ns);
        self.behind = backlog.behind(full.sent_ns);
        let back = self.hand_over(Message::Samples(full));
        self.is_full = back.is_some();
        if let Some(Message::Samples(lost)) = back {
            self.lose(&lost);
        }
    }

    /// Gives the message back where the worker does not take it. Only where nobody else has to wait is it
    /// waited for until it goes on or is known to be stuck.
    fn hand_over(&self, message: Message) -> Option<Message> {
        match (self.has_neighbours, self.is_full) {
            (false, _) => self.outbox.send(message),
            (true, false) => self.outbox.offer_within(message, PATIENCE),
            (true, true) => self.outbox.offer_within(message, Duration::ZERO),
        }
    }

    fn lose(&mut self, batch: &Batch) {
        self.outbox.backlog().lose(batch.len());
        let room = MOST_LOSSY.saturating_sub(self.lossy.len());
        self.lossy.extend(batch.iter().map(|sample| sample.key).take(room));
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::time::Instant;

    use crossbeam::channel::{Receiver, bounded};
    use ndpi_common::{Direction, KeyV4};

    use super::*;
    use crate::live::backlog::Backlog;

    fn lane(has_neighbours: bool) -> (Lane, Receiver<Message>, Arc<Backlog>) {
        let (messages, inbox) = bounded(1);
        let backlog = Arc::<Backlog>::default();
        let outbox = Outbox::new(messages, Arc::clone(&backlog));
        (Lane::new(outbox, has_neighbours), inbox, backlog)
    }

    fn put(lane: &mut Lane, port: u16) {
        let (key, direction) = KeyV4::new(([198, 18, 0, 1], port), ([198, 18, 0, 2], 443), 0, 6);
        lane.push(Sample::new(FlowKey::V4(key), direction, 0, b"x"), 1);
        assert_eq!(direction, Direction::FromLower);
        lane.send(Batch::default());
    }

    #[test]
    fn a_worker_that_takes_nothing_costs_the_others_one_short_wait() {
        let (mut lane, inbox, backlog) = lane(true);
        let began = Instant::now();
        (1..=1000).for_each(|port| put(&mut lane, port));
        // A wait for each of them would have been 20 s.
        assert!(began.elapsed() < Duration::from_secs(5), "{:?}", began.elapsed());
        assert_eq!((inbox.len(), backlog.queue_full(), backlog.spared()), (1, 999, 0));
        assert!(!backlog.is_stuck(), "nobody knows that yet");
    }

    #[test]
    fn flows_that_have_lost_a_sample_say_so_with_the_next_one() {
        let (mut lane, inbox, _) = lane(true);
        (1..=3).for_each(|port| put(&mut lane, port));
        let next = || {
            let Ok(Message::Samples(batch)) = inbox.try_recv() else { panic!("no samples") };
            batch.iter().map(|sample| sample.loss).collect::<Vec<_>>()
        };
        assert_eq!(next(), [false], "the first was taken");
        put(&mut lane, 3);
        assert_eq!(next(), [true]);
        put(&mut lane, 3);
        assert_eq!(next(), [false], "once is enough");
        put(&mut lane, 1);
        assert_eq!(next(), [false]);
    }

    #[test]
    fn the_only_worker_is_waited_for() {
        let (mut lane, inbox, backlog) = lane(false);
        std::thread::scope(|scope| {
            let slow = scope.spawn(|| {
                std::thread::sleep(3 * PATIENCE);
                inbox.iter().take(3).count()
            });
            (1..=3).for_each(|port| put(&mut lane, port));
            assert_eq!(slow.join().unwrap(), 3);
        });
        assert_eq!(backlog.queue_full(), 0);
    }
}
