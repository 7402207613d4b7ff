//! The verdicts of one worker's flows: written, changed, tried again where the maps refuse, taken out.

use std::sync::Arc;

use ndpi_common::SequenceNumbers;
use ndpi_flow::{Action, End, FlowEntry, FlowKey, Reported, Sample, Verdict};
use ndpi_reject::Rejecter;

use super::active_policy::ActivePolicy;
use super::counts::{count_all, count_undecided};
use super::retry::{Pending, Refusal, RetryQueue};
use super::store::{Activity, DesiredVerdict, KernelCounts, VerdictStore};
use crate::clock::now_ns;
use crate::record::Counters;

/// Enforces a policy on the flows of one worker.
#[derive(Debug)]
pub struct Enforcer<S> {
    pub(super) store: S,
    pub(super) policy: Arc<ActivePolicy>,
    /// The policy in force before.
    earlier: Arc<ActivePolicy>,
    pub(super) retries: RetryQueue,
    /// Who answers the ends of rejected flows; `None` where nobody can.
    rejecter: Option<Arc<Rejecter>>,
    /// Flows of which the kernel had no track any more when they were decided.
    lost_tracks: u64,
}

impl<S: VerdictStore> Enforcer<S> {
    /// Writes verdicts of `policy` to `store`, and has `rejecter` answer where one rejects.
    pub fn new(store: S, policy: Arc<ActivePolicy>, rejecter: Option<Arc<Rejecter>>) -> Self {
        let (earlier, retries) = (Arc::clone(&policy), RetryQueue::default());
        Self { store, policy, earlier, retries, rejecter, lost_tracks: 0 }
    }

    /// From now on, `policy` is enforced. All flows are to be [judged again](Self::rejudge) at once, or
    /// verdicts of the one before stay.
    pub fn set_policy(&mut self, policy: Arc<ActivePolicy>) {
        self.earlier = std::mem::replace(&mut self.policy, policy);
    }

    /// Makes the first verdict of a flow stand, and says whether it does.
    pub fn write<F>(&mut self, flow: &mut FlowEntry<F>) -> bool {
        let Some(desired) = DesiredVerdict::of(flow, &self.policy) else { return false };
        match self.store.write(&desired) {
            Ok(before) => {
                // Of one that nDPI looked at again, it may be that nothing came.
                self.lost_tracks += u64::from(before.total().packets == 0 && flow.packets() > 0);
                count_undecided(flow, before);
            }
            Err(error) => {
                self.retries.refuse(&error);
                self.retries.add(flow.key, Pending::Verdict);
                return false;
            }
        }
        self.retries.remove(&flow.key);
        flow.enforced_ns = now_ns();
        true
    }

    /// Has the verdict of a flow that was taken over be what the policy says, which was `before` in an earlier
    /// instance; false where a rule of the same name says the same. What stands is not written again then.
    pub fn adopt<F>(&mut self, flow: &mut FlowEntry<F>, before: Verdict) -> bool {
        let Some(now) = flow.decided().and_then(|decided| decided.verdict) else { return false };
        if flow.kept_rule().is_some() {
            return false;
        }
        let earlier = flow.adopted.as_ref().and_then(|adopted| adopted.rule.name.as_deref());
        let rules = self.policy.policy().rules();
        let rule = now.rule.and_then(|place| rules.get(usize::from(place)));
        let same = now.action == before.action && rule.map(|rule| &*rule.name) == earlier;
        // A limit has a bucket of the policy in force.
        if !same || now.action == Action::Limit {
            self.rejudge(flow, Some(before));
        }
        !same
    }

    /// Enforces what another policy says of a flow that had the verdict `before`; false where it says the
    /// same.
    pub fn rejudge<F>(&mut self, flow: &mut FlowEntry<F>, before: Option<Verdict>) -> bool {
        let Some(desired) = DesiredVerdict::of(flow, &self.policy) else { return false };
        let kept = flow.kept_rule().is_some();
        if kept && before.is_some_and(|before| before.rule == Some(Verdict::KEPT)) {
            return false;
        }
        let allowed = before.and_then(|before| self.earlier.allowance(before.rule));
        if !kept && (before, allowed) == (Some(desired.verdict), desired.allowance) {
            return false;
        }
        // What passed before the first verdict leaked only if that one blocked.
        let (packets, bytes) = std::mem::take(&mut flow.looks.passed);
        if before.is_some_and(|before| !before.action.drops()) {
            flow.allow(packets, bytes);
        }
        if !std::mem::replace(&mut flow.rejudged, true)
            && before.is_some_and(|before| !before.action.drops())
        {
            let seen = flow.traffic.total();
            flow.allow(seen.packets, seen.bytes);
        }
        // One that does not stand yet will be written as it is then.
        if !self.is_pending(&flow.key) {
            self.replace(flow);
        }
        true
    }

    /// Replaces the verdict of a flow.
    fn replace<F>(&mut self, flow: &mut FlowEntry<F>) {
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

    /// Takes a flow that is over out of the maps, and gives all that was counted of it, and what of that the
    /// kernel did.
    pub fn finish<F>(&mut self, flow: &mut FlowEntry<F>, end: End) -> (Counters, KernelCounts) {
        let mut counts = self.store.take_ended(&flow.key, end).unwrap_or_else(|error| {
            self.retries.refuse(&error);
            KernelCounts::default()
        });
        if self.retries.remove(&flow.key) == Some(Pending::Verdict) {
            count_undecided(flow, std::mem::take(&mut counts.undecided));
        }
        if let Some(rejecter) = &self.rejecter {
            rejecter.forget(&flow.key);
        }
        (count_all(flow, &counts), counts)
    }

    /// What has crossed until now of a decided flow that goes on, the last time it did included.
    pub fn counted<F>(&mut self, flow: &mut FlowEntry<F>) -> Reported {
        let counts = self.store.peek(&flow.key).unwrap_or_else(|error| {
            self.retries.refuse(&error);
            KernelCounts::default()
        });
        flow.last_seen_ns = flow.last_seen_ns.max(counts.last_seen_ns.unwrap_or_default());
        let traffic = flow.traffic + counts.undecided + counts.decided;
        Reported { traffic, dropped: counts.dropped.packets, ..Reported::default() }
    }

    /// Takes a flow out of the maps of which nothing else is known.
    pub fn forget(&mut self, key: &FlowKey) {
        if let Some(rejecter) = &self.rejecter {
            rejecter.forget(key);
        }
        if let Err(error) = self.store.take(key) {
            self.retries.refuse(&error);
        }
    }

    /// Answers both ends of a flow whose verdict is `reject`, within the rejecter's bounds.
    pub fn answer<F>(&self, flow: &FlowEntry<F>, sample: &Sample) {
        let verdict = flow.decided().and_then(|decided| decided.verdict);
        let is_rejected = verdict.is_some_and(|verdict| verdict.action == Action::Reject);
        if let Some(rejecter) = self.rejecter.as_ref().filter(|_| is_rejected) {
            rejecter.reject(sample, now_ns());
        }
    }

    /// The next flow of which the kernel lacks something that it refused before. It is to be
    /// [tried again](Self::retry).
    pub fn next_pending(&mut self) -> Option<(FlowKey, Pending)> {
        self.retries.next()
    }

    /// How many flows there are of which the kernel lacks something.
    pub fn pending(&self) -> usize {
        self.retries.len()
    }

    /// Tries again to give the kernel what it lacks of a flow; says whether its first verdict stands now.
    pub fn retry<F>(&mut self, flow: &mut FlowEntry<F>, pending: Pending) -> bool {
        match pending {
            Pending::Change => {
                self.replace(flow);
                false
            }
            Pending::Verdict => self.write(flow),
        }
    }

    /// Whether a flow has a verdict that no packet has met since the tick `last_seen`.
    pub fn is_silent_since(&mut self, key: &FlowKey, last_seen: u32) -> bool {
        self.activity(key).is_some_and(|activity| activity.last_seen == last_seen)
    }

    /// What there is to report of what the maps refused, since the last call.
    pub fn take_refusal(&mut self) -> Option<Refusal> {
        self.retries.take_refusal()
    }

    /// How often the kernel had forgotten what came of a flow before its verdict, since the last call.
    pub fn take_lost_tracks(&mut self) -> u64 {
        std::mem::take(&mut self.lost_tracks)
    }

    /// Where verdicts are written.
    #[cfg(test)]
    pub(crate) fn store_mut(&mut self) -> &mut S {
        &mut self.store
    }

    pub(super) fn activity(&mut self, key: &FlowKey) -> Option<Activity> {
        self.store.activity(key).unwrap_or_else(|error| {
            self.retries.refuse(&error);
            None
        })
    }

    /// Whether the kernel has seen an answer to the client of a flow without a verdict.
    pub(super) fn is_track_answered(&mut self, key: &FlowKey) -> bool {
        self.store.is_track_answered(key).unwrap_or_else(|error| {
            self.retries.refuse(&error);
            false
        })
    }

    /// What the kernel has seen of the sequence numbers of a flow without a verdict.
    pub(super) fn numbers(&mut self, key: &FlowKey) -> Option<SequenceNumbers> {
        self.store.numbers(key).unwrap_or_else(|error| {
            self.retries.refuse(&error);
            None
        })
    }

    /// Whether the maps have refused the first verdict of a flow until now.
    pub(super) fn is_pending(&self, key: &FlowKey) -> bool {
        self.retries.get(key) == Some(Pending::Verdict)
    }
}
