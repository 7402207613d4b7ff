//! The policy as it judges the flows of one worker.

use std::sync::Arc;

use ndpi::Classification;
use ndpi_flow::{
    Announcement, Claim, Details, FlowEntry, Judge, Moment, Servers, Verdict, judge, lesson,
};
use ndpi_kernel::ktime_ns;
use ndpi_policy::Policy;

use super::reporter::interface_of;
use super::timing::Stopwatch;
use crate::clock::now_ns;
use crate::enforce::ActivePolicy;
use crate::interfaces::Roster;

/// Judges by the policy in force, and by what is remembered of servers.
#[derive(Debug)]
pub(super) struct LiveJudge {
    policy: Arc<ActivePolicy>,
    interfaces: Roster,
    servers: Arc<Servers>,
    /// Measures what decisions take, of which judging is a part.
    pub(super) stopwatch: Stopwatch,
}

impl LiveJudge {
    pub(super) fn new(
        policy: Arc<ActivePolicy>,
        interfaces: Roster,
        servers: Arc<Servers>,
    ) -> Self {
        Self { policy, interfaces, servers, stopwatch: Stopwatch::default() }
    }

    pub(super) fn set_policy(&mut self, policy: Arc<ActivePolicy>) {
        self.policy = policy;
    }

    pub(super) fn policy(&self) -> &Policy {
        self.policy.policy()
    }

    /// Remembers at `now_ns` the server of a flow that a first-packet rule decided, for its next flows.
    pub(super) fn remember<F>(&self, flow: &FlowEntry<F>, now_ns: u64) {
        if let Some((server, known)) = lesson(flow, self.policy()) {
            self.servers.remember(server, known, now_ns);
        }
    }
}

impl<F> Judge<F> for LiveJudge {
    fn judge(
        &mut self,
        flow: &FlowEntry<F>,
        classification: &Classification,
        details: &Details,
        moment: Moment,
    ) -> Option<Verdict> {
        let began = ktime_ns();
        let interface = interface_of(&self.interfaces, flow);
        let facts = flow.facts(classification, details, Some(&interface), now_ns());
        let verdict = judge(self.policy(), &facts, moment);
        self.stopwatch.judged(began);
        verdict
    }

    fn judges_partial(&self) -> bool {
        self.policy().acts_on_partial()
    }

    fn judges_first_packet(&self) -> bool {
        self.policy().acts_on_first_packet()
    }

    fn claim(
        &mut self,
        flow: &FlowEntry<F>,
        said: Option<Classification>,
        now_ns: u64,
    ) -> Option<Claim> {
        self.servers.claim(&flow.key.server(flow.client), said, now_ns)
    }

    fn learn(&mut self, announcement: &Announcement, now_ns: u64) {
        self.servers.learn(&announcement.name, &announcement.addresses, now_ns);
    }
}
