//! Verdicts on their way into the maps, which may refuse them.

use ndpi_flow::{FlowEntry, FlowKey};
use ndpi_policy::Undecided;

use super::LiveSink;
use crate::enforce::{DesiredVerdict, Pending, Suspended, VerdictStore, Volume, count_undecided};
use crate::live::crowding::Crowded;

impl<S: VerdictStore> LiveSink<S> {
    /// Makes the first verdict of a flow stand, and says whether it does.
    pub(super) fn write<F>(&mut self, flow: &mut FlowEntry<F>) -> bool {
        let Some(desired) = DesiredVerdict::of(flow, &self.policy) else { return false };
        match self.store.write(&desired) {
            Ok(before) => {
                self.check_track(flow, before);
                count_undecided(flow, before);
            }
            Err(error) => {
                self.retries.refuse(&error);
                self.retries.add(flow.key, Pending::Verdict);
                return false;
            }
        }
        self.retries.remove(&flow.key);
        true
    }

    /// Says so where the kernel has forgotten what came of a flow before its verdict. Of one that nDPI
    /// looked at again, it may be that nothing came.
    fn check_track<F>(&self, flow: &FlowEntry<F>, before: Volume) {
        if before.packets == 0 && flow.packets > 0 {
            self.shared.crowding.displaced(Crowded::Tracks, 1, None, self.now_ns());
        }
    }

    /// Takes away the verdict of a flow that is to be looked at again, if it is in use.
    pub(super) fn take_away<F>(&mut self, flow: &mut FlowEntry<F>) -> bool {
        // What passes by a rule is not to be dropped beyond the budget of another look.
        if self.policy.policy().undecided() == Undecided::Drop {
            return false;
        }
        let before = Volume { packets: flow.packets, bytes: flow.bytes };
        let suspended = self.store.suspend(&flow.key, before).unwrap_or_else(|error| {
            self.retries.refuse(&error);
            None
        });
        let Some(Suspended { passed, tcp_seen, last_seen_ns }) = suspended else { return false };
        let before = if flow.rejudged { Volume::default() } else { before };
        flow.looks.passed.0 += before.packets + passed.packets;
        flow.looks.passed.1 += before.bytes + passed.bytes;
        (flow.packets, flow.bytes, flow.rejudged) = (0, 0, false);
        flow.last_seen_ns = flow.last_seen_ns.max(last_seen_ns);
        for (seen, more) in flow.tcp_seen.iter_mut().zip(tcp_seen) {
            *seen |= more;
        }
        true
    }

    /// Replaces the verdict of a flow.
    pub(super) fn replace<F>(&mut self, flow: &mut FlowEntry<F>) {
        let Some(desired) = DesiredVerdict::of(flow, &self.policy) else { return };
        match self.store.replace(&desired) {
            Ok(allowed) => {
                flow.allow(allowed.packets, allowed.bytes);
                self.retries.remove(&flow.key);
            }
            Err(error) => {
                self.retries.refuse(&error);
                self.retries.add(flow.key, Pending::Change);
            }
        }
    }

    /// The next flow of which the kernel lacks something that it refused before. It is to be
    /// [tried again](Self::retry).
    pub(in crate::live) fn next_unwritten(&mut self) -> Option<(FlowKey, Pending)> {
        self.retries.next()
    }

    /// How many flows there are of which the kernel lacks something.
    pub(in crate::live) fn unwritten(&self) -> usize {
        self.retries.len()
    }

    /// Tries again to give the kernel what it lacks of a flow.
    pub(in crate::live) fn retry<F>(&mut self, flow: &mut FlowEntry<F>, missing: Pending) {
        match missing {
            Pending::Change => self.replace(flow),
            Pending::Verdict => {
                if self.write(flow) {
                    self.report_decided(flow, (flow.last_seen_ns, self.now_ns()));
                }
            }
        }
    }
}
