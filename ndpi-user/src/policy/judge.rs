//! The policy as the classifier's sinks use it: verdicts, and the names of rules.

use super::{Decision, Facts, Policy, RuleIndex};
use crate::classify::Moment;
use crate::verdict::Verdict;

/// What a verdict's rule is called where no rule matched.
pub const DEFAULT_RULE: &str = "default";

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

    /// What the rule of a verdict is called.
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
