//! Within one rule: entries that add nothing, and matchers that cannot hold.

use super::cover::{Cover, Pick, for_each_matcher};
use crate::diagnose::Problem;
use crate::rule::{At, Rule};

/// How many entries of one list are reported.
const SHOWN: usize = 3;
/// Longest list of entries that are compared one by one.
const LONGEST: usize = 1000;

/// Entries that another entry of the same list covers.
pub(super) fn redundant_entries(rule: &Rule) -> Vec<Problem> {
    let mut problems = Vec::new();
    macro_rules! add {
        ($key:literal, $pick:expr) => {
            problems.extend(redundant_in($key, rule, $pick));
        };
    }
    for_each_matcher!(add);
    problems
}

/// A matcher whose every entry is excluded by the same rule's `not`, or that is empty.
pub(super) fn never_holds(rule: &Rule) -> Vec<Problem> {
    let mut problems = Vec::new();
    macro_rules! add {
        ($key:literal, $pick:expr) => {
            problems.extend(contradiction($key, rule, $pick));
        };
    }
    for_each_matcher!(add);
    problems
}

fn redundant_in<T: Cover>(key: &str, rule: &Rule, pick: Pick<T>) -> Vec<Problem> {
    let lists = [pick(&rule.matchers), pick(&rule.not)];
    lists.into_iter().flatten().flat_map(|list| redundant(key, list)).collect()
}

fn redundant<T: Cover>(key: &str, list: &[At<T>]) -> Vec<Problem> {
    if !T::SCALES && list.len() > LONGEST {
        return Vec::new();
    }
    let find = T::finder(list);
    let covered = list.iter().filter_map(|at| {
        let by = find(&at.value).filter(|by| *by != at.place)?;
        Some((at.place, by))
    });
    let covered: Vec<_> = covered.collect();
    let mut problems: Vec<_> = covered
        .iter()
        .take(SHOWN)
        .map(|(place, by)| {
            Problem::warning("overlap", *place, format!("this entry of `{key}` adds nothing"))
                .related(*by, "this one covers it")
        })
        .collect();
    if let Some((place, _)) = covered.get(SHOWN) {
        let message = format!("{} more entries of `{key}` add nothing", covered.len() - SHOWN);
        problems.push(Problem::warning("overlap", *place, message));
    }
    problems
}

fn contradiction<T: Cover>(key: &str, rule: &Rule, pick: Pick<T>) -> Option<Problem> {
    let wanted = pick(&rule.matchers)?;
    if wanted.is_empty() {
        let message = format!("{:?} can never match: `{key}` lists nothing", rule.name);
        return Some(Problem::warning("never-matches", rule.place, message));
    }
    let find = T::finder(pick(&rule.not)?);
    let excluded: Option<Vec<_>> = wanted.iter().map(|at| find(&at.value)).collect();
    let by = *excluded?.first()?;
    let message = format!("{:?} can never match: `not.{key}` excludes all of `{key}`", rule.name);
    Some(Problem::warning("never-matches", wanted[0].place, message).related(by, "excluded here"))
}
