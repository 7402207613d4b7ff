//! More packets of flows whose client has not said its first message when their budget is nearly used up.
//!
//! What no receiver reads uses up the budget as well as what it reads, and so do pieces of a few bytes. Once, a flow
//! gets several budgets more: packets pass meanwhile, and are shown in the place of a verdict.

use ndpi_labels::Finding;

use super::classifier::Classifier;
use super::decide::{decide, give_up};
use super::detector::Detector;
use super::enforcement::Enforcement;
use super::sink::Sink;
use crate::flow::{Decided, FlowEntry, SlotId, Stage};
use crate::normalise::Receiver;
use crate::sample::Sample;

impl<D: Detector> Classifier<D> {
    /// Whether more packets of a flow that `sample` does not decide are shown than its budget.
    pub(super) fn is_extended(
        &mut self,
        slot: SlotId,
        sample: &Sample,
        sink: &mut impl Sink<D::Flow>,
    ) -> bool {
        let Some(flow) = self.table.get_mut(slot).filter(|_| sample.scarce) else { return false };
        if flow.extended.is_some() {
            return true;
        }
        // One that nDPI looks at again passes already.
        is_unfinished(flow)
            && flow.looks.before.is_none()
            && self.extensions.take(sample.time_ns)
            && sink.enforcement().extend(flow)
    }

    /// Whether the client of a flow has said what decides it, though nDPI would wait for more: no answer to it tells
    /// nDPI anything, or the flow was given more packets for that alone.
    pub(super) fn is_said(&self, slot: SlotId) -> bool {
        self.table.get(slot).is_some_and(|flow| {
            flow.receiver.as_ref().is_some_and(Receiver::is_said)
                || flow.extended.is_some() && !is_unfinished(flow)
        })
    }

    /// What is to be kept of a flow of which nDPI sees nothing more.
    pub(super) fn decide_at_last(
        &mut self,
        slot: SlotId,
        sample: &Sample,
        sink: &mut impl Sink<D::Flow>,
    ) -> Option<Decided> {
        let flow = self.table.get_mut(slot)?;
        if is_unfinished(flow) {
            flow.findings.insert(Finding::BudgetPadding);
        }
        let before = flow.kept();
        let rest = Self::inspect_rest(&self.detector, flow, false);
        self.kept = self.kept - before + flow.kept();
        let Stage::Undecided(state) = &flow.stage else { return None };
        let said = rest.unwrap_or_else(|| self.detector.classification(state));
        let decided = decide(&self.detector, flow, said, sample, sink.rules());
        decided.or_else(|| give_up(&self.detector, flow, sink.rules(), false))
    }
}

/// Whether the client of a flow has begun to say something, and it is not whole.
fn is_unfinished<F>(flow: &FlowEntry<F>) -> bool {
    flow.receiver.as_ref().is_some_and(Receiver::is_unfinished)
}
