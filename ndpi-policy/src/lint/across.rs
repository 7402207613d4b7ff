//! Finds what a matcher of an earlier rule takes from another matcher of a later rule: an application of a category, a
//! client of a network of either end.

use std::sync::Arc;

use ndpi_labels::CategoryId;

use super::cover::Cover as _;
use super::taken::{Ask, entries_taken};
use crate::app_pattern::AppPattern;
use crate::category::CategoryTable;
use crate::diagnose::Place;
use crate::group::Group;
use crate::net::Net;
use crate::rule::{At, Matchers};

/// The questions that a matcher of `earlier` answers about other matchers than its like.
pub(super) fn asks<'r>(
    key: &str,
    earlier: &'r Matchers,
    table: &'r CategoryTable,
) -> Vec<(&'static str, Ask<'r>)> {
    match key {
        "app" => earlier.app.as_deref().map(by_apps),
        "category" => earlier.category.as_deref().map(|list| by_categories(list, table)),
        "group" => earlier.group.as_deref().map(|list| by_groups(list, table)),
        "any" => earlier.any.as_deref().map(by_either_end),
        _ => None,
    }
    .unwrap_or_default()
}

/// A group all of whose applications are listed.
fn by_apps(list: &[At<AppPattern>]) -> Vec<(&'static str, Ask<'_>)> {
    let app = |app: &AppPattern| place(list, |its| its.covers(app));
    let group = move |group: &Arc<Group>| {
        if group.categories.is_empty() { all(&group.apps, app) } else { None }
    };
    vec![("group", entries_taken(|m| m.group.as_deref(), group))]
}

fn by_categories<'r>(
    list: &'r [At<CategoryId>],
    table: &'r CategoryTable,
) -> Vec<(&'static str, Ask<'r>)> {
    let category = |category: &CategoryId| place(list, |its| its == category);
    let app = |app: &AppPattern| place(list, |its| app.is_surely_of(*its, table));
    let group = move |group: &Arc<Group>| both(group, app, category);
    vec![
        ("app", entries_taken(|m| m.app.as_deref(), app)),
        ("group", entries_taken(|m| m.group.as_deref(), group)),
        ("flow_category", entries_taken(|m| m.flow_category.as_deref(), category)),
    ]
}

fn by_groups<'r>(
    list: &'r [At<Arc<Group>>],
    table: &'r CategoryTable,
) -> Vec<(&'static str, Ask<'r>)> {
    let category = |category: &CategoryId| place(list, |its| its.categories.contains(category));
    let app = |app: &AppPattern| place(list, |its| its.surely_has(*app, table));
    let group = move |group: &Arc<Group>| both(group, app, category);
    vec![
        ("app", entries_taken(|m| m.app.as_deref(), app)),
        ("group", entries_taken(|m| m.group.as_deref(), group)),
        ("category", entries_taken(|m| m.category.as_deref(), category)),
        ("flow_category", entries_taken(|m| m.flow_category.as_deref(), category)),
    ]
}

/// A client or a server in a network in which either end may be.
fn by_either_end(list: &[At<Net>]) -> Vec<(&'static str, Ask<'_>)> {
    vec![
        ("src", entries_taken(|m| m.src.as_deref(), Net::finder(list))),
        ("dst", entries_taken(|m| m.dst.as_deref(), Net::finder(list))),
    ]
}

/// The place of the first entry that holds.
fn place<T>(list: &[At<T>], holds: impl Fn(&T) -> bool) -> Option<Place> {
    list.iter().find(|at| holds(&at.value)).map(|at| at.place)
}

/// Where the first of all is taken, if all are.
fn all<T>(entries: &[T], taken: impl Fn(&T) -> Option<Place>) -> Option<Place> {
    let places: Option<Vec<_>> = entries.iter().map(taken).collect();
    places?.first().copied()
}

/// Where a group is taken, if all that is in it is.
fn both(
    group: &Group,
    app: impl Fn(&AppPattern) -> Option<Place>,
    category: impl Fn(&CategoryId) -> Option<Place>,
) -> Option<Place> {
    match (group.apps.is_empty(), group.categories.is_empty()) {
        (false, true) => all(&group.apps, app),
        (true, false) => all(&group.categories, category),
        (false, false) => all(&group.categories, category).and(all(&group.apps, app)),
        (true, true) => None,
    }
}
