//! One `[[rule]]`.

use ndpi_text::clean;
use toml::Spanned;
use toml::de::DeValue;

use super::keys::Keys;
use super::reader::{Reader, here};
use super::value;
use super::words::Meant;
use crate::diagnose::{Problem, Severity};
use crate::rest::{DEFAULT_RULE, UNDECIDED_RULE};
use crate::rule::Rule;

/// What records name as the rule of a flow that none matches.
const OF_NO_RULE: [&str; 2] = [DEFAULT_RULE, UNDECIDED_RULE];

impl Reader<'_> {
    pub(super) fn rule(&mut self, index: usize, value: &Spanned<DeValue<'_>>) -> Option<Rule> {
        let Some(table) = value.get_ref().as_table() else {
            let message = format!("a rule is a table, found {}", value::kind(value));
            self.report(
                Problem::error("type", here(value), message)
                    .help("begin each rule with a line `[[rule]]`"),
            );
            return None;
        };
        let problems_before = self.diagnostics.problems().len();
        let mut keys = Keys::new("a rule", table);
        let name = keys.take("name");
        let named = name.map_or(here(value), here);
        let name = name.and_then(|v| Some(clean(self.text("name", "a text", v)?).into_owned()));
        if let Some(name) = name.as_deref().filter(|name| OF_NO_RULE.contains(name)) {
            let message =
                format!("records name {name:?} as the rule of flows that no rule matches");
            let help = "give this rule another name, to tell its flows from those";
            self.report(Problem::warning("reserved-name", named, message).help(help));
        }
        let matchers = self.matchers(&mut keys);
        let except = self.excepted();
        let mut not = keys.take("not").map(|v| self.not(v)).unwrap_or_default();
        self.refuse_exceptions_of_exceptions();
        if !except.is_empty() {
            not.host.get_or_insert_default().extend(except);
        }
        let partial = keys.take("state").is_some_and(|v| self.state(v));
        let first_packet = keys.take("first_packet").is_some_and(|v| self.first_packet(v));
        let action = self.action(&mut keys, here(value));
        keys.refuse_others(self);
        // What is left of a rule with an error is not the rule that was meant.
        let found = &self.diagnostics.problems()[problems_before..];
        if found.iter().any(|problem| problem.severity == Severity::Error) {
            return None;
        }
        Some(Rule {
            name: name.unwrap_or_else(|| format!("rule {}", index + 1)),
            place: here(value),
            named,
            action: action?,
            partial,
            first_packet,
            matchers,
            not,
        })
    }

    fn not(&mut self, value: &Spanned<DeValue<'_>>) -> crate::Matchers {
        let Some(table) = value.get_ref().as_table() else {
            let message = format!("`not` takes matchers, found {}", value::kind(value));
            self.report(
                Problem::error("type", here(value), message)
                    .help("write, for example, `not.app = \"DNS\"` or `not = { app = \"DNS\" }`"),
            );
            return crate::Matchers::default();
        };
        let mut keys = Keys::new("`not`", table);
        let matchers = self.matchers(&mut keys);
        keys.refuse_others(self);
        matchers
    }

    /// `state = "partial"` is all there is to say: without it a rule waits for the final word.
    fn state(&mut self, value: &Spanned<DeValue<'_>>) -> bool {
        self.word("state", &[("partial", ())], Meant::State, value).is_some()
    }

    fn first_packet(&mut self, value: &Spanned<DeValue<'_>>) -> bool {
        let Some(flag) = self.flag("first_packet", value) else { return false };
        if flag.value && !self.support.first_packet {
            self.unsupported("first_packet = true", flag.place);
        }
        flag.value
    }
}
