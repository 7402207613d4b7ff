//! What becomes of decisions on a live interface: verdicts in the kernel's maps, and records.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};

use ndpi::Classification;

use super::{InForce, Output, Standing, Store, Summary, Taken, Volume};
use crate::classify::{Announcement, End, Moment, Sink};
use crate::first_packet::{Claim, Servers, lesson};
use crate::flow::{Details, FlowEntry, FlowKey};
use crate::policy::Facts;
use crate::record::{Counters, FlowRecord, Names, Origin, VerdictRecord};
use crate::reject::Rejecter;
use crate::sample::Sample;
use crate::verdict::{Action, Verdict};

/// The names of interfaces, by index.
pub type Interfaces = HashMap<u32, String>;

/// What all workers share.
#[derive(Clone, Debug)]
pub struct Shared {
    /// nDPI's names.
    pub names: Arc<Names>,
    /// The interfaces that are watched.
    pub interfaces: Arc<Interfaces>,
    /// Where records go.
    pub output: Output,
    /// Who tells the ends of rejected flows; `None` where there is nobody to tell them.
    pub rejecter: Option<Arc<Rejecter>>,
    /// What is remembered of servers.
    pub servers: Arc<Servers>,
}

/// The sink of one worker.
#[derive(Debug)]
pub struct LiveSink<S> {
    store: S,
    policy: Arc<InForce>,
    /// The policy in force before.
    earlier: Arc<InForce>,
    shared: Shared,
    summary: Summary,
    /// Verdicts that the maps refused.
    refused: u64,
    /// Verdicts of living flows that a change of policy changed.
    changed: u64,
}

impl<S: Store> LiveSink<S> {
    /// A sink that writes verdicts of `policy` to `store`.
    pub fn new(store: S, policy: Arc<InForce>, shared: Shared) -> Self {
        let earlier = Arc::clone(&policy);
        let summary = Summary::default();
        Self { store, policy, earlier, shared, summary, refused: 0, changed: 0 }
    }

    /// From now on, `policy` judges. All flows are to be judged again at once
    /// ([`crate::classify::Classifier::judge_again`]), or verdicts of the one before stay.
    pub fn set_policy(&mut self, policy: Arc<InForce>) {
        self.earlier = std::mem::replace(&mut self.policy, policy);
    }

    /// How many verdicts of living flows have changed with the policy so far.
    pub fn changed(&self) -> u64 {
        self.changed
    }

    /// Takes a flow out of the maps of which nothing else is known.
    pub fn forget(&mut self, key: &FlowKey) {
        if let Some(rejecter) = &self.shared.rejecter {
            rejecter.forget(key);
        }
        if let Err(error) = self.store.take(key) {
            self.refuse(&error);
        }
    }

    /// The wall clock, nanoseconds since the Unix epoch.
    pub fn now_ns(&self) -> u64 {
        let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        u64::try_from(since.as_nanos()).unwrap_or(u64::MAX)
    }

    /// What was seen, by application and action.
    pub fn into_summary(self) -> Summary {
        self.summary
    }

    fn interface<F>(&self, flow: &FlowEntry<F>) -> &str {
        self.shared.interfaces.get(&flow.ifindex).map_or("?", String::as_str)
    }

    /// The name of the rule that decided the flow.
    fn rule<F>(&self, flow: &FlowEntry<F>) -> Option<&str> {
        Some(self.policy.policy().rule_name(flow.decided()?.verdict?))
    }

    /// Remembers the server of a flow that a rule in a hurry decided, for its next flows.
    fn remember<F>(&self, flow: &FlowEntry<F>) {
        if let Some((server, known)) = lesson(flow, self.policy.policy()) {
            self.shared.servers.remember(server, known, self.now_ns());
        }
    }

    /// Tells both ends of a rejected flow, within the rejecter's bounds.
    fn answer(&self, sample: &Sample) {
        if let Some(rejecter) = &self.shared.rejecter {
            rejecter.reject(sample, self.now_ns());
        }
    }

    /// Notes that the maps refused something: the first time with what happened, then as a count.
    fn refuse(&mut self, error: &anyhow::Error) {
        self.refused += 1;
        if self.refused.is_power_of_two() {
            log::warn!("{error:#} ({} times so far)", self.refused);
        }
    }
}

impl<S: Store, F> Sink<F> for LiveSink<S> {
    fn judge(
        &mut self,
        flow: &FlowEntry<F>,
        classification: &Classification,
        details: &Details,
        moment: Moment,
    ) -> Option<Verdict> {
        let facts =
            Facts::of(flow, classification, details, Some(self.interface(flow)), self.now_ns());
        self.policy.policy().judge(&facts, moment)
    }

    fn judges_partial(&self) -> bool {
        self.policy.policy().acts_on_partial()
    }

    fn judges_first_packet(&self) -> bool {
        self.policy.policy().acts_on_first_packet()
    }

    fn claim(
        &mut self,
        flow: &FlowEntry<F>,
        said: Option<Classification>,
        now_ns: u64,
    ) -> Option<Claim> {
        self.shared.servers.claim(&flow.key.server(flow.client), said, now_ns)
    }

    fn learn(&mut self, announcement: &Announcement, now_ns: u64) {
        self.shared.servers.learn(&announcement.name, &announcement.addresses, now_ns);
    }

    fn decided(&mut self, flow: &mut FlowEntry<F>, sample: &Sample) {
        let Some(standing) = Standing::of(flow, &self.policy) else { return };
        match self.store.write(&standing) {
            Ok(before) => count_undecided(flow, before),
            Err(error) => return self.refuse(&error),
        }
        // Before anything else is done: this is the time by which the verdict stood.
        let times = (sample.time_ns, self.now_ns());
        self.remember(flow);
        if standing.verdict.action == Action::Reject {
            self.answer(sample);
        }
        let origin = Origin::Interface(self.interface(flow));
        let rule = self.rule(flow);
        if let Some(record) = VerdictRecord::new(flow, times, origin, &self.shared.names, rule) {
            self.shared.output.verdict(&record);
        }
    }

    fn known(&mut self, flow: &mut FlowEntry<F>, sample: &Sample) {
        // Shown before its verdict stood, or because the verdict was taken away by somebody else.
        let Some(standing) = Standing::of(flow, &self.policy) else { return };
        if let Err(error) = self.store.write(&standing) {
            return self.refuse(&error);
        }
        // Its receiver is further than the packet that the verdict was made of: a reset with the
        // number that was right then has missed, and no more packets need come.
        if standing.verdict.action == Action::Reject {
            self.answer(sample);
        }
    }

    fn rejected(&mut self, _flow: &FlowEntry<F>, sample: &Sample) {
        self.answer(sample);
    }

    fn judged_again(&mut self, flow: &mut FlowEntry<F>, before: Option<Verdict>) {
        let Some(standing) = Standing::of(flow, &self.policy) else { return };
        let allowed = before.and_then(|before| self.earlier.allowance(before.rule));
        if (before, allowed) == (Some(standing.verdict), standing.allowance) {
            return;
        }
        self.changed += 1;
        if let Err(error) = self.store.replace(&standing) {
            self.refuse(&error);
        }
    }

    fn finished(&mut self, mut flow: FlowEntry<F>, end: End) {
        let taken = self.store.take_ended(&flow.key, end).unwrap_or_else(|error| {
            self.refuse(&error);
            Taken::default()
        });
        if let Some(rejecter) = &self.shared.rejecter {
            rejecter.forget(&flow.key);
        }
        let counters = count_all(&mut flow, &taken);
        self.summary.add(&flow, counters);
        if flow.decided().and_then(|decided| decided.verdict).is_some_and(|it| it.action.drops()) {
            self.summary.add_blocked(Volume {
                packets: counters.packets.saturating_sub(taken.dropped.packets),
                bytes: counters.bytes.saturating_sub(taken.dropped.bytes),
            });
        }
        let origin = Origin::Interface(self.interface(&flow));
        let rule = self.rule(&flow);
        let names = &self.shared.names;
        if let Some(record) = FlowRecord::new(&flow, end, counters, origin, names, rule) {
            self.shared.output.flow(&record);
        }
    }
}

/// Replaces what user space was shown of a flow by what the kernel counted while there was no
/// verdict: it has also seen what was not shown. An LRU map may have forgotten, and knows less then.
pub(crate) fn count_undecided<F>(flow: &mut FlowEntry<F>, kernel: Volume) {
    flow.packets = flow.packets.max(kernel.packets);
    flow.bytes = flow.bytes.max(kernel.bytes);
    flow.packets_before = u32::try_from(flow.packets).unwrap_or(u32::MAX);
}

/// The counters of a flow that is over: what passed without a verdict, and what met it.
pub(crate) fn count_all<F>(flow: &mut FlowEntry<F>, taken: &Taken) -> Counters {
    flow.last_seen_ns = flow.last_seen_ns.max(taken.last_seen_ns.unwrap_or_default());
    if flow.decided().is_some_and(|decided| decided.given_up) {
        count_undecided(flow, taken.undecided);
    } else {
        // What was on its way through the kernel when the verdict was written.
        flow.packets += taken.undecided.packets;
        flow.bytes += taken.undecided.bytes;
    }
    Counters {
        packets: flow.packets + taken.decided.packets,
        bytes: flow.bytes + taken.decided.bytes,
        dropped: taken.dropped.packets,
    }
}

#[cfg(test)]
mod tests;
