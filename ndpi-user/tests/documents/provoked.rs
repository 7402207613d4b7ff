//! Whatever can be reported of an instance has a test that brings it about, or a reason why none can.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use ndpi_common::Reason;
use ndpi_user::snapshot::PROBLEMS;
use serde_json::Value;
use testkit::places::checkout;

/// What no test brings about, and why.
const CANNOT: [(&str, &str); 3] = [
    (
        "ring_contended",
        "the kernel gives up on the lock of a ring after a quarter of a second, and nobody can hold it so long",
    ),
    ("rings-contended", "as above; from the count on, it is tested with counts that are made up"),
    (
        "track_full",
        "the map is an LRU map: it refuses only while all of its entries are on their way into other CPUs' lists",
    ),
];

/// Metrics that are 0 in every test, and why.
const ZERO: [(&str, &str); 3] = [
    ("ndpi_xdp_ring_contended_packets_total", "as `ring_contended`"),
    ("ndpi_xdp_worker_waiting_bytes", "what waits is taken before anybody can ask"),
    (
        "ndpi_xdp_worker_stuck",
        "an instance whose worker does not go on ends; made-up values are tested",
    ),
];

/// What stands before the tests of a file that has others.
const TESTS: &str = "#[cfg(test)]\nmod tests {";

/// The text of all tests.
fn tests(folder: &Path, all: &mut Vec<String>) {
    for entry in fs::read_dir(folder).unwrap().map(Result::unwrap) {
        let (path, name) = (entry.path(), entry.file_name());
        if path.is_dir() {
            if name != "target" && !name.to_string_lossy().starts_with('.') {
                tests(&path, all);
            }
            continue;
        }
        if path.extension().is_none_or(|it| it != "rs") || path.ends_with("documents/provoked.rs") {
            continue;
        }
        let text = fs::read_to_string(&path).unwrap();
        let path = path.to_string_lossy();
        if path.contains("/tests/") || path.ends_with("/tests.rs") {
            all.push(text);
        } else if let Some((_, tests)) = text.split_once(TESTS) {
            all.push(tests.to_owned());
        }
    }
}

/// The metrics that are documented, which another test holds against those that there are.
fn metrics() -> Vec<String> {
    const OPERATE: &str = include_str!("../../../docs/operate.md");
    let words = OPERATE.split(|it: char| !(it.is_ascii_alphanumeric() || it == '_'));
    let mut names: Vec<_> =
        words.filter(|it| it.starts_with("ndpi_xdp_")).map(str::to_owned).collect();
    names.sort();
    names.dedup();
    names
}

/// Whether a text has a word, and not one that is longer.
fn has(text: &str, word: &str) -> bool {
    let is_part = |it: char| it.is_alphanumeric() || it == '-' || it == '_';
    text.match_indices(word).any(|(at, _)| {
        !text[..at].ends_with(is_part) && !text[at + word.len()..].starts_with(is_part)
    })
}

/// The states of `status` records.
fn states() -> Vec<String> {
    const SCHEMA: &str = include_str!("../../../docs/records.schema.json");
    let schema: Value = serde_json::from_str(SCHEMA).unwrap();
    let kinds = schema["$defs"].as_object().unwrap().values();
    let of_status = kinds.filter(|it| it["properties"]["type"]["const"] == "status");
    of_status
        .flat_map(|it| {
            let state = &it["properties"]["state"];
            let several = state["enum"].as_array().cloned().unwrap_or_default();
            several.into_iter().chain(state.get("const").cloned())
        })
        .map(|state| state.as_str().unwrap().to_owned())
        .collect()
}

#[test]
fn every_reason_problem_and_state_is_named_by_a_test() {
    let mut texts = Vec::new();
    tests(checkout(), &mut texts);
    assert!(texts.len() > 200, "{} files with tests", texts.len());
    let reasons = Reason::ALL.iter().map(|it| (it.name().to_owned(), format!("Reason::{it:?}")));
    let words = PROBLEMS.into_iter().map(str::to_owned).chain(states());
    let all: BTreeMap<String, String> = words.map(|it| (it.clone(), it)).chain(reasons).collect();
    assert!(all.len() > 60, "{all:?}");
    let named = |(name, also): &(&String, &String)| {
        texts.iter().any(|text| has(text, name) || has(text, also))
    };
    let cannot = |name: &str| CANNOT.iter().any(|(it, _)| *it == name);
    let missing: Vec<_> = all.iter().filter(|it| !cannot(it.0) && !named(it)).collect();
    assert!(missing.is_empty(), "no test names {missing:?}");
    for (name, _) in CANNOT {
        assert!(all.contains_key(name), "{name} is reported no more");
    }
}

#[test]
fn every_metric_counts_something_in_a_test() {
    let mut texts = Vec::new();
    for folder in ["network", "load"] {
        tests(&checkout().join("ndpi-user/tests").join(folder), &mut texts);
    }
    let all = metrics();
    assert!(all.len() > 35, "{all:?}");
    let named = |name: &String| {
        let count = format!("{name}_count");
        texts.iter().any(|text| has(text, name) || has(text, &count))
    };
    let is_zero = |name: &String| ZERO.iter().any(|(it, _)| it == name);
    let missing: Vec<_> = all.iter().filter(|it| !is_zero(it) && !named(it)).collect();
    assert!(missing.is_empty(), "no test names {missing:?}");
    for (name, _) in ZERO {
        assert!(all.iter().any(|it| it == name), "{name} is no metric any more");
    }
}
