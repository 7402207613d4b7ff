//! Decisions become verdicts in the kernel's maps, and records.

use std::collections::HashMap;

use anyhow::Result;
use ndpi_flow::{Action, End, Enforcement, FlowEntry, FlowKey, Judge, Sample, Sink, Verdict};
use serde::Serialize;

use crate::captures::Recorder;
use crate::enforce::{
    ActivePolicy, DesiredVerdict, KernelCounts, KernelStore, VerdictStore, count_all,
    count_undecided, extended,
};

/// What stands for a flow where there is no policy: the kernel counts it, and shows no more of it.
const COUNTED: Verdict = Verdict { action: Action::Count, rule: None };

/// What a packet made of its flow.
#[derive(Debug, Serialize)]
pub(super) struct Decision {
    pub(super) app: String,
    pub(super) category: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) action: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) rule: Option<String>,
}

/// The sink of one capture.
pub(super) struct ReplaySink<'a> {
    pub(super) recorder: Recorder<'a>,
    store: KernelStore,
    in_force: Option<ActivePolicy>,
    limits: bool,
    /// What was counted of flows under verdicts that the kernel has ended while the flow goes on.
    earlier: HashMap<FlowKey, KernelCounts>,
    /// Whether decisions are asked for.
    tells: bool,
    /// What the last packet decided, until it is asked for.
    decision: Option<Decision>,
    /// The first thing that went wrong with a map.
    failed: Option<anyhow::Error>,
}

impl<'a> ReplaySink<'a> {
    /// A sink that writes verdicts by the policy `in_force` to `store`, and `tells` of decisions one
    /// by one if wanted.
    pub(super) fn new(
        recorder: Recorder<'a>,
        store: KernelStore,
        in_force: Option<ActivePolicy>,
        tells: bool,
    ) -> Self {
        let rules = in_force.iter().flat_map(|in_force| in_force.policy().rules());
        let limits = rules.into_iter().any(|rule| rule.action.kind() == Action::Limit);
        let earlier = HashMap::new();
        Self { recorder, store, in_force, limits, earlier, tells, decision: None, failed: None }
    }

    /// Whether the policy limits flows to a rate.
    pub(super) fn limits(&self) -> bool {
        self.limits
    }

    /// What was decided since the last call.
    pub(super) fn take_decision(&mut self) -> Option<Decision> {
        self.decision.take()
    }

    /// Fails if a map has refused something: what the kernel does is then not what was decided.
    pub(super) fn check(&mut self) -> Result<()> {
        self.failed.take().map_or(Ok(()), Err)
    }

    /// Makes the verdict of a flow stand again which the kernel has ended, since it took a packet
    /// for the beginning of another.
    pub(super) fn renew<F>(&mut self, flow: &FlowEntry<F>) {
        let Some(desired) = self.desired(flow) else { return };
        match self.store.take(&flow.key) {
            Ok(taken) => self.earlier.entry(flow.key).or_default().add(&taken),
            Err(error) => self.fail(error),
        }
        if let Err(error) = self.store.write(&desired) {
            self.fail(error);
        }
    }

    /// Takes a flow out of the maps of which nothing else is known.
    pub(super) fn forget(&mut self, key: &FlowKey) {
        if let Err(error) = self.store.take(key) {
            self.fail(error);
        }
    }

    /// The verdict that is to stand for a decided flow.
    fn desired<F>(&self, flow: &FlowEntry<F>) -> Option<DesiredVerdict> {
        if let Some(in_force) = &self.in_force {
            return DesiredVerdict::of(flow, in_force);
        }
        let classification = flow.decided()?.classification;
        Some(DesiredVerdict::without_policy(flow, COUNTED, classification))
    }

    fn fail(&mut self, error: anyhow::Error) {
        self.failed.get_or_insert(error);
    }

    fn decision<F>(&self, flow: &FlowEntry<F>) -> Option<Decision> {
        let decided = flow.decided()?;
        let recording = self.recorder.recording;
        let rule = recording.rule_of(flow);
        Some(Decision {
            app: recording.names.app(decided.classification.app).into_owned(),
            category: recording.names.category(decided.classification.category).to_owned(),
            action: decided.verdict.map(|verdict| verdict.action.name()),
            rule: rule.map(str::to_owned),
        })
    }

    /// What the kernel counted of a flow that is over.
    fn take<F>(&mut self, flow: &FlowEntry<F>, end: End) -> KernelCounts {
        let mut taken = self.store.take_ended(&flow.key, end).unwrap_or_else(|error| {
            self.fail(error);
            KernelCounts::default()
        });
        if let Some(earlier) = self.earlier.remove(&flow.key) {
            taken.add(&earlier);
        }
        // The classifier has received every packet, and knows better than the coarse clock.
        KernelCounts { last_seen_ns: None, ..taken }
    }
}

impl<F> Sink<F> for ReplaySink<'_> {
    fn rules(&mut self) -> &mut impl Judge<F> {
        &mut self.recorder.judge
    }

    fn decided(&mut self, flow: &mut FlowEntry<F>, sample: &Sample) {
        let Some(desired) = self.desired(flow) else { return };
        match self.store.write(&desired) {
            Ok(before) => count_undecided(flow, before),
            Err(error) => return self.fail(error),
        }
        self.recorder.decided(flow, sample);
        if self.tells {
            self.decision = self.decision(flow);
        }
    }

    fn enforcement(&mut self) -> &mut impl Enforcement<F> {
        self
    }

    fn decided_again(&mut self, flow: &mut FlowEntry<F>, _: Option<Verdict>, _: &Sample) {
        let Some(desired) = self.desired(flow) else { return };
        // What passed until now did so by what was asked for then: it has not leaked.
        let seen = flow.traffic.total();
        flow.allow(seen.packets, seen.bytes);
        match self.store.replace(&desired) {
            Ok(allowed) => flow.allow(allowed.packets, allowed.bytes),
            Err(error) => return self.fail(error),
        }
        if self.tells {
            self.decision = self.decision(flow);
        }
    }

    fn finished(&mut self, mut flow: FlowEntry<F>, end: End) {
        let taken = self.take(&flow, end);
        let counters = count_all(&mut flow, &taken);
        self.recorder.finished(&flow, end, counters);
    }
}

impl<F> Enforcement<F> for ReplaySink<'_> {
    fn extend(&mut self, flow: &mut FlowEntry<F>) -> bool {
        match self.store.write(&DesiredVerdict::inspecting(flow)) {
            Ok(before) => extended(flow, before),
            Err(error) => {
                self.fail(error);
                false
            }
        }
    }

    fn follow(&mut self, flow: &FlowEntry<F>) {
        if let Err(error) = self.store.follow(&flow.key, flow.followed()) {
            self.fail(error);
        }
    }
}
