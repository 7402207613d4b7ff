//! Each record of docs/records.md that is an event has an example there, which is one.

use std::collections::BTreeSet;

use serde_json::{Deserializer, Value, json};

use crate::Event;

const PAGE: &str = include_str!("../../../docs/records.md");

/// The records of all blocks of JSON.
fn examples() -> Vec<Value> {
    let blocks = PAGE.split("```json\n").skip(1).map(|rest| rest.split("```").next().unwrap());
    blocks.flat_map(|block| Deserializer::from_str(block).into_iter().map(Result::unwrap)).collect()
}

/// The words that an event may have for `key`, which serde lists where another one is there.
fn words(mut record: Value, key: &str) -> BTreeSet<String> {
    record[key] = "?".into();
    let refused = serde_json::from_value::<Event>(record).unwrap_err().to_string();
    let listed = refused.split_once("expected").expect("serde lists what it expects").1;
    listed.split('`').skip(1).step_by(2).map(str::to_owned).collect()
}

#[test]
fn every_example_is_an_event_with_no_field_too_many_or_too_few() {
    for example in examples() {
        let event: Event = serde_json::from_value(example.clone())
            .unwrap_or_else(|error| panic!("{error}: {example:#}"));
        let name = ["state", "about", "type"].into_iter().find_map(|key| match key {
            "state" if example["type"] != "status" => None,
            key => example[key].as_str(),
        });
        assert_eq!(Some(event.name()), name, "{example:#}");
        assert_eq!(event.interface(), example["iface"].as_str(), "{example:#}");
        assert_eq!(serde_json::to_value(event).unwrap(), example);
        testkit::schema::checked(example);
    }
}

#[test]
fn every_field_of_an_example_is_explained() {
    for example in examples() {
        for field in example.as_object().unwrap().keys().filter(|field| *field != "type") {
            let is_explained = PAGE.lines().any(|line| {
                let cell = line.strip_prefix("| ").and_then(|line| line.split(" | ").next());
                cell.is_some_and(|cell| cell.contains(&format!("`{field}`")))
            });
            assert!(is_explained, "{field} of {example}");
        }
    }
}

#[test]
fn every_kind_and_state_that_has_a_section_has_an_example() {
    let has = |key: &str, word: &str| examples().iter().any(|example| example[key] == word);
    let kinds = words(json!({}), "type");
    assert!(kinds.len() > 5, "{kinds:?}");
    for kind in kinds.iter().filter(|kind| !["reload"].contains(&kind.as_str())) {
        let has_section = PAGE.contains(&format!("\n## `{kind}`"));
        assert!(has("type", kind) == has_section, "{kind}");
    }
    let states = words(json!({ "type": "status" }), "state");
    assert!(states.len() > 10, "{states:?}");
    for state in states {
        assert!(has("state", &state), "{state}");
    }
}
