//! Giving nDPI a flow's packets, as its receiver reads them.

use ndpi::Classification;
use ndpi_common::SequenceNumbers;

use super::classifier::Classifier;
use super::detector::{Detector, Packet};
use super::enforcement::Enforcement;
use super::said::Said;
use super::settings::Accounting;
use crate::flow::{FlowEntry, SlotId, Stage};
use crate::normalise::{MOST_KEPT, Receiver, Step};
use crate::sample::Sample;

/// The most bytes that are kept for all flows of a classifier.
const MOST_KEPT_BY_ALL: usize = 64 << 20;

impl<D: Detector> Classifier<D> {
    /// Has nDPI look at what a packet brings; decides nothing.
    pub(super) fn inspect(&mut self, slot: SlotId, sample: &Sample) -> Option<Said> {
        let flow = self.table.get_mut(slot)?;
        let Stage::Undecided(state) = &mut flow.stage else { return None };
        let all = self.settings.accounting == Accounting::Classifier;
        flow.start.note(&flow.key, flow.tcp_seen, sample, all);
        flow.inspected = flow.inspected.saturating_add(1);
        let mut look = Look::new(&self.detector, state, sample.time_ns);
        if self.settings.normalise && flow.receiver.is_none() {
            flow.receiver = Receiver::of(flow.key.proto(), sample, flow.inspected > 1);
        }
        let Some(receiver) = &mut flow.receiver else {
            look.at(sample.l3);
            return Some(look.said_or_known());
        };
        let before = receiver.kept();
        let room = room(before, self.kept);
        receiver.packet(sample, room, &mut flow.findings, |step| look.takes(step));
        self.kept = self.kept + receiver.kept() - before;
        let (client, opening_seen, is_cut) =
            (receiver.client(), receiver.opening_seen(), receiver.is_cut());
        let said = look.said_or_known();
        if let Some(client) = client {
            flow.is_opened_by(client);
        }
        if is_cut {
            flow.start.note_cut();
        }
        if let Some(seen) = opening_seen {
            flow.start.note_quic(seen);
        }
        Some(said)
    }

    /// Has nDPI look at what waits for the other end's acknowledgement, where the kernel has seen that by now: the packet
    /// that brings it may carry nothing else, and then a worker that is behind leaves it out. The kernel is asked
    /// where `known` does not say so. `None` where there is nothing new.
    pub(super) fn inspect_acknowledged(
        &mut self,
        slot: SlotId,
        known: Option<SequenceNumbers>,
        enforcement: &mut impl Enforcement<D::Flow>,
    ) -> Option<Said> {
        let flow = self.table.get_mut(slot)?;
        let receiver = flow.receiver.as_mut().filter(|it| it.awaits_acknowledgement())?;
        let Stage::Undecided(state) = &mut flow.stage else { return None };
        let mut look = Look::new(&self.detector, state, flow.last_seen_ns);
        let before = receiver.kept();
        let room = room(before, self.kept);
        if let Some(known) = known {
            receiver.acknowledged(&known, room, &mut flow.findings, |step| look.takes(step));
        }
        if receiver.awaits_acknowledgement()
            && let Some(now) = enforcement.numbers(&flow.key)
        {
            receiver.acknowledged(&now, room, &mut flow.findings, |step| look.takes(step));
        }
        self.kept = self.kept + receiver.kept() - before;
        look.said
    }

    /// Has nDPI look at what was kept of a flow of which no more is shown, or nothing more comes, if the flow
    /// is `over`.
    pub(super) fn inspect_rest(
        detector: &D,
        flow: &mut FlowEntry<D::Flow>,
        over: bool,
    ) -> Option<Classification> {
        let Stage::Undecided(state) = &mut flow.stage else { return None };
        let mut look = Look::new(detector, state, flow.last_seen_ns);
        let receiver = flow.receiver.as_mut()?;
        if over {
            receiver.release_all(&mut flow.findings, |step| look.takes(step));
        } else {
            receiver.release(&mut flow.findings, |step| look.takes(step));
        }
        look.heard()
    }

    /// How many bytes may be kept of a flow.
    pub(super) fn room_for(&self, slot: SlotId) -> usize {
        room(self.table.get(slot).map_or(0, FlowEntry::kept), self.kept)
    }

    /// Frees what was kept of a flow.
    pub(super) fn forget_receiver(&mut self, slot: SlotId) {
        if let Some(receiver) = self.table.get_mut(slot).and_then(|flow| flow.receiver.take()) {
            self.kept -= receiver.kept();
        }
    }
}

/// How many bytes may be kept of a flow of which so many are, where so many are of all.
fn room(own: usize, all: usize) -> usize {
    MOST_KEPT.min(own + MOST_KEPT_BY_ALL.saturating_sub(all))
}

/// nDPI's look at the packets that one packet brings: none, itself, or several that had waited.
struct Look<'a, D: Detector> {
    detector: &'a D,
    state: &'a mut D::Flow,
    time_ms: u64,
    said: Option<Said>,
}

impl<'a, D: Detector> Look<'a, D> {
    fn new(detector: &'a D, state: &'a mut D::Flow, time_ns: u64) -> Self {
        Self { detector, state, time_ms: time_ns / 1_000_000, said: None }
    }

    fn takes(&mut self, step: Step) {
        match step {
            Step::Packet(l3) => self.at(l3),
            Step::Restart => {
                *self.state = self.detector.open();
                self.said = None;
            }
        }
    }

    /// Looks at a packet, unless the last word was said.
    fn at(&mut self, l3: &[u8]) {
        if matches!(self.said, Some(Said::Now(said)) if said.state.is_final()) {
            return;
        }
        let said = self.detector.show(self.state, Packet { l3, time_ms: self.time_ms });
        self.said = Some(said.map_or(Said::Later, Said::Now));
    }

    /// What was said, now or later; where nothing was, what is known.
    fn said_or_known(self) -> Said {
        self.said.unwrap_or_else(|| Said::Now(self.detector.classification(self.state)))
    }

    /// What was said, for which this waits.
    fn heard(self) -> Option<Classification> {
        Some(match self.said? {
            Said::Now(said) => said,
            Said::Later => self.detector.hear(self.state),
        })
    }
}
