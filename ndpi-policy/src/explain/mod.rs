//! Why a flow is treated as it is, rule by rule.
//!
//! This is the policy read out plainly, without the index: [`explain`] and
//! [`Policy::decide`](super::Policy::decide) must always agree, and tests hold them to it.

mod assumed;
mod evaluate;
mod flow;
mod show;

use self::evaluate::{MatchResult, evaluate};
use crate::decide::Policy;
use crate::diagnose::Place;
use crate::facts::{Decision, Derived, Facts, RuleIndex};
use crate::rule::Rule;

pub use flow::{FlowError, FlowWords};

/// The result of every rule up to the one that matched.
#[derive(Clone, Debug)]
pub struct Explanation {
    /// What [`Policy::decide`] says: `None` where the flow waits for nDPI's final word.
    pub decision: Option<Decision>,
    /// The rule that matched, and its matchers.
    pub hit: Option<(RuleIndex, Vec<Hit>)>,
    /// The rules before it (or all of them), each with the first matcher that did not hold.
    pub misses: Vec<(RuleIndex, Miss)>,
    /// What was assumed of the flow, where it was described in words.
    pub notes: Vec<String>,
}

/// A matcher that held.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Hit {
    /// The matcher.
    pub key: &'static str,
    /// The entry that holds.
    pub entry: Place,
}

/// The matcher that a rule failed by.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Miss {
    /// The matcher.
    pub key: &'static str,
    /// Whether it stands under `not`.
    pub negated: bool,
    /// Under `not`, the entry that holds; otherwise the first few that do not.
    pub entries: Vec<Place>,
    /// How many more entries do not.
    pub more: usize,
}

/// Tries every rule in turn.
pub fn explain(policy: &Policy, facts: &Facts<'_>) -> Explanation {
    let facts = &policy.timed(facts);
    let derived = policy.derived(facts);
    let mut misses = Vec::new();
    for (index, rule) in (0..).map(RuleIndex).zip(policy.rules()) {
        match try_rule(rule, facts, &derived) {
            Err(miss) => misses.push((index, miss)),
            Ok(hits) => {
                let decision = decide(policy, facts, Some(index));
                return Explanation {
                    decision,
                    hit: Some((index, hits)),
                    misses,
                    notes: Vec::new(),
                };
            }
        }
    }
    Explanation { decision: decide(policy, facts, None), hit: None, misses, notes: Vec::new() }
}

/// The decision for a flow whose first match is `rule`. Before nDPI knows anything, another rule may
/// be in its way that does not match what is claimed.
fn decide(policy: &Policy, facts: &Facts<'_>, rule: Option<RuleIndex>) -> Option<Decision> {
    match facts.classification.state {
        ndpi_labels::State::Inspecting => policy.decide(facts),
        _ => policy.decide_given(facts, rule),
    }
}

fn try_rule(rule: &Rule, facts: &Facts<'_>, derived: &Derived) -> Result<Vec<Hit>, Miss> {
    let mut hits = Vec::new();
    for (key, result) in evaluate(&rule.matchers, facts, derived) {
        match result {
            MatchResult::Held(entry) => hits.push(Hit { key, entry }),
            MatchResult::Failed { entries, more } => {
                return Err(Miss { key, negated: false, entries, more });
            }
        }
    }
    for (key, result) in evaluate(&rule.not, facts, derived) {
        if let MatchResult::Held(entry) = result {
            return Err(Miss { key, negated: true, entries: vec![entry], more: 0 });
        }
    }
    Ok(hits)
}
