//! One matcher over all rules: who asks nothing, who asks for a value, who refuses it.

use super::sets::insert;
use crate::rule::{MAX_RULES, Matchers, Rule};

/// A matcher of all rules, with its look-up of kind `L`.
#[derive(Debug)]
pub(super) struct Clause<L> {
    /// Absent where no rule has the matcher.
    wanted: Option<Wanted<L>>,
    /// The look-up of `not`; absent where no rule has it.
    refused: Option<L>,
}

#[derive(Debug)]
struct Wanted<L> {
    /// The rules that have no such matcher.
    free: Box<[u64]>,
    lookup: L,
}

impl<L> Clause<L> {
    /// `has` says whether a rule has the matcher; `lookup` makes the look-up over the matchers
    /// given.
    pub(super) fn new(
        rules: &[Rule],
        has: impl Fn(&Matchers) -> bool,
        lookup: impl Fn(&mut dyn Iterator<Item = (&Matchers, u16)>) -> L,
    ) -> Self {
        let wanted = rules.iter().any(|rule| has(&rule.matchers)).then(|| Wanted {
            free: free(rules, &has),
            lookup: lookup(&mut numbered(rules).map(|(rule, index)| (&rule.matchers, index))),
        });
        let refused = rules
            .iter()
            .any(|rule| has(&rule.not))
            .then(|| lookup(&mut numbered(rules).map(|(rule, index)| (&rule.not, index))));
        Self { wanted, refused }
    }

    /// Takes the rules out of `candidates` whose matcher does not hold. `collect` asks a look-up for
    /// the rules that name the flow's value.
    pub(super) fn narrow(&self, candidates: &mut [u64], collect: impl Fn(&L, &mut [u64])) {
        let mut buffer = [0; MAX_RULES / 64];
        if let Some(Wanted { free, lookup }) = &self.wanted {
            let union = &mut buffer[..candidates.len()];
            collect(lookup, union);
            for ((candidate, free), hit) in candidates.iter_mut().zip(free).zip(union) {
                *candidate &= *free | *hit;
            }
        }
        if let Some(lookup) = &self.refused {
            let union = &mut buffer[..candidates.len()];
            union.fill(0);
            collect(lookup, union);
            for (candidate, hit) in candidates.iter_mut().zip(union) {
                *candidate &= !*hit;
            }
        }
    }
}

fn free(rules: &[Rule], has: impl Fn(&Matchers) -> bool) -> Box<[u64]> {
    let mut free = vec![0; rules.len().div_ceil(64)];
    for (_, index) in numbered(rules).filter(|(rule, _)| !has(&rule.matchers)) {
        insert(&mut free, index);
    }
    free.into()
}

fn numbered(rules: &[Rule]) -> impl Iterator<Item = (&Rule, u16)> {
    rules.iter().zip(0..)
}
