//! Rules that do less than they seem to: never match, or name what another has taken before.
//!
//! Every claim is certain; not every such rule is found. A rule is compared with each one before it,
//! not with several together.

mod across;
mod apps;
mod cover;
mod empty;
mod first_packet;
mod hosts;
mod late;
mod lists;
mod names;
mod never;
mod pairs;
mod rest;
mod said;
mod says;
mod sisters;
mod taken;
mod wire;
mod words;

pub use self::late::AppOfHost;
use crate::diagnose::Problem;
use crate::parsed::Parsed;
use crate::vocabulary::Vocabulary;

/// Everything suspicious about a policy, its rules in file order.
pub(super) fn lint(
    parsed: &Parsed,
    vocabulary: &Vocabulary,
    app_of: AppOfHost<'_>,
) -> Vec<Problem> {
    let rules = parsed.rules.as_slice();
    let mut problems = Vec::new();
    for rule in rules {
        problems.extend(lists::redundant_entries(rule));
        problems.extend(lists::never_holds(rule));
        problems.extend(never::excluded_by_the_table(rule, vocabulary));
        problems.extend(never::kept_out(rule, vocabulary));
        problems.extend(wire::impossible(rule));
        problems.extend(said::reversed(rule, vocabulary));
        problems.extend(said::other_breed(rule, vocabulary));
        problems.extend(words::mistaken(rule, vocabulary));
        problems.extend(empty::categories(rule, vocabulary));
        problems.extend(hosts::hints(rule));
    }
    problems.extend(pairs::taken_before(rules, &vocabulary.app_categories));
    problems.extend(late::too_late(rules, vocabulary, app_of));
    problems.extend(sisters::left_out(rules, vocabulary));
    problems.extend(rest::unknown_passes(parsed));
    problems.extend(names::repeated(rules));
    problems.extend(first_packet::in_vain(rules, &vocabulary.app_categories));
    problems
}
