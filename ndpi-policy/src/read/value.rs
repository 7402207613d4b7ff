//! Single values: their types, and lists of them.

use toml::Spanned;
use toml::de::DeValue;

use super::reader::{Reader, here};
use super::words::Meant;
use crate::diagnose::Problem;
use crate::names::nearest;
use crate::rule::At;

type Value<'i> = Spanned<DeValue<'i>>;

impl Reader<'_> {
    /// One value or a list of values, each read by `entry`. What `entry` refuses has been reported.
    pub(super) fn each<T>(
        &mut self,
        key: &str,
        value: &Value<'_>,
        mut entry: impl FnMut(&mut Self, &Value<'_>) -> Vec<At<T>>,
    ) -> Vec<At<T>> {
        let Some(entries) = value.get_ref().as_array() else {
            return entry(self, value);
        };
        if entries.is_empty() {
            let message = format!("`{key}` is an empty list, which no flow can match");
            self.report(
                Problem::error("empty-list", here(value), message)
                    .help(format!("name something, or leave `{key}` out to match every flow")),
            );
        }
        entries.iter().flat_map(|value| entry(self, value)).collect()
    }

    /// A string.
    pub(super) fn text<'v>(
        &mut self,
        key: &str,
        what: &str,
        value: &'v Value<'_>,
    ) -> Option<&'v str> {
        let text = value.get_ref().as_str();
        if text.is_none() {
            self.wrong_type(key, what, value);
        }
        text
    }

    /// `true` or `false`.
    pub(super) fn flag(&mut self, key: &str, value: &Value<'_>) -> Option<At<bool>> {
        let flag = value.get_ref().as_bool();
        if flag.is_none() {
            self.wrong_type(key, "`true` or `false`", value);
        }
        flag.map(|flag| At { value: flag, place: here(value) })
    }

    /// A whole number within bounds.
    pub(super) fn number(&mut self, key: &str, max: u16, value: &Value<'_>) -> Option<At<u16>> {
        let Some(number) = value.get_ref().as_integer() else {
            self.wrong_type(key, &format!("a number from 0 to {max}"), value);
            return None;
        };
        let parsed = u16::from_str_radix(number.as_str(), number.radix());
        if let Some(value_in_range) = parsed.ok().filter(|number| *number <= max) {
            return Some(At { value: value_in_range, place: here(value) });
        }
        let message = format!("`{key}` takes a number from 0 to {max}, found {number}");
        self.report(Problem::error("out-of-range", here(value), message));
        None
    }

    /// One of a few words. `meant` knows what to write for others.
    pub(super) fn word<T>(
        &mut self,
        key: &str,
        words: &[(&str, T)],
        meant: Meant,
        value: &Value<'_>,
    ) -> Option<At<T>>
    where
        T: Copy,
    {
        let text = self.text(key, "a word", value)?;
        if let Some((_, meaning)) = words.iter().find(|(word, _)| *word == text) {
            return Some(At { value: *meaning, place: here(value) });
        }
        let all: Vec<&str> = words.iter().map(|(word, _)| *word).collect();
        let message = format!("`{key}` cannot be {text:?}");
        let help = match (meant.by(text), nearest(text, all.iter().copied()).first()) {
            (Some(help), _) => help.to_owned(),
            (None, Some(word)) => format!("did you mean \"{word}\"?"),
            (None, None) => format!("write one of {}", quoted(&all)),
        };
        self.report(Problem::error("unknown-word", here(value), message).help(help));
        None
    }

    pub(super) fn wrong_type(&mut self, key: &str, takes: &str, value: &Value<'_>) {
        let message = format!("`{key}` takes {takes}, found {}", kind(value));
        self.report(Problem::error("type", here(value), message));
    }
}

/// What a value is, with its article.
pub(super) fn kind(value: &Value<'_>) -> &'static str {
    match value.get_ref() {
        DeValue::String(_) => "a string",
        DeValue::Integer(_) => "a whole number",
        DeValue::Float(_) => "a number with a fraction",
        DeValue::Boolean(_) => "`true` or `false`",
        DeValue::Datetime(_) => "a date or time",
        DeValue::Array(_) => "a list",
        DeValue::Table(_) => "a table",
    }
}

/// Strings as a person lists them.
pub(super) fn quoted(words: &[&str]) -> String {
    words.iter().map(|word| format!("\"{word}\"")).collect::<Vec<_>>().join(", ")
}

/// What to write in place of one string that holds several values.
pub(super) fn as_list(key: &str, text: &str) -> String {
    let parts: Vec<_> = text.split(',').map(str::trim).filter(|part| !part.is_empty()).collect();
    format!("several stand in a list: {key} = [{}]", quoted(&parts))
}
