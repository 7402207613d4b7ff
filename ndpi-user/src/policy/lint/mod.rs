//! Rules that do less than they seem to: never match, or name what another has taken before.
//!
//! Every claim is certain; not every such rule is found. A rule is compared with each one before it,
//! not with several together.

mod cover;
mod hurry;
mod lists;
mod pairs;

use super::{Problem, Rule};

/// Everything suspicious about rules in file order.
pub(super) fn lint(rules: &[Rule]) -> Vec<Problem> {
    let mut problems = Vec::new();
    for rule in rules {
        problems.extend(lists::redundant_entries(rule));
        problems.extend(lists::never_holds(rule));
    }
    problems.extend(pairs::taken_before(rules));
    problems.extend(hurry::in_vain(rules));
    problems
}
