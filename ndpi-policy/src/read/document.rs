//! A whole policy: the keys of its top, and the list of its rules.

use std::path::Path;

use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::keys::Keys;
use super::reader::{Reader, here, place};
use super::{toml_text, value};
use crate::action::Action;
use crate::diagnose::Problem;
use crate::parsed::{Extent, Parsed};
use crate::rule::{MAX_RULES, Rule};

impl Reader<'_> {
    /// Reads a whole policy. Problems go to `self.diagnostics`; what is returned is of use only if
    /// there is no error among them. A text that is not TOML is not read further: what could be made
    /// of it is not what was written.
    pub(crate) fn policy(&mut self, path: &Path, text: &str) -> Option<Parsed> {
        let (document, errors) = DeTable::parse_recoverable(text);
        let source = self.diagnostics.add_source(path, text.to_owned());
        let is_toml = errors.is_empty();
        for mistake in toml_text::mistakes(text, &errors) {
            let message = format!("this is not TOML: {}", mistake.message);
            let problem = Problem::error("toml", place(source, mistake.span), message);
            self.report(match mistake.help {
                Some(help) => problem.help(help),
                None => problem,
            });
        }
        is_toml.then(|| self.top(document.get_ref()))
    }

    fn top(&mut self, table: &DeTable<'_>) -> Parsed {
        let support = self.support;
        let mut keys = Keys::new("a policy", table);
        // Rules name groups, wherever those stand.
        if let Some(value) = keys.take("groups") {
            self.groups(value);
        }
        let parsed = Parsed {
            default_place: table.get("default").map(here),
            extent: extent(table),
            says_undecided: table.contains_key("undecided"),
            default: keys
                .take("default")
                .and_then(|v| self.default_action(v))
                .unwrap_or(Action::Count),
            undecided: keys
                .take("undecided")
                .and_then(|v| self.pass_or_drop("undecided", v, true))
                .unwrap_or_default(),
            fragments: keys
                .take("fragments")
                .and_then(|v| self.pass_or_drop("fragments", v, support.fragments))
                .unwrap_or_default(),
            unparsable: keys
                .take("unparsable")
                .and_then(|v| self.pass_or_drop("unparsable", v, support.unparsable))
                .unwrap_or_default(),
            recheck: keys
                .take("recheck")
                .and_then(|v| self.flag("recheck", v))
                .is_none_or(|it| it.value),
            hold: keys.take("hold").and_then(|v| self.flag("hold", v)).is_some_and(|it| it.value),
            rules: rules(&mut keys).map(|v| self.rules(v)).unwrap_or_default(),
            groups: self.groups.clone(),
        };
        keys.refuse_others(self);
        parsed
    }

    fn rules(&mut self, value: &Spanned<DeValue<'_>>) -> Vec<Rule> {
        let Some(tables) = value.get_ref().as_array() else {
            self.report(
                Problem::error(
                    "type",
                    here(value),
                    format!("`rule` is a list of tables, found {}", value::kind(value)),
                )
                .help("begin each rule with a line `[[rule]]`"),
            );
            return Vec::new();
        };
        if let Some(surplus) = tables.get(MAX_RULES) {
            self.report(
                Problem::error(
                    "too-many-rules",
                    here(surplus),
                    format!("a policy has at most {MAX_RULES} rules"),
                )
                .help("put long lists of names or networks into files: host = { file = \"…\" }"),
            );
        }
        let tables = tables.iter().take(MAX_RULES).enumerate();
        tables.filter_map(|(index, table)| self.rule(index, table)).collect()
    }
}

fn extent(table: &DeTable<'_>) -> Extent {
    if table.is_empty() {
        Extent::Nothing
    } else if table.contains_key("rule") || table.contains_key("rules") {
        Extent::Rules
    } else {
        Extent::Settings
    }
}

/// The rules. That there are none may be said in the plural, too.
fn rules<'t, 'i>(keys: &mut Keys<'t, 'i>) -> Option<&'t Spanned<DeValue<'i>>> {
    let rule = keys.take("rule");
    let is_none = |value: &&Spanned<DeValue<'_>>| {
        value.get_ref().as_array().is_some_and(|list| list.is_empty())
    };
    rule.or_else(|| keys.take_if("rules", is_none))
}
