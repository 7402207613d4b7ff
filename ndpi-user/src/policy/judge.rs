//! The policy as the classifier's sinks use it: verdicts, and the names of rules.

use ndpi::{AppId, Classification, Confidence};

use super::{Decision, Facts, Policy, RuleIndex};
use crate::classify::Moment;
use crate::flow::FlowEntry;
use crate::verdict::Verdict;

/// What a verdict's rule is called where no rule matched, and the policy's default decided.
pub const DEFAULT_RULE: &str = "default";
/// The same where `undecided` decided: of flows whose application stayed Unknown, is guessed from a port,
/// or may be another since their start was not seen.
pub const UNDECIDED_RULE: &str = "undecided";

/// The setting that decides flows of this classification when no rule matches. A port alone says nothing
/// of what a flow is: nDPI names one for random bytes, too. One that is `incomplete` may be of another
/// application.
pub(super) fn rest_of(said: &Classification, incomplete: bool) -> &'static str {
    let by_port = said.confidence == Confidence::MatchByPort;
    let unknown = incomplete || by_port || said.app == AppId::default();
    if unknown { UNDECIDED_RULE } else { DEFAULT_RULE }
}

impl Policy {
    /// The verdict on a flow; `None` while nDPI should see more of it, which is never at the final
    /// moment.
    pub fn judge(&self, facts: &Facts<'_>, moment: Moment) -> Option<Verdict> {
        match moment {
            Moment::FirstPacket | Moment::Early => self.decide(facts),
            Moment::Final => Some(self.decide_now(facts)),
        }
        .map(Verdict::from)
    }

    /// What the rule of a decided flow is called, or the setting that decided in place of one; `None`
    /// without a verdict.
    pub fn rule_of<F>(&self, flow: &FlowEntry<F>) -> Option<&str> {
        let decided = flow.decided()?;
        let verdict = decided.verdict?;
        let rest = || rest_of(&decided.classification, flow.is_incomplete());
        Some(verdict.rule.map_or_else(rest, |_| self.rule_name(verdict)))
    }

    /// What the rule of a verdict is called; [`DEFAULT_RULE`] where none matched.
    pub fn rule_name(&self, verdict: Verdict) -> &str {
        let rule = verdict.rule.and_then(|rule| self.rules().get(usize::from(rule)));
        rule.map_or(DEFAULT_RULE, |rule| &rule.name)
    }
}

impl From<Decision> for Verdict {
    fn from(decision: Decision) -> Self {
        let rule = decision.rule.map(|RuleIndex(index)| index);
        Self { action: decision.action.kind(), rule }
    }
}
