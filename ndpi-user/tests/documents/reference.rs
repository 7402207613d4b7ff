//! The tables of keys in the reference of policies are those of the schema.

use std::fmt::Write as _;

use ndpi_policy::SCHEMA;
use serde_json::Value;

use crate::page::Page;
use crate::stage::{self, Stage};

/// The tables of the page: their names there, and where their keys are in the schema.
const TABLES: [(&str, &str); 5] = [
    ("keys of a policy", "/properties"),
    ("keys of a rule", "/$defs/rule/properties"),
    ("matchers", "/$defs/matchers/properties"),
    ("keys of a list", "/$defs/list/properties"),
    ("keys of a schedule", "/$defs/matchers/properties/schedule/properties"),
];

/// Keys that hold others, which have tables of their own; and one that only says that there are no rules.
const WITHOUT_ROW: [&str; 3] = ["rule", "rules", "not"];

#[test]
fn the_tables_of_keys_are_those_of_the_schema() {
    let schema: Value = serde_json::from_str(SCHEMA).unwrap();
    for (name, place) in TABLES {
        // Read again, since the one before may have been written.
        let page = Page::read("docs/policy-reference.md");
        let keys = in_order(place, schema.pointer(place).unwrap());
        page.holds(name, &table(&page, &keys));
    }
}

#[test]
fn every_example_of_the_schema_is_taken() {
    if !stage::has_ndpi() {
        return;
    }
    let schema: Value = serde_json::from_str(SCHEMA).unwrap();
    let stage = Stage::new();
    stage.file("hosts.txt", b"example.com\n");
    stage.file("nets.txt", b"198.18.0.0/24\n");
    let mut policy = String::new();
    for (key, about) in schema.pointer("/$defs/matchers/properties").unwrap().as_object().unwrap() {
        for value in values(about) {
            writeln!(policy, "[[rule]]\naction = \"count\"\n{key} = {}\n", toml(&value)).unwrap();
        }
    }
    stage.file("policy.toml", policy.as_bytes());
    let said = stage.as_anybody("ndpi-xdp policy check policy.toml; test $? = 1");
    assert!(!said.contains("error") && said.contains("warning"), "{said}");
}

/// The keys of a part of the schema, in the order that they have there.
fn in_order(place: &str, keys: &Value) -> Vec<(String, Value)> {
    let keys = keys.as_object().unwrap();
    let last = place.rsplit_once('/').map_or("", |(path, _)| path);
    let start = last
        .rsplit('/')
        .next()
        .filter(|name| !name.is_empty())
        .map_or(0, |name| SCHEMA.find(&format!("\"{name}\": {{\n")).unwrap_or_default());
    let mut keys: Vec<_> = keys.iter().map(|(key, about)| (key.clone(), about.clone())).collect();
    keys.sort_by_key(|(key, _)| SCHEMA[start..].find(&format!("\"{key}\": {{")));
    keys
}

/// A table, with a column for what holds without a key where any key has that.
fn table(page: &Page, keys: &[(String, Value)]) -> String {
    let has_defaults = keys.iter().any(|(_, about)| !about["default"].is_null());
    let default = |cell: &str| if has_defaults { format!(" {cell} |") } else { String::new() };
    let head = format!("| key | values |{} meaning |", default("without it"));
    let line = format!("|---|---|{}---|", if has_defaults { "---|" } else { "" });
    let rows = keys.iter().filter(|(key, _)| !WITHOUT_ROW.contains(&key.as_str()));
    let rows = rows.map(|(key, about)| row(page, key, about, default));
    [head, line].into_iter().chain(rows).flat_map(|line| [line, "\n".into()]).collect()
}

/// A row, whose key leads to the section about it where there is one.
fn row(page: &Page, key: &str, about: &Value, default: impl Fn(&str) -> String) -> String {
    let named = format!("`{key}`");
    let has_section = page.text.contains(&format!("\n### {named}\n"));
    let key = if has_section { format!("[{named}](#{key})") } else { named };
    let values: Vec<_> = values(about).iter().map(|value| format!("`{}`", toml(value))).collect();
    let without = match &about["default"] {
        Value::Null => String::new(),
        Value::String(text) if !about["enum"].is_array() => text.clone(),
        value => format!("`{}`", toml(value)),
    };
    let meaning = about["description"].as_str().unwrap_or_default();
    format!("| {key} | {} |{} {meaning} |", values.join(" "), default(&without))
}

/// What a key may have, or examples of it.
fn values(about: &Value) -> Vec<Value> {
    let listed = about["enum"].as_array().or(about["examples"].as_array());
    let constant = about.get("const").map(|value| vec![value.clone()]);
    let boolean = (about["type"] == "boolean").then(|| vec![true.into(), false.into()]);
    let values = listed.cloned().or(constant).or(boolean);
    values.unwrap_or_else(|| panic!("the schema has no examples for {about:#}"))
}

/// A value as a policy has it.
fn toml(value: &Value) -> String {
    match value {
        Value::Object(keys) => {
            let keys = keys.iter().map(|(key, value)| format!("{key} = {}", toml(value)));
            format!("{{ {} }}", keys.collect::<Vec<_>>().join(", "))
        }
        Value::Array(values) => {
            format!("[{}]", values.iter().map(toml).collect::<Vec<_>>().join(", "))
        }
        value => value.to_string(),
    }
}
