//! Rules without what is not known of a flow that an earlier instance decided.

use crate::facts::{Derived, Facts, RuleIndex};
use crate::index::Index;
use crate::rule::{Matchers, Rule};

/// The rules without what is not known of adopted flows: what is left of a rule matches wherever the whole rule may.
#[derive(Debug)]
pub(super) struct KnownParts {
    rules: Vec<Rule>,
    index: Index,
    /// By rule: nothing was left out.
    whole: Vec<bool>,
}

impl KnownParts {
    pub(super) fn new(rules: &[Rule]) -> Self {
        let whole = rules.iter().map(|rule| !asks_for_more(rule)).collect();
        let rules: Vec<_> = rules.iter().map(known_part).collect();
        Self { index: Index::new(&rules), rules, whole }
    }

    /// The first rule that matches for certain, or may match and is the earlier one; and whether it is certain.
    pub(super) fn first(
        &self,
        facts: &Facts<'_>,
        derived: &Derived,
        is_earlier: impl Fn(RuleIndex) -> bool,
    ) -> Option<(RuleIndex, bool)> {
        let is_whole = |rule: RuleIndex| self.whole[usize::from(rule.0)];
        let decides = |rule| is_whole(rule) || is_earlier(rule);
        let rule = self.index.first_match_of(&self.rules, facts, derived, decides)?;
        Some((rule, is_whole(rule)))
    }
}

/// Whether a rule asks for something that is not known of a flow that an earlier instance decided.
pub(super) fn asks_for_more(rule: &Rule) -> bool {
    [&rule.matchers, &rule.not].into_iter().any(|matchers| {
        let Matchers { breed, risk, risk_score, host, ja4, alpn, evasion, .. } = matchers;
        asks(breed.as_deref())
            || asks(risk.as_deref())
            || risk_score.is_some()
            || asks(host.as_deref())
            || asks(ja4.as_deref())
            || asks(alpn.as_deref())
            || asks(evasion.as_deref())
    })
}

/// An empty list never holds, whatever is known.
fn asks<T>(list: Option<&[T]>) -> bool {
    list.is_some_and(|list| !list.is_empty())
}

fn known_part(rule: &Rule) -> Rule {
    let mut part = rule.clone();
    for matchers in [&mut part.matchers, &mut part.not] {
        matchers.risk_score = None;
        drop_list(&mut matchers.breed);
        drop_list(&mut matchers.risk);
        drop_list(&mut matchers.host);
        drop_list(&mut matchers.ja4);
        drop_list(&mut matchers.alpn);
        drop_list(&mut matchers.evasion);
    }
    part
}

fn drop_list<T>(list: &mut Option<Vec<T>>) {
    if asks(list.as_deref()) {
        *list = None;
    }
}
