//! From the text of a policy to rules: every problem is reported, none stops the reading.
//!
//! The tables are walked key by key instead of through a derived deserializer, which would stop at
//! the first mistake.

mod action;
mod exceptions;
mod groups;
mod keys;
mod lines;
mod list;
mod matchers;
mod meant;
mod network;
mod rule;
mod tally;
mod time;
mod toml_text;
mod value;
mod words;

use std::path::Path;
use std::sync::Arc;

use toml::Spanned;
use toml::de::{DeTable, DeValue};

use self::exceptions::Exceptions;
use self::keys::Keys;
pub(super) use self::matchers::{EMPTY, pair};
use crate::action::{Action, Undecided};
use crate::diagnose::{Diagnostics, Place, Problem, SourceId};
use crate::files::ReadList;
use crate::group::{Group, groups};
use crate::rule::Rule;
use crate::support::Support;
use crate::vocabulary::Vocabulary;

/// Most rules of a policy: the width of a decision's sets (and far from what a person can keep in
/// mind).
pub(super) const MAX_RULES: usize = 4096;

/// A policy file as read, names resolved, not indexed yet.
pub(super) struct Parsed {
    pub(super) rules: Vec<Rule>,
    pub(super) groups: Vec<Arc<Group>>,
    pub(super) default: Action,
    /// Where `default` is written.
    pub(super) default_place: Option<Place>,
    pub(super) undecided: Undecided,
    /// Whether `undecided` is written.
    pub(super) says_undecided: bool,
    pub(super) fragments: Undecided,
    pub(super) unparsable: Undecided,
}

/// What the readers of single values share.
pub(super) struct Reader<'a> {
    pub(super) vocabulary: &'a Vocabulary,
    pub(super) support: Support,
    pub(super) read_list: ReadList<'a>,
    pub(super) diagnostics: Diagnostics,
    /// The exceptions of the lists of one `host`.
    exceptions: Exceptions,
    /// Our groups, with what the policy adds, and its own.
    pub(super) groups: Vec<Arc<Group>>,
    /// The lists read so far, so that one file is one source.
    pub(super) lists: Vec<(std::path::PathBuf, Option<SourceId>)>,
}

impl<'a> Reader<'a> {
    pub(super) fn new(
        vocabulary: &'a Vocabulary,
        support: Support,
        read_list: ReadList<'a>,
    ) -> Self {
        let diagnostics = Diagnostics::default();
        let (exceptions, lists) = (Exceptions::default(), Vec::new());
        let groups = groups(vocabulary);
        Self { vocabulary, support, read_list, diagnostics, exceptions, groups, lists }
    }

    /// Reads a whole policy. Problems go to `self.diagnostics`; what is returned is of use only if
    /// there is no error among them. A text that is not TOML is not read further: what could be made
    /// of it is not what was written.
    pub(super) fn policy(&mut self, path: &Path, text: &str) -> Option<Parsed> {
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

    pub(super) fn report(&mut self, problem: Problem) {
        self.diagnostics.report(problem);
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

/// The rules. That there are none may be said in the plural, too.
fn rules<'t, 'i>(keys: &mut Keys<'t, 'i>) -> Option<&'t Spanned<DeValue<'i>>> {
    let rule = keys.take("rule");
    let is_none = |value: &&Spanned<DeValue<'_>>| {
        value.get_ref().as_array().is_some_and(|list| list.is_empty())
    };
    rule.or_else(|| keys.take_if("rules", is_none))
}

/// Where a value of the policy file itself is written.
fn here<T>(value: &Spanned<T>) -> Place {
    place(SourceId(0), value.span())
}

fn place(source: SourceId, span: std::ops::Range<usize>) -> Place {
    let offset = |at: usize| u32::try_from(at).unwrap_or(u32::MAX);
    Place { source, start: offset(span.start), end: offset(span.end) }
}
