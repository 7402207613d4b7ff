//! `[groups]`: groups of the policy's own, and what it adds to ours.

use std::sync::Arc;

use ndpi_text::clean;
use toml::Spanned;
use toml::de::DeValue;

use super::keys::{Keys, SETTINGS};
use super::reader::{Reader, here};
use super::value;
use crate::diagnose::{Place, Problem};
use crate::group::{Group, also_called, group_name};
use crate::names::nearest;
use crate::rule::At;

type Value<'i> = Spanned<DeValue<'i>>;

/// How many names that the library lacks are listed.
const NAMED: usize = 5;

impl Reader<'_> {
    /// Reads the table of groups.
    pub(super) fn groups(&mut self, value: &Value<'_>) {
        let Some(table) = value.get_ref().as_table() else {
            let message = format!("`groups` is a table, found {}", value::kind(value));
            let help = "write a line `[groups]`, and below it, for example: video = [\"YouTube\"]";
            self.report(Problem::error("type", here(value), message).help(help));
            return;
        };
        for (key, members) in table {
            let name = group_name(&clean(key.get_ref()));
            if name.is_empty() {
                let message = "a group has no name";
                self.report(Problem::error("empty-name", here(key), message));
                continue;
            }
            if is_setting(&name, members) {
                let message = format!("`{name}` stands under `[groups]`, as a group of that name");
                let help = format!("if it is the setting, put `{name} = …` before the first `[…]`");
                self.report(Problem::error("unknown-key", here(key), message).help(help));
                continue;
            }
            let group = self.members(members);
            self.add_group(&name, group);
        }
    }

    /// The members of a group: a list of applications, or a table of applications and categories.
    fn members(&mut self, value: &Value<'_>) -> Group {
        let Some(table) = value.get_ref().as_table() else {
            let apps = self.each("app", value, Self::app);
            return Group { apps: values(apps), ..Group::default() };
        };
        let mut keys = Keys::new("a group", table);
        let apps = keys.take("app").map(|v| self.each("app", v, Self::app));
        let categories = keys.take("category").map(|v| self.each("category", v, Self::category));
        keys.refuse_others(self);
        if apps.is_none() && categories.is_none() {
            let help =
                "write, for example: video = [\"YouTube\"], or video = { category = \"Video\" }";
            let problem = Problem::error("empty-list", here(value), "a group has no members");
            self.report(problem.help(help));
        }
        Group {
            apps: values(apps.unwrap_or_default()),
            categories: values(categories.unwrap_or_default()),
            ..Group::default()
        }
    }

    /// Adds to a group, or makes it.
    fn add_group(&mut self, name: &str, more: Group) {
        let Some(known) = self.groups.iter_mut().find(|group| group.name == name) else {
            self.groups.push(Arc::new(Group { name: name.to_owned(), ..more }));
            return;
        };
        let known = Arc::make_mut(known);
        known.apps.extend(more.apps);
        known.categories.extend(more.categories);
    }

    /// An entry of `group`.
    pub(super) fn group(&mut self, value: &Value<'_>) -> Vec<At<Arc<Group>>> {
        let Some(written) = self.text("group", "names of groups", value) else { return Vec::new() };
        let name = group_name(written);
        let Some(group) = self.groups.iter().find(|group| group.name == name).cloned() else {
            self.unknown_group(written, here(value));
            return Vec::new();
        };
        self.report_missing(&group, here(value));
        vec![At { value: group, place: here(value) }]
    }

    fn unknown_group(&mut self, written: &str, place: Place) {
        if let Some(name) = also_called(written) {
            let message = format!("there is no group {written:?}");
            let help = format!("write `group = \"{name}\"`");
            return self.report(Problem::error("unknown-name", place, message).help(help));
        }
        let near = nearest(&group_name(written), self.groups.iter().map(|it| it.name.as_str()));
        let help =
            self.named_elsewhere("group", written).unwrap_or_else(|| match near.as_slice() {
                [] => "`ndpi-xdp list groups` shows ours; `[groups]` makes others".to_owned(),
                [only] => format!("did you mean \"{only}\"?"),
                _ => format!("did you mean one of {}?", value::quoted(&near)),
            });
        let message = format!("there is no group {written:?}");
        self.report(Problem::error("unknown-name", place, message).help(help));
    }

    /// Names of ours that this library does not have are no mistake of the policy's.
    fn report_missing(&mut self, group: &Group, place: Place) {
        if group.missing.is_empty() {
            return;
        }
        let shown: Vec<_> = group.missing.iter().take(NAMED).map(String::as_str).collect();
        let more = group.missing.len() - shown.len();
        let more = if more > 0 { format!(" and {more} more") } else { String::new() };
        let message = format!(
            "this nDPI does not know all of the group {:?}: it lacks {}{more}",
            group.name,
            shown.join(", ")
        );
        let help = "the rule takes the rest of the group; our groups are made of nDPI 5.0's names";
        self.report(Problem::warning("group-name", place, message).help(help));
    }
}

/// Whether a key of the table is one of the whole policy, which got below `[groups]`.
fn is_setting(name: &str, members: &Value<'_>) -> bool {
    SETTINGS.contains(&name) && members.get_ref().as_str().is_some()
}

fn values<T>(entries: Vec<At<T>>) -> Vec<T> {
    entries.into_iter().map(|at| at.value).collect()
}
