//! A worker: the thread that owns a share of the flows.

use std::sync::Arc;
use std::time::Duration;

use anyhow::Result;
use crossbeam::channel::{Receiver, TryRecvError};
use ndpi_flow::{Classifier, Detector, Inherited, Taken};
use ndpi_kernel::ktime_ns;

use super::backlog::Backlog;
use super::feed::{Fed, Feed};
use super::message::{Active, Message, Over, Rejudged};
use super::worker_sink::WorkerSink;
use crate::clock::now_ns;
use crate::enforce::VerdictStore;

/// How long a worker waits for samples and messages before it looks for flows that are over.
const IDLE_WAIT: Duration = Duration::from_millis(100);

/// The same while there are flows of an earlier instance that nobody has heard of.
const ANNOUNCING_WAIT: Duration = Duration::from_millis(5);

/// So many of them are reported at a time: whoever writes records is to keep up.
const ANNOUNCED: usize = 128;

/// Flows looked at after each message and after samples, beside one for each of these.
const STEPS_PER_MESSAGE: usize = 32;

/// For how long the classifier puts samples off: what it asks nDPI about together saves it more than that, and a flow
/// that is to be blocked passes for as long as it waits.
const PUT_OFF_NS: u64 = 50_000;

/// How often verdicts are tried again that the maps refused.
const RETRY_EVERY_NS: u64 = 1_000_000_000;

/// How often it says how far it is.
const REPORT_EVERY_NS: u64 = 500_000_000;

/// How many of them are tried in vain at a time: each may mean a search for room.
const RETRIES: usize = 8;

/// A classifier with its way in and out.
pub(super) struct Worker<D: Detector, S> {
    classifier: Classifier<D>,
    sink: WorkerSink<S>,
    inbox: Receiver<Message>,
    backlog: Arc<Backlog>,
    /// Samples taken so far.
    taken: u64,
}

impl<D: Detector, S: VerdictStore> Worker<D, S> {
    /// A worker that takes messages from `inbox`, and says in `backlog` how far it is.
    pub(super) fn new(
        classifier: Classifier<D>,
        sink: WorkerSink<S>,
        inbox: Receiver<Message>,
        backlog: Arc<Backlog>,
    ) -> Self {
        Self { classifier, sink, inbox, backlog, taken: 0 }
    }

    /// Takes over flows of an instance that is gone. To be called before the first sample: where a flow goes on, it
    /// is known by then.
    #[must_use]
    pub(super) fn adopting(mut self, flows: Vec<Inherited>) -> Self {
        let now = now_ns();
        for inherited in flows {
            self.classifier.adopt(inherited, now, &mut self.sink);
        }
        self.report(now);
        self
    }

    /// Works until nobody can send a message any more, takes what `feed` has left, ends all flows, and
    /// returns the sink with its totals.
    ///
    /// # Errors
    ///
    /// Samples cannot be waited for.
    pub(super) fn run(mut self, feed: &mut impl Feed) -> Result<WorkerSink<S>> {
        let (mut retried, mut reported) = (0, 0);
        loop {
            self.backlog.at_work(ktime_ns());
            let (message, wait) = match self.inbox.try_recv() {
                Ok(message) => (self.take(message), Duration::ZERO),
                Err(TryRecvError::Empty) if self.announce() => (0, ANNOUNCING_WAIT),
                Err(TryRecvError::Empty) => (0, IDLE_WAIT),
                Err(TryRecvError::Disconnected) => break,
            };
            self.backlog.rests();
            let samples = self.take_samples(feed, wait)?;
            let steps = match message + samples {
                0 => {
                    self.classifier.rest();
                    self.classifier.table().len().min(1 << 16)
                }
                some => some + STEPS_PER_MESSAGE,
            };
            self.backlog.at_work(ktime_ns());
            let now = now_ns();
            self.classifier.expire(now, steps, &mut self.sink);
            self.look_again(now);
            self.report_lost();
            if now.abs_diff(retried) > RETRY_EVERY_NS {
                retried = now;
                self.retry();
            }
            if now.abs_diff(reported) > REPORT_EVERY_NS {
                reported = now;
                self.report(now);
            }
        }
        while self.take_samples(feed, Duration::ZERO)? > 0 {}
        self.classifier.end_all(&mut self.sink);
        self.report_lost();
        self.report(now_ns());
        self.sink.count_samples(self.taken);
        Ok(self.sink)
    }

    /// Reports some of the flows that were taken over; says whether there were any left.
    fn announce(&mut self) -> bool {
        for _ in 0..ANNOUNCED {
            let Some((key, before)) = self.sink.next_unannounced() else { return false };
            if let Some(flow) = self.classifier.get_mut(&key) {
                self.sink.announce(flow, before);
            }
        }
        true
    }

    /// Takes samples that are there, or waits for some; returns how many there were.
    fn take_samples(&mut self, feed: &mut impl Feed, wait: Duration) -> Result<usize> {
        let samples = feed.poll(wait, |fed| self.take_sample(&fed))?;
        self.catch_up();
        Ok(samples)
    }

    /// Takes a sample, or notes that it is left out.
    pub(super) fn take_sample(&mut self, fed: &Fed<'_>) {
        let sample = &fed.sample;
        // What opens a connection on the ports of an earlier one says that this one is another.
        if fed.is_spared && !self.classifier.notes().has(&sample.key) {
            return self.backlog.spare();
        }
        let now = ktime_ns();
        self.backlog.at_work(now);
        self.sink.stopwatch().begin(Taken { read_ns: fed.read_ns, begun_ns: now });
        self.classifier.sample(sample, &mut self.sink);
        // One that carries another is counted as what is inside.
        self.taken += u64::from(!sample.outer);
        let done = ktime_ns();
        self.sink.stopwatch().rest(done);
        self.backlog.end(done.saturating_sub(fed.seen_ns));
        let since = self.classifier.put_off_since();
        if since.is_some_and(|since| done.saturating_sub(since) > PUT_OFF_NS) {
            self.catch_up();
        }
    }

    /// Takes samples that were put off.
    fn catch_up(&mut self) {
        self.classifier.catch_up(&mut self.sink);
        self.sink.stopwatch().rest(ktime_ns());
    }

    /// Has it reported what was lost for want of room.
    fn report_lost(&mut self) {
        let notes = (self.classifier.notes().lost(), self.classifier.shed_notes());
        self.sink.report_lost(notes);
    }

    /// Says how far it is, for whoever makes snapshots.
    fn report(&self, now_ns: u64) {
        let (flows, notes) = (self.classifier.table().len(), self.classifier.notes().len());
        self.sink.put_share(now_ns, (flows, notes), self.taken);
    }

    /// Looks again at flows of which too little is known, where that is due at `now_ns`.
    pub(super) fn look_again(&mut self, now_ns: u64) {
        self.classifier.look_again(now_ns, &mut self.sink);
    }

    /// Tries again what the maps refused, until they refuse a few things more; returns how many
    /// flows are left of which they lack something.
    pub(super) fn retry(&mut self) -> usize {
        let mut failures = 0;
        while failures < RETRIES
            && let Some((key, pending)) = self.sink.enforcer.next_pending()
        {
            let before = self.sink.enforcer.pending();
            if let Some(flow) = self.classifier.get_mut(&key) {
                self.sink.retry(flow, pending);
            }
            failures += usize::from(self.sink.enforcer.pending() > before);
        }
        self.sink.enforcer.pending()
    }

    /// Does what a message says; returns how many messages that were.
    pub(super) fn take(&mut self, message: Message) -> usize {
        match message {
            Message::Over(flows) => {
                for Over { key, end, last_seen, last_seen_ns } in flows {
                    // It may have come to life while this was waiting, or be another of its key.
                    if !self.sink.enforcer.is_silent_since(&key, last_seen) {
                        continue;
                    }
                    self.classifier.saw(&key, last_seen_ns, last_seen_ns);
                    if !self.classifier.end(&key, end, &mut self.sink) {
                        self.sink.enforcer.forget(&key);
                    }
                }
            }
            Message::Active(flows) => {
                for Active { key, answers } in flows {
                    self.classifier.is_active(&key, answers);
                }
            }
            Message::Policy(policy, done) => {
                let changed = self.sink.changed();
                self.sink.set_policy(policy);
                let flows = self.classifier.judge_again(&mut self.sink);
                // Whoever does not wait for it has no use for it.
                let _ = done.send(Rejudged { flows, changed: self.sink.changed() - changed });
            }
        }
        1
    }
}
