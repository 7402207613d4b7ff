//! Putting samples off, and taking them when what they wait for can be heard.
//!
//! To ask nDPI in another process takes as long as several packets take it. So a detector may be shown packets of
//! several flows before anybody [hears](Detector::hear) what comes of the first. Meanwhile what the rest of the
//! classifier has to do with them waits, and later packets of the same flows behind that: each flow's packets are
//! taken one after the other, as ever. What waits for the other end's acknowledgement waits here first: it is likely to
//! be among the next packets, and else the kernel is asked.

use ndpi::Classification;

use super::classifier::Classifier;
use super::detector::Detector;
use super::put_off::Awaited;
use super::said::Said;
use super::settings::Accounting;
use super::sink::{Judge as _, Sink};
use crate::flow::{FlowEntry, SlotId, Stage};
use crate::normalise::Receiver;
use crate::sample::Sample;

impl<D: Detector> Classifier<D> {
    /// Takes what was put off. To be called when no more samples are there for the moment.
    pub fn catch_up(&mut self, sink: &mut impl Sink<D::Flow>) {
        while let Some(waiting) = self.put_off.pop() {
            let sample = waiting.sample();
            // Its flow waits again, for what the one before it has shown nDPI.
            if waiting.awaited == Awaited::Earlier && self.is_to_wait(&sample) {
                self.put_off.put_back(waiting);
                continue;
            }
            sink.resumes(waiting.taken);
            match waiting.awaited {
                Awaited::Earlier => self.take(&sample, sink),
                Awaited::Answer(slot) => self.hear(slot, &sample, sink),
                Awaited::Acknowledgement(slot, known) => {
                    self.look_for_acknowledgement(slot, known, &sample, sink);
                }
            }
            self.put_off.keep(waiting);
        }
    }

    /// When the sample was begun with that waits for longest ([`begun_ns`](super::Taken::begun_ns)); `None` where none
    /// waits.
    pub fn put_off_since(&self) -> Option<u64> {
        self.put_off.since_ns()
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
        // What a DNS answer says is to be known when the flow begins that was asked for, and that a connection is blocked
        // when it goes on from another port.
        if sink.rules().judges_first_packet() || matches!(flow.receiver, Some(Receiver::Quic(_))) {
            self.put_off.hurry();
        }
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
