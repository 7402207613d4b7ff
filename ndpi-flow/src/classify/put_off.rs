//! Samples that wait for what is to be heard of their flows ([`super::catch_up`]).

use std::collections::VecDeque;

use ndpi::Classification;
use ndpi_common::SequenceNumbers;

use super::sink::Taken;
use crate::flow::SlotId;
use crate::key::FlowKey;
use crate::sample::Sample;

/// Samples that wait at most: a worker takes as many at a time.
const MOST: usize = 64;
/// Buffers of longer packets are not kept.
const LONGEST_KEPT: usize = 2048;

/// The samples, in their order.
#[derive(Debug, Default)]
pub(super) struct PutOff {
    waiting: VecDeque<Waiting>,
    /// One of them waits for what has to be known before the next sample comes, of whatever flow.
    is_urgent: bool,
    /// Buffers for those that come next.
    free: Vec<Vec<u8>>,
}

/// What a sample waits for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Awaited {
    /// A sample of its flow before it.
    Earlier,
    /// What nDPI says of the flow in a slot.
    Answer(SlotId),
    /// The acknowledgement of what it brings to the flow in a slot; nDPI has said this until now.
    Acknowledgement(SlotId, Classification),
}

impl Awaited {
    fn slot(self) -> Option<SlotId> {
        match self {
            Self::Earlier => None,
            Self::Answer(slot) | Self::Acknowledgement(slot, _) => Some(slot),
        }
    }
}

/// A sample that waits.
#[derive(Debug)]
pub(super) struct Waiting {
    pub(super) awaited: Awaited,
    /// The sample, but for its bytes.
    sample: Sample<'static>,
    l3: Vec<u8>,
    pub(super) taken: Option<Taken>,
}

impl Waiting {
    /// The sample.
    pub(super) fn sample(&self) -> Sample<'_> {
        self.sample.with_bytes(&self.l3)
    }
}

impl PutOff {
    pub(super) fn is_empty(&self) -> bool {
        self.waiting.is_empty()
    }

    /// When the first was begun with, if that is known.
    pub(super) fn since_ns(&self) -> Option<u64> {
        Some(self.waiting.front()?.taken?.begun_ns)
    }

    /// Whether what waits is to be taken before the next sample comes.
    pub(super) fn is_due(&self) -> bool {
        self.is_urgent || self.waiting.len() >= MOST
    }

    /// What waits is to be taken before the next sample comes.
    pub(super) fn hurry(&mut self) {
        self.is_urgent = true;
    }

    pub(super) fn push(&mut self, awaited: Awaited, sample: &Sample, taken: Option<Taken>) {
        let mut l3 = self.free.pop().unwrap_or_default();
        l3.extend_from_slice(sample.l3);
        self.waiting.push_back(Waiting { awaited, sample: sample.with_bytes(&[]), l3, taken });
    }

    /// Has a sample wait once more, behind all others.
    pub(super) fn put_back(&mut self, waiting: Waiting) {
        self.waiting.push_back(waiting);
    }

    /// The flow in a slot is over: nobody hears what is said of it.
    pub(super) fn forget(&mut self, slot: SlotId) {
        self.waiting.retain(|waiting| waiting.awaited.slot() != Some(slot));
    }

    /// What the kernel had seen of a flow's sequence numbers when the next sample of it came that waits.
    pub(super) fn next_numbers(&self, key: &FlowKey) -> Option<SequenceNumbers> {
        let next = self.waiting.iter().find(|waiting| waiting.sample.key == *key);
        next.map(|waiting| waiting.sample.sequence)
    }

    /// The next one.
    pub(super) fn pop(&mut self) -> Option<Waiting> {
        let next = self.waiting.pop_front();
        self.is_urgent &= next.is_some();
        next
    }

    /// Keeps the buffer of a sample that has been taken.
    pub(super) fn keep(&mut self, Waiting { mut l3, .. }: Waiting) {
        if l3.capacity() <= LONGEST_KEPT && self.free.len() < MOST {
            l3.clear();
            self.free.push(l3);
        }
    }
}
