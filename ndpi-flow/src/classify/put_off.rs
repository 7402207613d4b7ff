//! Samples that wait for what nDPI says of their flows.
//!
//! To ask nDPI in another process takes as long as several packets take it. So a detector may be shown packets of
//! several flows before anybody [hears](Detector::hear) what comes of the first. Meanwhile what the rest of the
//! classifier has to do with them waits here, and later packets of the same flows behind that: each flow's packets are
//! taken one after the other, as ever.

use std::collections::VecDeque;

use super::classifier::Classifier;
use super::detector::Detector;
use super::sink::{Sink, Taken};
use crate::flow::{SlotId, Stage};
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

/// A sample that waits.
#[derive(Debug)]
pub(super) struct Waiting {
    /// Where the flow is of which nDPI was shown it; `None` where it waits for one before it.
    shown: Option<SlotId>,
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

    /// Puts off a sample, of which nDPI was shown what it brings if its flow is in the slot `shown`.
    pub(super) fn push(&mut self, shown: Option<SlotId>, sample: &Sample, taken: Option<Taken>) {
        let mut l3 = self.free.pop().unwrap_or_default();
        l3.extend_from_slice(sample.l3);
        self.waiting.push_back(Waiting { shown, sample: sample.with_bytes(&[]), l3, taken });
    }

    /// The flow in a slot is over: nobody hears what nDPI says of it.
    pub(super) fn forget(&mut self, slot: SlotId) {
        self.waiting.retain(|waiting| waiting.shown != Some(slot));
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
            match waiting.shown {
                Some(slot) => self.hear(slot, &waiting.sample(), sink),
                None => self.take(&waiting.sample(), sink),
            }
            self.put_off.keep(waiting.l3);
        }
    }

    /// Whether packets of its flow that came before a sample wait.
    pub(super) fn is_to_wait(&self, sample: &Sample) -> bool {
        let is_awaiting = |slot| self.table.get(slot).is_some_and(|flow| flow.is_awaiting_answer);
        !self.put_off.is_empty() && self.table.find_for(sample).is_some_and(is_awaiting)
    }

    /// Puts off a sample of which nDPI was shown what it brings to its flow.
    pub(super) fn await_answer(
        &mut self,
        slot: SlotId,
        sample: &Sample,
        sink: &mut impl Sink<D::Flow>,
    ) {
        let Some(flow) = self.table.get_mut(slot) else { return };
        flow.is_awaiting_answer = true;
        self.put_off.push(Some(slot), sample, sink.puts_off());
    }

    /// Hears what nDPI says of a flow, and decides if `sample` was the last packet that was needed.
    fn hear(&mut self, slot: SlotId, sample: &Sample, sink: &mut impl Sink<D::Flow>) {
        let Some(flow) = self.table.get_mut(slot) else { return };
        flow.is_awaiting_answer = false;
        // It may have been decided without: what was known before stands again.
        let Stage::Undecided(state) = &mut flow.stage else { return };
        let said = self.detector.hear(state);
        self.decide(slot, said, sample, sink);
    }
}
