//! Verdicts: what the rules make of a classification.

pub use ndpi_common::Action;
use ndpi_policy::{Decision, RuleIndex};

/// An action and the rule it comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Verdict {
    /// What the kernel does with the later packets of the flow.
    pub action: Action,
    /// The rule that matched, by its place in the file from 0; `None` for the policy's default.
    pub rule: Option<u16>,
}

impl Verdict {
    /// In the place of the rule: the one that decided the flow in an earlier instance
    /// ([`crate::FlowEntry::kept_rule`]). No policy has so many.
    pub const KEPT: u16 = u16::MAX - 1;

    /// The rule that matched, as the policy counts it.
    pub fn rule_index(self) -> Option<RuleIndex> {
        self.rule.map(RuleIndex)
    }
}

impl From<Decision> for Verdict {
    fn from(decision: Decision) -> Self {
        let rule = decision.rule.map(|RuleIndex(index)| index);
        Self { action: decision.action.kind(), rule }
    }
}
