//! A worker: the thread that owns a share of the flows.

use std::sync::Arc;
use std::time::Duration;

use crossbeam::channel::{Receiver, RecvTimeoutError, Sender};
use ndpi_flow::{Batch, Classifier, Detector};
use ndpi_kernel::ktime_ns;

use super::backlog::Backlog;
use super::message::{Active, Message, Over, Rejudged};
use super::worker_sink::WorkerSink;
use crate::clock::now_ns;
use crate::enforce::VerdictStore;

/// How long a worker waits for a message before it looks for flows that are over.
const IDLE_WAIT: Duration = Duration::from_millis(100);

/// Flows looked at after each message, beside one for each sample of it.
const STEPS_PER_MESSAGE: usize = 32;

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
    /// Where empty batches go back to.
    empties: Sender<Batch>,
    /// Samples taken so far.
    taken: u64,
}

impl<D: Detector, S: VerdictStore> Worker<D, S> {
    /// A worker that takes messages from `inbox`, says in `backlog` how far it is with them, and gives
    /// empty batches back to `empties`.
    pub(super) fn new(
        classifier: Classifier<D>,
        sink: WorkerSink<S>,
        inbox: Receiver<Message>,
        backlog: Arc<Backlog>,
        empties: Sender<Batch>,
    ) -> Self {
        Self { classifier, sink, inbox, backlog, empties, taken: 0 }
    }

    /// Works until nobody can send a message any more, ends all flows, and returns the sink with
    /// its totals.
    pub(super) fn run(mut self) -> WorkerSink<S> {
        let (mut retried, mut reported) = (0, 0);
        loop {
            self.backlog.rests();
            let received = self.inbox.recv_timeout(IDLE_WAIT);
            self.backlog.at_work(ktime_ns());
            let steps = match received {
                Ok(message) => self.take(message),
                Err(RecvTimeoutError::Timeout) => self.classifier.table().len().min(1 << 16),
                Err(RecvTimeoutError::Disconnected) => break,
            };
            let now = now_ns();
            self.classifier.expire(now, steps, &mut self.sink);
            self.look_again(now);
            self.sink.report_lost(self.classifier.notes().lost());
            if now.abs_diff(retried) > RETRY_EVERY_NS {
                retried = now;
                self.retry();
            }
            if now.abs_diff(reported) > REPORT_EVERY_NS {
                reported = now;
                self.report(now);
            }
        }
        self.classifier.end_all(&mut self.sink);
        self.sink.report_lost(self.classifier.notes().lost());
        self.report(now_ns());
        self.sink.count_samples(self.taken);
        self.sink
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

    /// Does what a message says, and returns how many flows may be looked at afterwards.
    pub(super) fn take(&mut self, message: Message) -> usize {
        match message {
            Message::Samples(mut batch) => {
                self.backlog.begin(batch.sent_ns);
                for sample in batch.iter() {
                    self.sink.stopwatch().begin(batch.sent_ns, ktime_ns());
                    self.classifier.sample(&sample, &mut self.sink);
                }
                let now = ktime_ns();
                self.sink.stopwatch().rest(now);
                self.backlog.end(batch.len(), now.saturating_sub(batch.seen_ns));
                self.taken += batch.packets() as u64;
                let steps = batch.len() + STEPS_PER_MESSAGE;
                batch.clear();
                // The reader makes a new one where it has gone or has enough.
                let _ = self.empties.try_send(batch);
                return steps;
            }
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
        STEPS_PER_MESSAGE
    }
}
