//! Rules that say `first_packet = true` and can never decide by one.

use super::cover::for_each_matcher;
use crate::category::CategoryTable;
use crate::diagnose::Problem;
use crate::first_packet;
use crate::rule::{Matchers, Rule};

/// A rule that asks what no first packet tells, or stands behind one that may match every flow as far
/// as its first packet tells.
pub(super) fn in_vain(rules: &[Rule], table: &CategoryTable) -> Vec<Problem> {
    let hurried = rules.iter().enumerate().filter(|(_, rule)| rule.first_packet);
    hurried
        .filter_map(|(index, rule)| {
            asks_too_much(rule).or_else(|| waits(&rules[..index], rule, table))
        })
        .collect()
}

fn asks_too_much(rule: &Rule) -> Option<Problem> {
    let key = first_packet::unanswered(rule)?;
    let message = format!(
        "`first_packet` of {:?} has no effect: no first packet tells what `{key}` asks for",
        rule.name
    );
    let help = "take `first_packet` out, or make two rules of it";
    Some(Problem::warning("first-packet", rule.place, message).help(help))
}

fn waits(before: &[Rule], rule: &Rule, table: &CategoryTable) -> Option<Problem> {
    let earlier = before.iter().find(|earlier| may_take_all(earlier, table))?;
    let message = format!(
        "`first_packet` of {:?} has no effect: its flows wait for nDPI, as {:?} before it may match",
        rule.name, earlier.name
    );
    let label = "by a first packet, no flow is certain not to match this";
    let problem = Problem::warning("first-packet", rule.place, message);
    Some(problem.related(earlier.place, label).help("move it up, or narrow the earlier rule"))
}

/// Whether nothing that a first packet tells keeps the rule from matching, which does not decide by
/// it.
fn may_take_all(rule: &Rule, table: &CategoryTable) -> bool {
    let part = first_packet::answered_part(rule, table);
    let decides = rule.first_packet && first_packet::unanswered(rule).is_none();
    !decides && asks_nothing(&part.matchers) && asks_nothing(&part.not)
}

fn asks_nothing(matchers: &Matchers) -> bool {
    let mut result = true;
    macro_rules! add {
        ($key:literal, $pick:expr) => {
            result = result && is_absent(matchers, $pick);
        };
    }
    for_each_matcher!(add);
    result
}

fn is_absent<T>(matchers: &Matchers, pick: super::cover::Pick<T>) -> bool {
    pick(matchers).is_none()
}
