//! Between rules: what an earlier one takes of a later one's flows.

use super::across;
use super::cover::{Cover, Pick, for_each_matcher};
use super::taken::{Ask, Taken, entries_taken};
use crate::category::CategoryTable;
use crate::diagnose::{Place, Problem};
use crate::rule::{Matchers, Rule};

/// A matcher of an earlier rule, asked how much of a later rule's matchers it takes: of the same one, or of
/// another that says as much.
pub(super) struct Row<'r> {
    asks: Vec<(&'static str, Ask<'r>)>,
}

/// What is found between two rules.
enum Found {
    /// The earlier rule takes everything.
    All,
    /// The earlier rule takes some entries of one matcher.
    Some { key: &'static str, taken: Vec<(Place, Place)>, of: usize },
}

/// Rules of which an earlier rule takes all flows, or all that match some entries of a list.
pub(super) fn taken_before(rules: &[Rule], table: &CategoryTable) -> Vec<Problem> {
    let mut all_taken = vec![false; rules.len()];
    let mut problems = Vec::new();
    for (index, earlier) in rules.iter().enumerate() {
        let rows = rows(&earlier.matchers, table);
        for (later, all_taken) in rules.iter().zip(&mut all_taken).skip(index + 1) {
            if *all_taken || !excludes_as_much(earlier, later) {
                continue;
            }
            match compare(&rows, &later.matchers) {
                Some(Found::All) => {
                    *all_taken = true;
                    problems.push(shadowed(earlier, later));
                }
                Some(Found::Some { key, taken, of }) => {
                    problems.push(overlap(earlier, later, key, &taken, of));
                }
                None => {}
            }
        }
    }
    problems
}

/// Whether the later rule keeps out every flow that the earlier rule's `not` keeps out.
pub(super) fn excludes_as_much(earlier: &Rule, later: &Rule) -> bool {
    let mut result = true;
    macro_rules! add {
        ($key:literal, $pick:expr) => {
            result = result && kept_out($pick, &earlier.not, &later.not);
        };
    }
    for_each_matcher!(add);
    result
}

fn kept_out<T: Cover>(pick: Pick<T>, earlier: &Matchers, later: &Matchers) -> bool {
    let Some(earlier) = pick(earlier) else { return true };
    let Some(later) = pick(later) else { return earlier.is_empty() };
    let find = T::finder(later);
    earlier.iter().all(|at| find(&at.value).is_some())
}

/// What the matchers of a rule answer about those of a later one.
pub(super) fn rows<'r>(earlier: &'r Matchers, table: &'r CategoryTable) -> Vec<Row<'r>> {
    let mut rows = Vec::new();
    macro_rules! add {
        ($key:literal, $pick:expr) => {
            let asks = ask($key, earlier, $pick).into_iter();
            let asks: Vec<_> = asks.chain(across::asks($key, earlier, table)).collect();
            rows.extend((!asks.is_empty()).then_some(Row { asks }));
        };
    }
    for_each_matcher!(add);
    rows
}

fn ask<'r, T: Cover + 'r>(
    key: &'static str,
    earlier: &'r Matchers,
    pick: Pick<T>,
) -> Option<(&'static str, Ask<'r>)> {
    Some((key, entries_taken(pick, T::finder(pick(earlier)?))))
}

impl Row<'_> {
    /// What is taken of the matcher of which most is.
    fn best(&self, later: &Matchers) -> (&'static str, Taken) {
        let all = self.asks.iter().map(|(key, ask)| (*key, ask(later)));
        all.max_by_key(|(_, taken)| taken.rank()).unwrap_or(("", Taken::Unknown))
    }
}

/// `None` where the earlier rule leaves the later one alone as far as is known: all rows but one
/// must take everything for the entries taken by that one to be lost.
fn compare(rows: &[Row<'_>], later: &Matchers) -> Option<Found> {
    let mut partly = None;
    for row in rows {
        let (key, taken) = row.best(later);
        match taken {
            Taken::Unknown => return None,
            Taken::Entries { taken, of } if taken.len() == of => {}
            Taken::Entries { taken, .. } if taken.is_empty() || partly.is_some() => return None,
            Taken::Entries { taken, of } => partly = Some(Found::Some { key, taken, of }),
        }
    }
    Some(partly.unwrap_or(Found::All))
}

/// Whether nothing of a later rule's matchers is surely taken.
pub(super) fn leaves_alone(rows: &[Row<'_>], later: &Matchers) -> bool {
    compare(rows, later).is_none()
}

/// Whether every flow of a later rule's matchers is taken.
pub(super) fn takes_all(rows: &[Row<'_>], later: &Matchers) -> bool {
    matches!(compare(rows, later), Some(Found::All))
}

fn shadowed(earlier: &Rule, later: &Rule) -> Problem {
    let message = format!("{:?} can never match", later.name);
    Problem::warning("shadowed", later.place, message)
        .related(earlier.place, format!("{:?} takes all of its flows before it", earlier.name))
        .help("move it up, narrow the earlier rule, or take one of them out")
}

fn overlap(
    earlier: &Rule,
    later: &Rule,
    key: &str,
    taken: &[(Place, Place)],
    of: usize,
) -> Problem {
    let (place, by) = taken[0];
    let entries = match taken.len() {
        1 => "this entry".to_owned(),
        count => format!("{count} of {of} entries, this the first,"),
    };
    let message = format!(
        "`{key}` of {:?}: {entries} can never match, {:?} comes before",
        later.name, earlier.name
    );
    Problem::warning("overlap", place, message)
        .related(by, format!("{:?} takes it here", earlier.name))
}
