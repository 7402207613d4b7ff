//! Rules whose matchers on applications exclude one another by nDPI's table.
//!
//! An application is never of another one, but of another category than its own where nDPI files a flow
//! there for what it transfers, for its host or for a list: only the former is certain.

use std::sync::Arc;

use ndpi_labels::CategoryId;

use super::says::{and_more, names_of};
use crate::app_pattern::AppPattern;
use crate::diagnose::{Place, Problem};
use crate::filed::is_by_content;
use crate::group::Group;
use crate::rule::{At, Rule};
use crate::vocabulary::Vocabulary;

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

/// Applications that are of the categories only where nDPI files a flow otherwise.
fn by_category(
    rule: &Rule,
    apps: &[At<AppPattern>],
    categories: &[At<CategoryId>],
    names: &Vocabulary,
) -> Option<Problem> {
    let may = |app: AppPattern| categories.iter().any(|it| may_be_filed(app, it.value, names));
    let out: Vec<_> = apps.iter().filter(|at| !may(at.value)).collect();
    let (place, _) = (categories.first()?.place, out.first()?);
    let asked = Asked { rule, key: "category", place, apps, out: &out };
    Some(asked.otherwise(&names_of(categories, &names.categories), names))
}

/// Applications that are in none of the groups, or only where nDPI files a flow otherwise.
fn by_group(
    rule: &Rule,
    apps: &[At<AppPattern>],
    groups: &[At<Arc<Group>>],
    names: &Vocabulary,
) -> Option<Problem> {
    let table = &names.app_categories;
    let categories: Vec<_> = groups.iter().flat_map(|at| &at.value.categories).copied().collect();
    let may = |app: AppPattern| {
        groups.iter().any(|it| it.value.may_have(app, table))
            || categories.iter().any(|it| names.filed.knows(app, *it))
    };
    let out: Vec<_> = apps.iter().filter(|at| !may(at.value)).collect();
    let (place, app) = (groups.first()?.place, out.first()?);
    let asked = Asked { rule, key: "group", place, apps, out: &out };
    if !categories.is_empty() {
        let at = |value: CategoryId| At { value, place };
        let categories: Vec<_> = categories.into_iter().map(at).collect();
        return Some(asked.otherwise(&names_of(&categories, &names.categories), names));
    }
    let named = groups.iter().map(|it| it.value.name.as_str());
    let why = format!("{} is not in {}", names.pattern_name(app.value), and_more(named));
    Some(asked.never(&why))
}

/// Whether nDPI files flows of the application under the category, as far as is known.
fn may_be_filed(app: AppPattern, category: CategoryId, names: &Vocabulary) -> bool {
    app.may_be_of(category, &names.app_categories) || names.filed.knows(app, category)
}

/// A rule with groups and categories that have nothing in common by the table.
fn group_or_category(rule: &Rule, names: &Vocabulary) -> Vec<Problem> {
    let matchers = &rule.matchers;
    let (Some(groups), Some(categories)) = (&matchers.group, &matchers.category) else {
        return Vec::new();
    };
    let table = &names.app_categories;
    let filed = |group: &Group, category: CategoryId| {
        is_by_content(category) || group.apps.iter().any(|it| names.filed.knows(*it, category))
    };
    let met = |group: &Group| {
        let mut categories = categories.iter().map(|it| it.value);
        categories.any(|it| group.may_be_of(it, table) || filed(group, it))
    };
    let Some(first) = groups.first().filter(|_| !groups.iter().any(|it| met(&it.value))) else {
        return Vec::new();
    };
    let all = names_of(categories, &names.categories);
    let all = and_more(all.iter().map(String::as_str));
    let message = format!(
        "{:?} matches only where nDPI files an application of its `group` under {all} for its content or \
         host: none is of its `category` by nDPI's table, and both must hold",
        rule.name
    );
    let help = "for what is of either, make two rules; for all of the group, take `category` out";
    let problem = Problem::hint("filed-otherwise", first.place, message).help(help);
    vec![problem.related(categories[0].place, "`category` asks for this")]
}

/// A matcher that asks of applications what some of them are not.
struct Asked<'r> {
    rule: &'r Rule,
    key: &'static str,
    place: Place,
    apps: &'r [At<AppPattern>],
    out: &'r [&'r At<AppPattern>],
}

impl Asked<'_> {
    /// They can never be it.
    fn never(&self, why: &str) -> Problem {
        let (rule, key) = (&self.rule.name, self.key);
        let message = match self.some() {
            None => {
                format!("{rule:?} can never match: `app` and `{key}` must both hold, and {why}")
            }
            Some(some) => {
                format!("{some} can never match in {rule:?}: `{key}` must hold, too, and {why}")
            }
        };
        let help =
            format!("make two rules of it, one with `app` and one with `{key}`, or take one out");
        self.at(Problem::warning("never-matches", self.out[0].place, message).help(help))
    }

    /// They are it where nDPI files a flow under one of `categories`.
    fn otherwise(&self, categories: &[String], names: &Vocabulary) -> Problem {
        let (rule, key) = (&self.rule.name, self.key);
        let app = self.out[0].value;
        let own = names.app_categories.get(app.application());
        let own = own.and_then(|it| names.categories.name(it.0)).unwrap_or("no category");
        let categories = and_more(categories.iter().map(String::as_str));
        let name = names.pattern_name(app);
        let what = match self.some() {
            None => format!("{rule:?} matches"),
            Some(some) if self.out.len() == 1 => format!("in {rule:?}, {some} matches"),
            Some(some) => format!("in {rule:?}, {some} match"),
        };
        let message = format!(
            "{what} only where nDPI files {name} under {categories} for its content or host: \
             `app` and `{key}` must both hold, and its own category is {own}"
        );
        let help = format!(
            "for all of {name}, take `{key}` out; for what is of either, make two rules, one with `app` \
             and one with `{key}`"
        );
        self.at(Problem::hint("filed-otherwise", self.out[0].place, message).help(help))
    }

    /// Which of the entries it is; `None` for all.
    fn some(&self) -> Option<String> {
        let (out, all) = (self.out.len(), self.apps.len());
        (out < all).then(|| format!("{out} of {all} entries of `app`"))
    }

    fn at(&self, problem: Problem) -> Problem {
        problem.related(self.place, format!("`{}` asks for this", self.key))
    }
}
