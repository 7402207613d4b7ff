//! nDPI's categories, where people mean something else by the word.

use ndpi_labels::CategoryId;

use super::says::{and_more, names_of};
use crate::diagnose::Problem;
use crate::group::{Group, Listed, our_groups};
use crate::rule::{At, Rule};
use crate::vocabulary::Vocabulary;

/// Categories that are taken for one of our groups, with what they take besides and what they do not.
pub(super) fn mistaken(rule: &Rule, names: &Vocabulary) -> Vec<Problem> {
    let Some(categories) = rule.matchers.category.as_deref() else { return Vec::new() };
    if rule.matchers.group.is_some() || rule.matchers.app.is_some() {
        return Vec::new();
    }
    let ours = our_groups().groups.iter();
    ours.filter_map(|(name, listed)| hint(categories, name, listed, names)).collect()
}

fn hint(
    categories: &[At<CategoryId>],
    name: &str,
    listed: &Listed,
    names: &Vocabulary,
) -> Option<Problem> {
    let ids = listed.mistaken_for.iter().filter_map(|category| names.categories.id(category));
    let ids: Vec<_> = ids.map(CategoryId).collect();
    let meant: Vec<_> = categories.iter().filter(|at| ids.contains(&at.value)).copied().collect();
    let first = meant.first()?;
    let group = Group::of(name, listed, names);
    let besides = besides(&meant, &group, names);
    let left_out = left_out(categories, &group, names);
    let written = names_of(&meant, &names.categories);
    let what = match (besides.as_slice(), left_out.as_slice()) {
        ([], []) => return None,
        (besides, []) => format!("takes {}", and_more(besides.iter().copied())),
        ([], left_out) => format!("may not take {}", and_more(left_out.iter().copied())),
        (besides, left_out) => format!(
            "may not take {}, and takes {}",
            and_more(left_out.iter().copied()),
            and_more(besides.iter().copied())
        ),
    };
    let message = format!("nDPI's {} {what}", written.join(" with "));
    let help = format!(
        "write `group = \"{name}\"` for {}; `policy check -v` lists what each rule takes",
        listed.about
    );
    Some(Problem::hint("category-words", first.place, message).help(help))
}

/// What the categories take that is not of the group.
fn besides<'n>(
    categories: &[At<CategoryId>],
    group: &Group,
    names: &'n Vocabulary,
) -> Vec<&'n str> {
    let table = &names.app_categories;
    let members = categories.iter().flat_map(|at| table.members(at.value));
    let others = members.filter(|id| !group.apps.iter().any(|app| app.application() == *id));
    others.filter_map(|id| names.apps.name(id)).collect()
}

/// What the categories do not take of the group.
fn left_out<'n>(
    categories: &[At<CategoryId>],
    group: &Group,
    names: &'n Vocabulary,
) -> Vec<&'n str> {
    let table = &names.app_categories;
    let taken = |id: u16| categories.iter().any(|at| table.get(id) == Some(at.value));
    let ids = group.apps.iter().map(|app| app.application()).filter(|id| !taken(*id));
    ids.filter_map(|id| names.apps.name(id)).collect()
}
