//! Samples that wait for what nDPI says of their flows.
//!
//! To ask nDPI in another process takes as long as several packets take it. So a detector may be shown packets of
//! several flows before anybody [hears](Detector::hear) what comes of the first. Meanwhile what the rest of the
//! classifier has to do with them waits here, and later packets of the same flows behind that: each flow's packets are
//! taken one after the other, as ever. What waits for the other end's acknowledgement waits here first: it is likely to
//! be among the next packets, and else the kernel is asked.

use std::collections::VecDeque;

use ndpi::Classification;
use ndpi_common::SequenceNumbers;

use super::classifier::Classifier;
use super::detector::Detector;
use super::inspect::Said;
use super::settings::Accounting;
use super::sink::{Sink, Taken};
use crate::flow::{FlowEntry, SlotId, Stage};
use crate::key::FlowKey;
use crate::normalise::Receiver;
use crate::sample::Sample;

/// Samples that wait at most: a worker takes as many at a time.
const MOST: usize = 64;
/// Buffers of longer packets are not kept.
const LONGEST_KEPT: usize = 2048;

/// The samples, in their order.
#[derive(Debug, Default)]
pub(super) struct PutOff {
    waiting: VecDeque<Waiting>,
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
    awaited: Awaited,
    /// The sample, but for its bytes.
    sample: Sample<'static>,
    l3: Vec<u8>,
    taken: Option<Taken>,
}

impl Waiting {
    fn sample(&self) -> Sample<'_> {
        self.sample.with_bytes(&self.l3)
    }
}

impl PutOff {
    pub(super) fn is_empty(&self) -> bool {
        self.waiting.is_empty()
    }

    pub(super) fn is_full(&self) -> bool {
        self.waiting.len() >= MOST
    }

    pub(super) fn push(&mut self, awaited: Awaited, sample: &Sample, taken: Option<Taken>) {
        let mut l3 = self.free.pop().unwrap_or_default();
        l3.extend_from_slice(sample.l3);
        self.waiting.push_back(Waiting { awaited, sample: sample.with_bytes(&[]), l3, taken });
    }

    /// The flow in a slot is over: nobody hears what is said of it.
    pub(super) fn forget(&mut self, slot: SlotId) {
        self.waiting.retain(|waiting| waiting.awaited.slot() != Some(slot));
    }

    /// What the kernel had seen of a flow's sequence numbers when the next sample of it came that waits.
    fn next_numbers(&self, key: &FlowKey) -> Option<SequenceNumbers> {
        let next = self.waiting.iter().find(|waiting| waiting.sample.key == *key);
        next.map(|waiting| waiting.sample.sequence)
    }

    /// Keeps the buffer of a sample that has been taken.
    fn keep(&mut self, mut l3: Vec<u8>) {
        if l3.capacity() <= LONGEST_KEPT && self.free.len() < MOST {
            l3.clear();
            self.free.push(l3);
        }
    }
}

impl<D: Detector> Classifier<D> {
    /// Takes what was put off. To be called when no more samples are there for the moment.
    pub fn catch_up(&mut self, sink: &mut impl Sink<D::Flow>) {
        while let Some(waiting) = self.put_off.waiting.pop_front() {
            sink.resumes(waiting.taken);
            let sample = waiting.sample();
            match waiting.awaited {
                Awaited::Earlier => self.take(&sample, sink),
                Awaited::Answer(slot) => self.hear(slot, &sample, sink),
                Awaited::Acknowledgement(slot, known) => {
                    self.look_for_acknowledgement(slot, known, &sample, sink);
                }
            }
            self.put_off.keep(waiting.l3);
        }
    }

    /// Whether packets of its flow that came before a sample wait.
    pub(super) fn is_to_wait(&self, sample: &Sample) -> bool {
        let is_put_off = |slot| self.table.get(slot).is_some_and(|flow| flow.is_put_off);
        !self.put_off.is_empty() && self.table.find_for(sample).is_some_and(is_put_off)
    }

    /// Whether a flow waits for an acknowledgement that may be among the next samples.
    pub(super) fn may_be_acknowledged_soon(&self, slot: SlotId) -> bool {
        let awaits = |it: &FlowEntry<D::Flow>| {
            it.receiver.as_ref().is_some_and(Receiver::awaits_acknowledgement)
        };
        self.detector.asks_later()
            && self.settings.accounting == Accounting::Kernel
            && self.table.get(slot).is_some_and(awaits)
    }

    /// Puts off a sample of the undecided flow in `slot`.
    pub(super) fn put_off(
        &mut self,
        slot: SlotId,
        awaited: Awaited,
        sample: &Sample,
        sink: &mut impl Sink<D::Flow>,
    ) {
        let Some(flow) = self.table.get_mut(slot) else { return };
        flow.is_put_off = true;
        self.put_off.push(awaited, sample, sink.puts_off());
    }

    /// Goes on with a sample that waited for what nDPI says.
    fn hear(&mut self, slot: SlotId, sample: &Sample, sink: &mut impl Sink<D::Flow>) {
        let Some(flow) = self.table.get_mut(slot) else { return };
        flow.is_put_off = false;
        // It may have been decided without: what was known before stands again.
        let Stage::Undecided(state) = &mut flow.stage else { return };
        let said = self.detector.hear(state);
        self.decide(slot, said, sample, sink);
    }

    /// Goes on with a sample that waited for an acknowledgement, whether or not one came.
    fn look_for_acknowledgement(
        &mut self,
        slot: SlotId,
        known: Classification,
        sample: &Sample,
        sink: &mut impl Sink<D::Flow>,
    ) {
        let Some(flow) = self.table.get_mut(slot) else { return };
        flow.is_put_off = false;
        if flow.decided().is_none() {
            let numbers = self.put_off.next_numbers(&sample.key);
            self.go_on(slot, Said::Now(known), numbers, sample, sink);
        }
    }
}
