//! Datagrams that come in fragments: nDPI is given them when they are whole.

use std::sync::Arc;

use super::classifier::Classifier;
use super::decide::decide;
use super::detector::Detector;
use super::settings::Accounting;
use super::sink::Sink;
use crate::flow::{FlowEntry, SlotId, Stage};
use crate::fragments::{Fragments, Piece, Taken, Whole};
use crate::key::FlowKey;
use crate::sample::{Sample, tcp_flags};
use ndpi_labels::Finding;

impl<D: Detector> Classifier<D> {
    /// Puts datagrams together where other classifiers do.
    pub fn share_fragments(&mut self, fragments: Arc<Fragments>) {
        self.fragments = fragments;
    }

    /// A fragment whose flow the kernel does not know: it may complete a datagram of one that somebody has.
    pub(super) fn stray(&mut self, sample: &Sample, sink: &mut impl Sink<D::Flow>) {
        if self.settings.normalise
            && let Some(piece) = Piece::of(sample.l3)
        {
            self.fragments.take(sample, &piece);
            self.look_at_whole(sink);
        }
    }

    /// Looks at datagrams of own flows that were made whole by fragments which did not know their flow.
    pub(super) fn look_at_whole(&mut self, sink: &mut impl Sink<D::Flow>) {
        if !self.fragments.has_whole() {
            return;
        }
        // Those of a flow of which nDPI has yet to say something come behind that.
        let is_next = |key: &FlowKey| self.table.look_up(key).is_some_and(|flow| !flow.is_put_off);
        for whole in self.fragments.take_whole(is_next) {
            let Some(slot) = self.table.find(&whole.key) else { continue };
            self.cut(slot, whole.is_cut);
            if self.is_undecided(slot) {
                self.look_at(slot, &whole.sample(), sink);
            }
        }
    }

    /// Takes a fragment of an undecided flow, and looks at the datagram once it is whole. Captures have no later fragments
    /// of flows: there the first one is all that comes.
    pub(super) fn look_at_fragment(
        &mut self,
        slot: SlotId,
        sample: &Sample,
        sink: &mut impl Sink<D::Flow>,
    ) {
        let piece = Piece::of(sample.l3)
            .filter(|_| self.settings.normalise && self.settings.accounting == Accounting::Kernel);
        let Some(piece) = piece else { return self.look_at(slot, sample, sink) };
        match self.fragments.take(sample, &piece) {
            Taken::Whole(l3, is_cut) => {
                self.cut(slot, is_cut);
                return self.look_at(slot, &of_datagram(sample, &l3), sink);
            }
            Taken::Overlaps | Taken::Differs => self.overlaps(slot, sample, sink),
            Taken::Waits | Taken::Discarded => {}
        }
        // No more of it is shown: what is there must do.
        if sample.last && self.is_undecided(slot) {
            match self.fragments.take_rest(&sample.key).first() {
                Some(l3) => self.look_at(slot, &of_datagram(sample, l3), sink),
                None => self.look_at(slot, sample, sink),
            }
        }
    }

    /// Gives nDPI what has come of datagrams that were never whole, before their flow ends.
    pub(super) fn look_at_rest(&self, flow: &mut FlowEntry<D::Flow>) {
        let Stage::Undecided(state) = &mut flow.stage else { return };
        if flow.in_fragments {
            for l3 in self.fragments.take_rest(&flow.key) {
                self.detector.inspect(state, &l3, flow.last_seen_ns / 1_000_000);
                flow.inspected = flow.inspected.saturating_add(1);
            }
        }
    }

    fn is_undecided(&self, slot: SlotId) -> bool {
        self.table.get(slot).is_some_and(|flow| flow.decided().is_none())
    }

    /// Notes that a datagram is longer than what is kept of it.
    fn cut(&mut self, slot: SlotId, is_cut: bool) {
        if let Some(flow) = self.table.get_mut(slot).filter(|_| is_cut) {
            flow.findings.insert(Finding::Oversize);
        }
    }

    /// Notes that fragments overlap, for which a rule may ask.
    fn overlaps(&mut self, slot: SlotId, sample: &Sample, sink: &mut impl Sink<D::Flow>) {
        let Some(flow) = self.table.get_mut(slot) else { return };
        flow.findings.insert(Finding::FragmentOverlap);
        let Stage::Undecided(state) = &mut flow.stage else { return };
        let said = self.detector.classification(state);
        if let Some(decided) = decide(&self.detector, flow, said, sample, sink.rules()) {
            self.settle(slot, decided, sample, sink);
        }
    }
}

/// The datagram `l3` as a sample, made whole by the fragment that `last` shows.
fn of_datagram<'a>(last: &Sample<'a>, l3: &'a [u8]) -> Sample<'a> {
    let bytes = u32::try_from(l3.len()).unwrap_or(u32::MAX);
    Sample { l3, bytes, packets: 1, tcp_flags: tcp_flags(l3), empty: false, ..*last }
}

impl Whole {
    fn sample(&self) -> Sample<'_> {
        let &Self { key, direction, time_ns, clock_ns, ifindex, ingress, .. } = self;
        let sample = Sample::new(key, direction, time_ns, &self.l3);
        Sample { clock_ns, ifindex, ingress, tcp_flags: tcp_flags(&self.l3), ..sample }
    }
}
