//! Flows that the kernel keeps: what it shows of them, and looking at them again.

use ndpi_common::SequenceNumbers;
use ndpi_flow::{Enforcement, FlowEntry, FlowKey, Sample, Traffic, Volume, tcp};

use super::counts::extended;
use super::enforcer::Enforcer;
use super::store::{DesiredVerdict, Suspended, VerdictStore};

/// No packet waits in a ring for so long: where one seems to have, a clock was set.
const LONGEST_WAIT_NS: u64 = 1_000_000_000;

impl<S: VerdictStore, F> Enforcement<F> for Enforcer<S> {
    fn stands(&self, flow: &FlowEntry<F>) -> bool {
        !self.is_pending(&flow.key)
    }

    fn passed(&mut self, flow: &mut FlowEntry<F>, sample: &Sample) {
        let Some(desired) = DesiredVerdict::of(flow, &self.policy) else { return };
        // One that came later was shown because somebody has taken the verdict away.
        if !is_seen_before_verdict(flow, sample) {
            match self.store.write(&desired) {
                Ok(meanwhile) => {
                    flow.traffic += meanwhile;
                }
                Err(error) => return self.retries.refuse(&error),
            }
        }
        // Its receiver is further than the packet that the verdict was made of: a reset with the
        // number that was right then has missed, and no more packets need come. A SYN is on its way to
        // begin another connection, which has no verdict yet if its other side agrees; one that was
        // dropped for its server's sake comes to nothing, and who sent it waits for an answer.
        if sample.blocked || !tcp::opens(sample.tcp_flags) {
            self.answer(flow, sample);
        }
    }

    fn rejected(&mut self, flow: &FlowEntry<F>, sample: &Sample) {
        self.answer(flow, sample);
    }

    fn is_over(&mut self, sample: &Sample) -> bool {
        self.store.is_over(&sample.key, sample.time_ns).unwrap_or_else(|error| {
            self.retries.refuse(&error);
            // It is said again with the next packet.
            false
        })
    }

    fn is_answered(&mut self, flow: &FlowEntry<F>) -> bool {
        if flow.decided().is_none() {
            return self.is_track_answered(&flow.key);
        }
        self.activity(&flow.key).is_some_and(|activity| flow.has_answer(activity.answers))
    }

    fn numbers(&mut self, flow: &FlowKey) -> Option<SequenceNumbers> {
        self.numbers(flow)
    }

    fn suspend(&mut self, flow: &mut FlowEntry<F>) -> bool {
        let before = flow.traffic;
        let suspended = self.store.suspend(&flow.key, before).unwrap_or_else(|error| {
            self.retries.refuse(&error);
            None
        });
        let Some(Suspended { passed, tcp_seen, last_seen_ns }) = suspended else { return false };
        let before = if flow.rejudged { Volume::default() } else { before.total() };
        flow.looks.passed.0 += before.packets + passed.packets;
        flow.looks.passed.1 += before.bytes + passed.bytes;
        (flow.traffic, flow.rejudged, flow.extended) = (Traffic::default(), false, None);
        flow.last_seen_ns = flow.last_seen_ns.max(last_seen_ns);
        for (seen, more) in flow.tcp_seen.iter_mut().zip(tcp_seen) {
            *seen |= more;
        }
        true
    }

    fn extend(&mut self, flow: &mut FlowEntry<F>) -> bool {
        match self.store.write(&DesiredVerdict::inspecting(flow)) {
            Ok(before) => extended(flow, before),
            Err(error) => {
                self.retries.refuse(&error);
                false
            }
        }
    }

    fn follow(&mut self, flow: &FlowEntry<F>) {
        if let Err(error) = self.store.follow(&flow.key, flow.followed()) {
            self.retries.refuse(&error);
        }
    }

    fn resume(&mut self, flow: &mut FlowEntry<F>) {
        self.write(flow);
    }
}

/// Whether a packet of a decided flow was seen before its verdict stood, and had only not been looked at. A clock that was
/// set back since makes that of others, too, for a moment.
fn is_seen_before_verdict<F>(flow: &FlowEntry<F>, sample: &Sample) -> bool {
    let before = flow.enforced_ns.checked_sub(sample.time_ns);
    before.is_some_and(|before| before < LONGEST_WAIT_NS)
}
