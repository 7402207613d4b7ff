//! Making room: who is counted to whom, who has to go, and what is left of it.

use super::classifier::Classifier;
use super::detector::Detector;
use super::end::End;
use super::enforcement::Enforcement;
use super::fall_back::judge;
use super::settings::{Accounting, Settings};
use super::sink::Sink;
use crate::flow::{Cause, Client, FlowEntry, Held, Note, Pool, SlotId};
use crate::key::FlowKey;
use crate::sample::Sample;

/// Flows that may turn out to have been answered, for one that has to go.
const SECOND_CHANCES: usize = 8;

impl Settings {
    /// Until when a note on a flow is to hold that ends like this at `now_ns`; `None` where it needs
    /// none. What may pass and is silent is over; what is blocked is forgotten by the kernel before.
    fn note_until<F>(&self, flow: &FlowEntry<F>, end: End, now_ns: u64) -> Option<u64> {
        let from = match end {
            End::Evicted => now_ns,
            End::Idle | End::Closed if flow.held() == Some(Held::Blocked) => flow.last_seen_ns,
            _ => return None,
        };
        let Some(timeouts) = self.timeouts else { return Some(u64::MAX) };
        let silence = timeouts.for_proto(flow.key.proto(), true).as_nanos();
        let until = from.saturating_add(u64::try_from(silence).unwrap_or(u64::MAX));
        (until > now_ns).then_some(until)
    }
}

impl<D: Detector> Classifier<D> {
    /// The kernel has seen packets of the flow with this key, whose lower and upper endpoint have sent
    /// something that would answer the other, or not.
    pub fn is_active(&mut self, key: &FlowKey, answers: [bool; 2]) {
        let Some(slot) = self.table.find(key) else { return };
        if self.table.get(slot).is_some_and(|flow| flow.has_answer(answers)) {
            self.ledger.answered(slot);
        }
        self.ledger.touch(slot);
    }

    /// Notes who has sent a packet of a flow.
    pub(super) fn heard(&mut self, slot: SlotId, sample: &Sample) {
        let is_answer = self.settings.accounting == Accounting::Kernel
            && self.ledger.pool(slot) == Some(Pool::Unanswered)
            && self.table.get(slot).is_some_and(|flow| flow.is_answered_from_elsewhere(sample));
        if is_answer {
            self.ledger.answered(slot);
        } else {
            self.ledger.touch(slot);
        }
    }

    /// Counts a flow to its client's share, as what it is now.
    pub(super) fn account(&mut self, slot: SlotId, sink: &mut impl Sink<D::Flow>) {
        let Some(flow) = self.table.get(slot) else { return };
        let client = Client::of(&flow.key, flow.client);
        if let Some((oldest, cause)) = self.ledger.hold(slot, &client, flow.held()) {
            self.displace(oldest, cause, sink);
        }
    }

    /// Makes room for a new flow, if there is none. What looks unanswered may have been answered since
    /// the kernel keeps it: then it keeps its place, and another one goes.
    pub(super) fn make_room(&mut self, sink: &mut impl Sink<D::Flow>) {
        for chance in 0..=SECOND_CHANCES {
            let Some((slot, cause)) = self.ledger.crowded_out(Pool::Unanswered) else { return };
            let is_spared = chance < SECOND_CHANCES
                && cause == Cause::Full(Pool::Unanswered)
                && self.table.get(slot).is_some_and(|flow| sink.enforcement().is_answered(flow));
            if !is_spared {
                return self.displace(slot, cause, sink);
            }
            self.ledger.answered(slot);
        }
    }

    /// Ends a flow to make room.
    pub(super) fn displace(&mut self, slot: SlotId, cause: Cause, sink: &mut impl Sink<D::Flow>) {
        if let Some(flow) = self.table.get(slot) {
            sink.displaced(flow, cause);
        }
        self.finish(slot, End::Evicted, sink);
    }

    /// Decides a flow by the note on it: the policy in force then still holds, or is asked now.
    pub(super) fn restore(&mut self, slot: SlotId, sample: &Sample, sink: &mut impl Sink<D::Flow>) {
        let (Some(note), Some(flow)) = (self.notes.remove(&sample.key), self.table.get_mut(slot))
        else {
            return;
        };
        let (is_current, answered) = (note.policy() == self.policy, note.is_answered());
        note.restore(flow);
        if !is_current {
            judge(flow, sink.rules());
        }
        sink.decided(flow, sample);
        if answered {
            self.ledger.answered(slot);
        }
        self.account(slot, sink);
    }

    /// Leaves a note of a flow that ends early.
    pub(super) fn leave_note(&mut self, flow: &FlowEntry<D::Flow>, end: End, answered: bool) {
        if self.settings.accounting == Accounting::Classifier {
            return;
        }
        let Some(expires_ns) = self.settings.note_until(flow, end, self.now_ns) else { return };
        if let Some(note) = Note::of(flow, answered, self.policy, expires_ns) {
            self.notes.add(note, self.now_ns);
        }
    }
}
