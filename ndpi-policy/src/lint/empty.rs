//! Categories that nothing is in.

use ndpi_labels::CategoryId;

use crate::diagnose::{Place, Problem};
use crate::read::EMPTY;
use crate::rule::{Matchers, Rule};
use crate::vocabulary::Vocabulary;

/// Categories, and groups of nothing but categories, of which nDPI has no application and no list.
pub(super) fn categories(rule: &Rule, names: &Vocabulary) -> Vec<Problem> {
    let empty = asked(&rule.matchers).into_iter();
    let empty = empty.filter(|(_, all)| all.iter().all(|it| names.is_empty_category(*it)));
    empty.map(|(place, all)| hint(place, &all, names)).collect()
}

/// The categories that must hold, one of them for each place.
fn asked(asked: &Matchers) -> Vec<(Place, Vec<CategoryId>)> {
    let categories = asked.category.iter().chain(&asked.flow_category).flatten();
    let groups = asked.group.iter().flatten();
    let groups = groups.filter(|at| at.value.apps.is_empty() && !at.value.categories.is_empty());
    let groups = groups.map(|at| (at.place, at.value.categories.clone()));
    categories.map(|at| (at.place, vec![at.value])).chain(groups).collect()
}

fn hint(place: Place, categories: &[CategoryId], names: &Vocabulary) -> Problem {
    let name = |id: &CategoryId| names.categories.name(id.0).unwrap_or("?").to_owned();
    let all: Vec<_> = categories.iter().map(name).collect();
    let message = format!("nothing is in nDPI's {} by itself", all.join(", "));
    Problem::hint("empty-category", place, message).help(EMPTY)
}
