//! Looking again at flows that pass though their start was not seen: what comes later may name them.

use std::collections::VecDeque;
use std::time::Duration;

use super::classifier::Classifier;
use super::detector::Detector;
use super::enforcement::Enforcement;
use super::fall_back::fall_back;
use super::moved::remember;
use super::settings::Accounting;
use super::sink::Sink;
use crate::flow::{AFTER, Decided, FlowEntry, SlotId, Stage};
use crate::key::FlowKey;
use crate::sample::Sample;
use crate::verdict::Action;

/// For how long nDPI looks: then what was known before stands again.
const LONGEST: Duration = Duration::from_secs(10);
/// Flows that wait for each look at most. Others are not looked at again.
const WAITING: usize = 1 << 14;
/// Looks that begin or end at a time.
const AT_A_TIME: usize = 8;

/// What is next of those that wait so long, if its time has come. What would wait longer was put there before the clock
/// was set back.
fn next_due<T>(queue: &mut VecDeque<(u64, T)>, now_ns: u64, wait: Duration) -> Option<T> {
    let until = later(now_ns, wait);
    queue.pop_front_if(|(due, _)| *due <= now_ns || *due > until).map(|(_, waiting)| waiting)
}

fn later(now_ns: u64, by: Duration) -> u64 {
    now_ns.saturating_add(u64::try_from(by.as_nanos()).unwrap_or(u64::MAX))
}

/// Which look at the flow is the next, if it is to be looked at again.
fn next_look<F>(flow: &FlowEntry<F>) -> Option<usize> {
    let passes = |it: &Decided| it.verdict.is_some_and(|it| it.action == Action::Count);
    let is_due = flow.is_incomplete() && flow.decided().is_some_and(passes);
    if is_due { flow.looks.next() } else { None }
}

impl<D: Detector> Classifier<D> {
    /// Begins and ends looks that are due at `now_ns` (nanoseconds since the Unix epoch), a few at a
    /// time.
    pub fn look_again(&mut self, now_ns: u64, sink: &mut impl Sink<D::Flow>) {
        for _ in 0..AT_A_TIME {
            for (look, wait) in AFTER.into_iter().enumerate() {
                let queue = &mut self.waiting.to_begin[look];
                if let Some(key) = next_due(queue, now_ns, wait) {
                    self.begin(look, &key, now_ns, sink);
                }
            }
            if let Some((look, key)) = next_due(&mut self.waiting.to_end, now_ns, LONGEST)
                && self.table.look_up(&key).is_some_and(|flow| flow.looks.current() == Some(look))
            {
                self.end_look(&key, now_ns, sink);
            }
        }
    }

    /// Has a flow wait for its next look, if it is to have one.
    pub(super) fn await_look(&mut self, slot: SlotId, now_ns: u64) {
        let flow = self.table.get(slot).filter(|_| self.settings.accounting == Accounting::Kernel);
        let Some((look, flow)) = flow.and_then(|flow| Some((next_look(flow)?, flow))) else {
            return;
        };
        let queue = &mut self.waiting.to_begin[look];
        if queue.len() < WAITING {
            queue.push_back((later(now_ns, AFTER[look]), flow.key));
        }
    }

    /// Has the kernel show packets of a flow again, which pass meanwhile.
    fn begin(&mut self, look: usize, key: &FlowKey, now_ns: u64, sink: &mut impl Sink<D::Flow>) {
        let Some(slot) = self.table.find(key) else { return };
        let Some(flow) = self.table.get_mut(slot) else { return };
        if next_look(flow) != Some(look) {
            return;
        }
        if !sink.enforcement().suspend(flow) {
            return self.await_look(slot, now_ns);
        }
        // What is followed of its requests is not for nDPI.
        self.forget_receiver(slot);
        let Some(flow) = self.table.get_mut(slot) else { return };
        let state = Stage::Undecided(self.detector.open());
        if let Stage::Decided(before) = std::mem::replace(&mut flow.stage, state) {
            flow.looks.begin(before);
        }
        self.waiting.to_end.push_back((later(now_ns, LONGEST), (look, *key)));
        self.account(slot, sink);
    }

    /// Ends the look at a flow of which nothing came.
    fn end_look(&mut self, key: &FlowKey, now_ns: u64, sink: &mut impl Sink<D::Flow>) {
        let Some(slot) = self.table.find(key) else { return };
        let Some(flow) = self.table.get_mut(slot) else { return };
        let Some(before) = flow.looks.before.take() else { return };
        fall_back(flow, *before, sink.rules());
        sink.enforcement().resume(flow);
        self.forget_receiver(slot);
        self.account(slot, sink);
        self.await_look(slot, now_ns);
    }

    /// Decides a flow, by a packet: of two decisions the one that knows more stands.
    pub(super) fn settle(
        &mut self,
        slot: SlotId,
        decided: Decided,
        sample: &Sample,
        sink: &mut impl Sink<D::Flow>,
    ) {
        let Some(flow) = self.table.get_mut(slot) else { return };
        let is_better = flow.looks.before.is_none()
            || !flow.start.is_incomplete(&decided.classification, decided.details.hostname());
        if !is_better {
            return self.end_look(&sample.key, sample.time_ns, sink);
        }
        flow.looks.before = None;
        flow.begin_verdict();
        flow.stage = Stage::Decided(decided);
        remember(&self.connections, flow);
        self.follow_requests(slot, sink.rules());
        if let Some(flow) = self.table.get_mut(slot) {
            sink.decided(flow, sample);
        }
        self.judge_requests(slot, false, sample, sink);
        self.end_following(slot);
        self.account(slot, sink);
        self.await_look(slot, sample.time_ns);
    }
}
