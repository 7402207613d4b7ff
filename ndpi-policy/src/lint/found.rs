//! Findings that are never made.

use ndpi_labels::{Finding, Findings};

use crate::diagnose::Problem;
use crate::rule::Rule;

/// The entries of `evasion` that no flow has.
pub(super) fn never_made(rule: &Rule) -> Vec<Problem> {
    let never = Findings::from(Finding::FragmentOverlap);
    let asked = rule.matchers.evasion.iter().flatten();
    let in_vain = asked.filter(|at| at.value.difference(never).is_empty());
    let problem = |place| {
        let message = format!(
            "`evasion` of {:?} asks for \"{}\", which is not found yet: fragments are not put together",
            rule.name,
            Finding::FragmentOverlap
        );
        let help = "take it out; `fragments` says what is done to those of unknown flows";
        Problem::warning("never-found", place, message).help(help)
    };
    in_vain.map(|at| problem(at.place)).collect()
}
