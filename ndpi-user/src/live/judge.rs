//! The interface and the time that rules are asked with on live interfaces.

use std::sync::Arc;

use ndpi_flow::{Moment, RuleJudge, Scene, Verdict};
use ndpi_kernel::ktime_ns;
use ndpi_policy::Facts;

use super::reporter::interface_of;
use super::timing::Stopwatch;
use crate::clock::now_ns;
use crate::interfaces::Roster;

/// The policy as it judges the flows of one worker.
pub(super) type LiveJudge = RuleJudge<LiveScene>;

/// The interfaces that are watched, and the clock.
#[derive(Debug)]
pub(super) struct LiveScene {
    interfaces: Roster,
    /// Measures what decisions take, of which judging is a part.
    pub(super) stopwatch: Stopwatch,
}

impl LiveScene {
    pub(super) fn new(interfaces: Roster) -> Self {
        Self { interfaces, stopwatch: Stopwatch::default() }
    }
}

impl Scene for LiveScene {
    fn interface(&self, ifindex: u32) -> Option<Arc<str>> {
        Some(interface_of(&self.interfaces, ifindex))
    }

    fn now_ns(&self, _last_seen_ns: u64) -> u64 {
        now_ns()
    }

    fn judge(
        &mut self,
        _facts: &Facts<'_>,
        _moment: Moment,
        decide: impl FnOnce() -> Option<Verdict>,
    ) -> Option<Verdict> {
        let began = ktime_ns();
        let verdict = decide();
        self.stopwatch.judged(began);
        verdict
    }
}
