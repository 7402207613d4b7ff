//! Decides flows that no rule matches, and names rules.

use ndpi_labels::{AppId, Classification, Confidence};

use crate::decide::Policy;
use crate::facts::RuleIndex;

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
    /// What the rule of a decision is called, or the setting that decided in place of one; `incomplete`
    /// as in [`Facts`](crate::Facts).
    pub fn decided_by(
        &self,
        rule: Option<RuleIndex>,
        said: &Classification,
        incomplete: bool,
    ) -> &str {
        rule.map_or_else(|| rest_of(said, incomplete), |rule| self.rule_name(Some(rule)))
    }

    /// What a rule is called; [`DEFAULT_RULE`] where there is none.
    pub fn rule_name(&self, rule: Option<RuleIndex>) -> &str {
        let rule = rule.and_then(|RuleIndex(rule)| self.rules().get(usize::from(rule)));
        rule.map_or(DEFAULT_RULE, |rule| &rule.name)
    }
}
