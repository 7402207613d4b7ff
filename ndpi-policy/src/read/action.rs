//! Reads what rules do: `action`, `limit` with `burst` and `per`, and the four settings for the rest.

use toml::Spanned;
use toml::de::DeValue;

use super::keys::Keys;
use super::reader::{Reader, here};
use super::words::Meant;
use crate::action::{Action, Limit, PassOrDrop, Per};
use crate::diagnose::{Place, Problem};
use crate::rate;
use crate::rate::QuantityError;
use crate::rule::At;

type Value<'i> = Spanned<DeValue<'i>>;

/// An action without its parameters.
#[derive(Clone, Copy)]
enum Kind {
    Plain(Action),
    Limit,
}

/// The last two are other words for `drop` and `count`.
const ACTIONS: [(&str, Kind); 7] = [
    ("drop", Kind::Plain(Action::Drop)),
    ("reject", Kind::Plain(Action::Reject)),
    ("count", Kind::Plain(Action::Count)),
    ("bypass", Kind::Plain(Action::Bypass)),
    ("limit", Kind::Limit),
    ("block", Kind::Plain(Action::Drop)),
    ("allow", Kind::Plain(Action::Count)),
];

impl Reader<'_> {
    /// The action of the rule at `rule`.
    pub(super) fn action(&mut self, keys: &mut Keys<'_, '_>, rule: Place) -> Option<Action> {
        let action = keys.take("action");
        let limit = keys.take("limit");
        let burst = keys.take("burst");
        let per = keys.take("per");
        let kind = match action {
            Some(value) => Some(self.word("action", &ACTIONS, Meant::Action, value)?),
            None => None,
        };
        match (kind, limit) {
            (None | Some(At { value: Kind::Limit, .. }), Some(limit)) => {
                self.limit(limit, burst, per).map(Action::Limit)
            }
            (Some(At { value: Kind::Limit, place }), None) => {
                self.report(
                    Problem::error("limit-without-rate", place, "a limit without a rate")
                        .help("say how much: limit = \"10 mbit/s\""),
                );
                None
            }
            (Some(At { value: Kind::Plain(action), place }), _) => {
                for (key, value) in [("limit", limit), ("burst", burst), ("per", per)] {
                    self.refuse_beside(action, key, value);
                }
                Some(self.plain(action, place))
            }
            (None, None) => {
                self.report(Problem::error("no-action", rule, "this rule does nothing").help(
                    "give it an `action`: \"drop\" (or \"block\"), \"reject\", \"count\" (or \
                     \"allow\") or \"bypass\"; or a `limit`",
                ));
                None
            }
        }
    }

    pub(super) fn default_action(&mut self, value: &Value<'_>) -> Option<Action> {
        let action = self.word("default", &ACTIONS, Meant::Action, value)?;
        match action.value {
            Kind::Plain(plain) => Some(self.plain(plain, action.place)),
            Kind::Limit => {
                self.report(
                    Problem::error("default-limit", action.place, "`default` cannot be a limit")
                        .help("end the policy with a rule without matchers: limit = \"10 mbit/s\""),
                );
                None
            }
        }
    }

    /// `undecided`, `fragments` and `unparsable`.
    pub(super) fn pass_or_drop(
        &mut self,
        key: &str,
        value: &Value<'_>,
        can_drop: bool,
    ) -> Option<PassOrDrop> {
        let words = [
            ("pass", PassOrDrop::Pass),
            ("drop", PassOrDrop::Drop),
            ("allow", PassOrDrop::Pass),
            ("block", PassOrDrop::Drop),
        ];
        let word = self.word(key, &words, Meant::PassOrDrop, value)?;
        if word.value == PassOrDrop::Drop && !can_drop {
            self.unsupported(&format!("{key} = \"drop\""), word.place);
        }
        Some(word.value)
    }

    /// Reports a setting that the language has and this build cannot enforce.
    pub(super) fn unsupported(&mut self, setting: &str, place: Place) {
        let message = format!("`{setting}` is not supported by this version");
        self.report(
            Problem::error("unsupported", place, message)
                .help("take it out: a setting that is not enforced must not look as if it were"),
        );
    }

    fn plain(&mut self, action: Action, place: Place) -> Action {
        if action == Action::Reject && !self.support.reject {
            self.unsupported("reject", place);
        }
        action
    }

    fn refuse_beside(&mut self, action: Action, key: &str, value: Option<&Value<'_>>) {
        if let Some(value) = value {
            let message = format!("`{key}` has no meaning beside `action = \"{}\"`", action.name());
            self.report(
                Problem::error("limit-beside-action", here(value), message)
                    .help("leave `action` out for a rule that limits"),
            );
        }
    }

    fn limit(
        &mut self,
        limit: &Value<'_>,
        burst: Option<&Value<'_>>,
        per: Option<&Value<'_>>,
    ) -> Option<Limit> {
        if !self.support.limit {
            self.unsupported("limit", here(limit));
        }
        let rate = self.quantity("limit", "a rate such as \"10 mbit/s\"", rate::rate, limit);
        let burst =
            burst.map(|v| self.quantity("burst", "a size such as \"64 kB\"", rate::burst, v));
        let words = [("rule", Per::Rule), ("flow", Per::Flow)];
        let per = per.map(|v| self.word("per", &words, Meant::Per, v));
        let bytes_per_second = rate?;
        Some(Limit {
            bytes_per_second,
            burst_bytes: burst.unwrap_or_else(|| Some(rate::default_burst(bytes_per_second)))?,
            per: per.map_or(Some(Per::Rule), |per| per.map(|at| at.value))?,
        })
    }

    fn quantity(
        &mut self,
        key: &str,
        what: &str,
        read: fn(&str) -> Result<u64, QuantityError>,
        value: &Value<'_>,
    ) -> Option<u64> {
        let number = number_alone(value);
        let text = match &number {
            Some(number) => number,
            None => self.text(key, what, value)?,
        };
        match read(text) {
            Ok(quantity) => Some(quantity),
            Err(error) => {
                let (code, help) = match error {
                    QuantityError::Form(help) => ("quantity", help),
                    QuantityError::Bounds(help) => ("quantity-bounds", help.to_owned()),
                };
                let message = match number {
                    Some(_) => format!("`{key}` takes {what}, found a number without a unit"),
                    None => format!("`{key}` cannot be {text:?}"),
                };
                self.report(Problem::error(code, here(value), message).help(help));
                None
            }
        }
    }
}

/// A number that stands where one with its unit belongs.
fn number_alone(value: &Value<'_>) -> Option<String> {
    match value.get_ref() {
        DeValue::Integer(number) => Some(number.to_string()),
        DeValue::Float(number) => Some(number.to_string()),
        _ => None,
    }
}
