//! The keys of a table: which there are, which belong there, and what was meant by the others.

use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::reader::{Reader, here};
use crate::diagnose::Problem;
use crate::names::nearest;
use crate::proto;

/// What people write who know other programs, and what it is called here.
const OTHER_WORDS: [(&str, &str); 51] = [
    ("application", "app"),
    ("hostname", "host"),
    ("domain", "host"),
    ("sni", "host"),
    ("fqdn", "host"),
    ("source", "src"),
    ("client", "src"),
    ("destination", "dst"),
    ("server", "dst"),
    ("ip", "any"),
    ("net", "any"),
    ("address", "any"),
    ("dport", "port"),
    ("interface", "iface"),
    ("l4proto", "proto"),
    ("time", "schedule"),
    ("rate", "limit"),
    ("verdict", "action"),
    ("target", "action"),
    ("timezone", "zone"),
    ("tz", "zone"),
    ("apps", "app"),
    ("service", "app"),
    ("match", "app"),
    ("l7proto", "app"),
    ("hosts", "host"),
    ("site", "host"),
    ("url", "host"),
    ("domains", "host"),
    ("websites", "host"),
    ("server_name", "host"),
    ("src_ip", "src"),
    ("srcip", "src"),
    ("saddr", "src"),
    ("from", "src"),
    ("client_ip", "src"),
    ("dst_ip", "dst"),
    ("dstip", "dst"),
    ("daddr", "dst"),
    ("to", "dst"),
    ("server_ip", "dst"),
    ("subnet", "any"),
    ("network", "any"),
    ("dst_port", "port"),
    ("destination_port", "port"),
    ("dev", "iface"),
    ("device", "iface"),
    ("l4", "proto"),
    ("bandwidth", "limit"),
    ("speed", "limit"),
    ("hour", "hours"),
];

/// Keys that there are elsewhere and not here, and what to do without.
const LEFT_OUT: [(&[&str], &str); 5] = [
    (&["mark"], "marks are left out: at XDP no packet buffer exists yet that could carry one"),
    (
        &["src_port", "sport", "source_port", "client_port"],
        "clients choose their ports as they like; `port` is the server's",
    ),
    (
        &["enabled", "disabled", "enable", "disable", "active"],
        "a rule that is there is in force: put `#` before its lines to take it out",
    ),
    (
        &["priority", "order", "weight", "position", "id", "number"],
        "the first rule that matches wins: put the rules into that order",
    ),
    (
        &["comment", "description", "note", "desc", "label", "log", "tag"],
        "comments begin with `#`; `name` is what records call the rule",
    ),
];

/// Keys of the whole policy, beside its rules and groups.
pub(super) const SETTINGS: [&str; 6] =
    ["default", "undecided", "fragments", "unparsable", "recheck", "hold"];

/// Keys of a rule that a policy itself has none like.
const OF_A_RULE: [&str; 10] =
    ["name", "action", "limit", "app", "category", "group", "host", "src", "dst", "port"];

/// A table being read. Every key it is asked for is one that belongs there.
pub(super) struct Keys<'t, 'i> {
    /// What the table is, with its article.
    what: &'static str,
    table: &'t DeTable<'i>,
    known: Vec<&'static str>,
}

impl<'t, 'i> Keys<'t, 'i> {
    pub(super) fn new(what: &'static str, table: &'t DeTable<'i>) -> Self {
        Self { what, table, known: Vec::new() }
    }

    /// The value of a key, if the table has it.
    pub(super) fn take(&mut self, key: &'static str) -> Option<&'t Spanned<DeValue<'i>>> {
        self.known.push(key);
        self.table.get(key)
    }

    /// The value of a key that belongs there only with some values, if it is one of them.
    pub(super) fn take_if(
        &mut self,
        key: &'static str,
        belongs: impl Fn(&&'t Spanned<DeValue<'i>>) -> bool,
    ) -> Option<&'t Spanned<DeValue<'i>>> {
        let value = self.table.get(key).filter(belongs)?;
        self.known.push(key);
        Some(value)
    }

    /// Reports every key that was not asked for.
    pub(super) fn refuse_others(self, reader: &mut Reader<'_>) {
        for key in self.table.keys().filter(|key| !self.known.contains(&key.get_ref().as_ref())) {
            let name = key.get_ref();
            let message = format!("{} has no key `{name}`", self.what);
            let help = self.suggestion(name, &self.table[key]);
            reader.report(Problem::error("unknown-key", here(key), message).help(help));
        }
    }

    fn suggestion(&self, name: &str, value: &Spanned<DeValue<'_>>) -> String {
        let lower = name.to_lowercase();
        if let Some((_, help)) = LEFT_OUT.iter().find(|(words, _)| words.contains(&lower.as_str()))
        {
            return (*help).to_owned();
        }
        if SETTINGS.contains(&lower.as_str()) && !self.known.contains(&"default") {
            return "it is for the whole policy, and goes before the first `[[rule]]`".to_owned();
        }
        if OF_A_RULE.contains(&lower.as_str()) && self.known.contains(&"default") {
            return "it goes into a rule: write a line `[[rule]]` before it".to_owned();
        }
        if lower == "protocol" && self.known.contains(&"proto") {
            return protocol(value).to_owned();
        }
        if ["days", "hours", "zone"].contains(&lower.as_str()) && self.known.contains(&"schedule") {
            return format!("it stands in `schedule`: schedule = {{ {lower} = … }}");
        }
        if let Some(key) = self.negated(&lower) {
            return format!("write `not.{key}`");
        }
        if let Some(key) = lower.strip_suffix("_file").filter(|key| self.known.contains(key)) {
            return format!("write `{key} = {{ file = \"…\" }}`");
        }
        let meant =
            OTHER_WORDS.iter().find(|(word, key)| *word == lower && self.known.contains(key));
        if let Some((_, key)) = meant {
            return format!("did you mean `{key}`?");
        }
        match nearest(name, self.known.iter().copied()).first() {
            Some(key) => format!("did you mean `{key}`?"),
            None => format!("{} has {}", self.what, one_of(&self.known)),
        }
    }

    /// The key behind `not_app`, `no-app` or `!app`.
    fn negated<'n>(&self, name: &'n str) -> Option<&'n str> {
        let rest = ["not_", "not-", "no_", "!"].iter().find_map(|mark| name.strip_prefix(mark))?;
        (self.known.contains(&"not") && self.known.contains(&rest)).then_some(rest)
    }
}

/// What is meant by the protocol of a rule.
fn protocol(value: &Spanned<DeValue<'_>>) -> &'static str {
    let of_ip = |value: &Spanned<DeValue<'_>>| match value.get_ref() {
        DeValue::Integer(_) => true,
        DeValue::String(name) => proto::number(name).is_some(),
        _ => false,
    };
    let all = value.get_ref().as_array().map(|list| list.iter().all(of_ip));
    if all.unwrap_or_else(|| of_ip(value)) {
        "did you mean `proto`?"
    } else {
        "write `app` for what nDPI knows, as TLS, or `proto` for a protocol of IP, as tcp"
    }
}

/// Words as a person lists them.
pub(super) fn one_of(words: &[&str]) -> String {
    let quoted: Vec<_> = words.iter().map(|word| format!("`{word}`")).collect();
    match quoted.as_slice() {
        [] => String::new(),
        [only] => only.clone(),
        [first @ .., last] => format!("{} and {last}", first.join(", ")),
    }
}
