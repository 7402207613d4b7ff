//! Rules whose matchers on applications exclude one another by nDPI's table.

use std::sync::Arc;

use ndpi::CategoryId;

use super::says::{and_more, names_of};
use crate::policy::{AppPattern, At, Group, Place, Problem, Rule, Vocabulary};

/// `app`, `category` and `group` of one rule of which no flow can have both, and entries of `app` that no
/// flow of the rule can have.
pub(super) fn excluded_by_the_table(rule: &Rule, names: &Vocabulary) -> Vec<Problem> {
    let Some(apps) = rule.matchers.app.as_deref() else { return group_or_category(rule, names) };
    let by_category =
        rule.matchers.category.as_deref().and_then(|it| by_category(rule, apps, it, names));
    let by_group = rule.matchers.group.as_deref().and_then(|it| by_group(rule, apps, it, names));
    by_category.into_iter().chain(by_group).collect()
}

/// Applications all of which the rule's own `not` keeps out by their category or group.
pub(super) fn kept_out(rule: &Rule, names: &Vocabulary) -> Option<Problem> {
    let apps = rule.matchers.app.as_deref().filter(|apps| !apps.is_empty())?;
    let table = &names.app_categories;
    let by_category = |app: AppPattern| {
        let mut out = rule.not.category.iter().flatten();
        out.find(|it| app.is_surely_of(it.value, table)).map(|it| ("category", it.place))
    };
    let by_group = |app: AppPattern| {
        let mut out = rule.not.group.iter().flatten();
        out.find(|it| it.value.surely_has(app, table)).map(|it| ("group", it.place))
    };
    let out = apps.iter().map(|at| by_category(at.value).or_else(|| by_group(at.value)));
    let (key, place) = *out.collect::<Option<Vec<_>>>()?.first()?;
    let message = format!("{:?} can never match: `not.{key}` excludes all of `app`", rule.name);
    let problem = Problem::warning("never-matches", apps[0].place, message);
    Some(problem.related(place, "excluded here").help("take one of them out"))
}

/// Applications that are not of the categories.
fn by_category(
    rule: &Rule,
    apps: &[At<AppPattern>],
    categories: &[At<CategoryId>],
    names: &Vocabulary,
) -> Option<Problem> {
    let table = &names.app_categories;
    let may = |app: &AppPattern| categories.iter().any(|it| app.may_be_of(it.value, table));
    let out: Vec<_> = apps.iter().filter(|at| !may(&at.value)).collect();
    let place = categories.first()?.place;
    let app = out.first()?;
    let its = table.get(app.value.application()).and_then(|it| names.categories.name(it.0));
    let why = format!(
        "nDPI files {} under {}",
        names.pattern_name(app.value),
        its.unwrap_or("no category")
    );
    Some(excluded(rule, "category", place, apps, &out, &why))
}

/// Applications that are in none of the groups.
fn by_group(
    rule: &Rule,
    apps: &[At<AppPattern>],
    groups: &[At<Arc<Group>>],
    names: &Vocabulary,
) -> Option<Problem> {
    let table = &names.app_categories;
    let may = |app: AppPattern| groups.iter().any(|it| it.value.may_have(app, table));
    let out: Vec<_> = apps.iter().filter(|at| !may(at.value)).collect();
    let place = groups.first()?.place;
    let app = out.first()?;
    let named = groups.iter().map(|it| it.value.name.as_str());
    let why = format!("{} is not in {}", names.pattern_name(app.value), and_more(named));
    Some(excluded(rule, "group", place, apps, &out, &why))
}

/// A rule with groups and categories that have nothing in common.
fn group_or_category(rule: &Rule, names: &Vocabulary) -> Vec<Problem> {
    let matchers = &rule.matchers;
    let (Some(groups), Some(categories)) = (&matchers.group, &matchers.category) else {
        return Vec::new();
    };
    let table = &names.app_categories;
    let met = |group: &Group| categories.iter().any(|it| group.may_be_of(it.value, table));
    let Some(first) = groups.first().filter(|_| !groups.iter().any(|it| met(&it.value))) else {
        return Vec::new();
    };
    let all = names_of(categories, &names.categories);
    let message = format!(
        "{:?} can never match: nothing in its `group` is of its `category`, {}, and both must hold",
        rule.name,
        and_more(all.iter().map(String::as_str))
    );
    let problem = Problem::warning("never-matches", first.place, message);
    vec![problem.related(categories[0].place, "by nDPI's table").help("make two rules of it")]
}

fn excluded(
    rule: &Rule,
    key: &str,
    place: Place,
    apps: &[At<AppPattern>],
    out: &[&At<AppPattern>],
    why: &str,
) -> Problem {
    let message = if out.len() == apps.len() {
        format!(
            "{:?} can never match by nDPI's table: `app` and `{key}` must both hold, and {why}",
            rule.name
        )
    } else {
        format!(
            "{} of {} entries of `app` can never match in {:?}: `{key}` must hold, too, and {why}",
            out.len(),
            apps.len(),
            rule.name
        )
    };
    let help =
        format!("make two rules of it, one with `app` and one with `{key}`, or take one out");
    let problem = Problem::warning("never-matches", out[0].place, message);
    problem.related(place, format!("`{key}` asks for this")).help(help)
}
