//! Rules that block a part of a service, where nDPI has another name for the rest.

use crate::action::Action;
use crate::app_pattern::AppPattern;
use crate::diagnose::Problem;
use crate::rule::{At, Matchers, Rule};
use crate::sisters::sisters;
use crate::vocabulary::Vocabulary;

/// Applications that are blocked or limited without their parts, which no rule takes.
pub(super) fn left_out(rules: &[Rule], names: &Vocabulary) -> Vec<Problem> {
    let held = rules.iter().filter(|rule| !matches!(rule.action, Action::Count | Action::Bypass));
    let entries = held.flat_map(|rule| rule.matchers.app.iter().flatten());
    entries.filter_map(|at| hint(at, rules, names)).collect()
}

fn hint(at: &At<AppPattern>, rules: &[Rule], names: &Vocabulary) -> Option<Problem> {
    let AppPattern::Either(app) = at.value else { return None };
    let named = |it: &u16| rules.iter().any(|rule| names_it(rule, *it, names));
    let parts: Vec<_> = sisters(app, &names.apps).into_iter().filter(|it| !named(it)).collect();
    let parts: Vec<_> = parts.into_iter().filter_map(|it| names.apps.name(it)).collect();
    if parts.is_empty() {
        return None;
    }
    let name = names.pattern_name(at.value);
    let message = format!("{name} does not take {}, which nDPI tells apart", parts.join(", "));
    let help =
        format!("to take them, too, write `app = [\"{name}\", \"{}\"]`", parts.join("\", \""));
    Some(Problem::hint("sister-app", at.place, message).help(help))
}

/// Whether a rule takes an application, or keeps it out, by its name, group or category.
fn names_it(rule: &Rule, app: u16, names: &Vocabulary) -> bool {
    let (app, table) = (AppPattern::Either(app), &names.app_categories);
    let by = |asked: &Matchers| {
        let mut apps = asked.app.iter().flatten();
        let mut groups = asked.group.iter().flatten();
        let mut categories = asked.category.iter().flatten();
        apps.any(|at| at.value.application() == app.application())
            || groups.any(|at| at.value.surely_has(app, table))
            || categories.any(|at| app.is_surely_of(at.value, table))
    };
    by(&rule.matchers) || by(&rule.not)
}
