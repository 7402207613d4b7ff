//! Deciding about flows that were decided by an instance which is gone.
//!
//! Of such a flow the kernel keeps its addresses and ports, the application and category, and how sure nDPI was.
//! What else rules can ask for is not known any more, above all its host name. Rules that ask for nothing else
//! decide as ever. Of those that do, the one that decided before decides again wherever it may still match, as
//! what it asked for was there. Others are passed over: nobody can say whether they match. Where no rule is left,
//! a verdict that rested on what is not known any more stays as it is, and any other gives way to the policy's
//! settings. An exception for a time that has ended decided nothing any more.

use crate::decide::Policy;
use crate::exemption::is_exemption;
use crate::facts::{Decision, Facts, RuleIndex};
use crate::known_parts::asks_for_more;

/// What decided a flow before, as far as it is known.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Earlier<'a> {
    /// The name of the rule; `None` where a setting of the policy decided.
    pub rule: Option<&'a str>,
    /// It rested on what is not known any more.
    pub rests_on_more: bool,
}

/// What the policy makes of such a flow.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Adopted {
    /// The policy decides, by what is known.
    Decided(Decision),
    /// The rule that decided before decides again, by what it was asked then.
    DecidedAgain(Decision),
    /// Nothing says otherwise than the verdict that stands.
    Keeps,
}

impl Policy {
    /// What the policy makes of a flow of which no more is known than `facts`, and which was decided before.
    pub fn decide_adopted(&self, facts: &Facts<'_>, earlier: Earlier<'_>) -> Adopted {
        let facts = &self.timed(facts);
        let is_earlier = |rule: RuleIndex| earlier.rule == Some(&self.rule(rule).name);
        match self.known_parts().first(facts, &self.derived(facts), is_earlier) {
            Some((rule, true)) => Adopted::Decided(self.by_rule(rule)),
            Some((rule, false)) => Adopted::DecidedAgain(self.by_rule(rule)),
            None if earlier.rests_on_more && !self.has_ended(earlier) => Adopted::Keeps,
            None => Adopted::Decided(self.by_rest(facts)),
        }
    }

    /// Whether the earlier rule was an exception for a time which is over.
    fn has_ended(&self, earlier: Earlier<'_>) -> bool {
        let rules = &self.rules()[..self.preceding()];
        earlier
            .rule
            .is_some_and(|name| is_exemption(name) && rules.iter().all(|rule| rule.name != name))
    }

    /// Whether the rule at this place asks for what is not known any more of a flow of an earlier instance.
    pub fn rests_on_more(&self, rule: RuleIndex) -> bool {
        self.rules().get(usize::from(rule.0)).is_some_and(asks_for_more)
    }
}
