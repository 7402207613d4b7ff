//! Enforcement, as the classifier uses it.

use ndpi_common::SequenceNumbers;

use crate::flow::FlowEntry;
use crate::key::FlowKey;
use crate::sample::Sample;

/// The verdicts of decided flows, where a kernel acts on them. By default nobody does, and all packets of all
/// flows come to the classifier.
pub trait Enforcement<F> {
    /// Whether the verdict of a decided flow is where its end is noticed. If not, its silence ends
    /// it, as it does an undecided one, and its next packet has it decided once more.
    fn stands(&self, _flow: &FlowEntry<F>) -> bool {
        true
    }

    /// A packet that passed reached user space, of a flow whose verdict stands.
    fn passed(&mut self, _flow: &mut FlowEntry<F>, _sample: &Sample) {}

    /// The kernel dropped a packet of a flow whose verdict is `reject`, and shows it to be answered.
    fn rejected(&mut self, _flow: &FlowEntry<F>, _sample: &Sample) {}

    /// Whether a flow with a verdict is over, as the kernel says with one of its packets
    /// ([`Sample::reopened`]). It says so until it has been taken notice of, also of packets that are
    /// on their way when that happens.
    fn is_over(&mut self, _sample: &Sample) -> bool {
        true
    }

    /// Whether the kernel has seen an answer to the client of a flow, of which there was none before:
    /// packets without payload are not all shown, nor is what meets a verdict.
    fn is_answered(&mut self, _flow: &FlowEntry<F>) -> bool {
        false
    }

    /// What the kernel has seen by now of the sequence numbers of a flow without a verdict, which may be more than its
    /// last sample says; `None` where it knows nothing of the flow.
    fn numbers(&mut self, _flow: &FlowKey) -> Option<SequenceNumbers> {
        None
    }

    /// Has packets of a flow seen again that passes, and notes what was counted until then; false where no packet of
    /// it came lately, or it has no verdict.
    fn suspend(&mut self, _flow: &mut FlowEntry<F>) -> bool {
        false
    }

    /// Has more packets of an undecided flow shown than its budget, which pass meanwhile; false where that cannot be.
    fn extend(&mut self, _flow: &mut FlowEntry<F>) -> bool {
        false
    }

    /// More of the requests of a flow whose verdict stands was read: see [`FlowEntry::followed`].
    fn follow(&mut self, _flow: &FlowEntry<F>) {}

    /// The verdict of a flow that was suspended is to stand again: nothing more was found out.
    fn resume(&mut self, _flow: &mut FlowEntry<F>) {}
}

/// Nothing is enforced.
#[derive(Debug)]
pub struct Unenforced;

impl<F> Enforcement<F> for Unenforced {}

impl Unenforced {
    /// One that lives for as long as needed: no memory is behind it.
    pub(super) fn get<'a>() -> &'a mut Self {
        Box::leak(Box::new(Self))
    }
}
