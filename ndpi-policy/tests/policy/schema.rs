//! The JSON Schema takes what the reader takes, and nothing else, key by key and value by value.

use jsonschema::Validator;
use ndpi_policy::{EXAMPLE, SCHEMA, Support};

use crate::common::read_with;

/// What only the reader can tell: whether names and files exist, and what is in a text.
const BEYOND_A_SCHEMA: [&str; 8] = [
    "unknown-name",
    "list-file",
    "zone",
    "host",
    "net",
    "file-as-text",
    "range-bounds",
    "quantity-bounds",
];

/// Values that fit some key, and values that fit none.
const VALUES: [&str; 87] = [
    "'drop'",
    "'allow'",
    "'block'",
    "'accept'",
    "'20mbit'",
    "'20 Mbps'",
    "'20 mbps'",
    "'500 KBps'",
    "'500 KB/s'",
    "'20 Mb/s'",
    "'20M'",
    "'20 MiB/s'",
    "'https'",
    "'HTTPS'",
    "'Saturday'",
    "'sat,sun'",
    "'weekend'",
    "'mon, Tue - we'",
    "'8:00-9:00, 10:00–11:30'",
    "'8-18'",
    "'reject'",
    "'count'",
    "'bypass'",
    "'limit'",
    "'pass'",
    "'partial'",
    "'rule'",
    "'flow'",
    "'10 mbit/s'",
    "'1.5 GBit/s'",
    "'2MB/s'",
    "'1.2345 mbit/s'",
    "'64 kB'",
    "'64 kb'",
    "'1.5 MiB'",
    "'TLS'",
    "'h2'",
    "''",
    "'443'",
    "'8000-8100'",
    "' 8000 - 8100 '",
    "'-5'",
    "'1-2-3'",
    "'tcp'",
    "'TCP'",
    "'dpi'",
    "'DPI'",
    "'custom_rule'",
    "'mon'",
    "'mon-fri'",
    "'monday'",
    "'08:00-18:00'",
    "'8:00-18:00'",
    "'22:00-24:00'",
    "'24:00-06:00'",
    "'UTC'",
    "'t13d1516h2_8daaf6152771_02713d6af862'",
    "'t13d1516h2_8daaf6152771'",
    "0",
    "255",
    "256",
    "4094",
    "4095",
    "65535",
    "65536",
    "-1",
    "1.5",
    "true",
    "false",
    "[]",
    "['TLS', 'DNS']",
    "[80, '90-99']",
    "['tcp', 17]",
    "['mon', 'sat-sun']",
    "[['TLS']]",
    "{}",
    "{ file = 'list' }",
    "{ file = 'list', more = 1 }",
    "{ app = 'TLS' }",
    "{ app = ['TLS', 'DNS'], category = 'Web' }",
    "{ app = [], category = 'Web' }",
    "{ app = 'TLS', host = 'example.com' }",
    "{ file = 'list', format = 'hosts' }",
    "{ file = 'list', format = 'x' }",
    "{ file = 'list', below = true }",
    "{ file = 'list', below = 1 }",
    "{ days = 'mon', zone = 'UTC' }",
];

const TOP_KEYS: [&str; 9] = [
    "default",
    "undecided",
    "fragments",
    "unparsable",
    "groups",
    "groups.own",
    "rule",
    "rules",
    "other",
];
const MATCHERS: [&str; 22] = [
    "app",
    "category",
    "flow_category",
    "group",
    "breed",
    "risk",
    "risk_score",
    "host",
    "ja4",
    "alpn",
    "src",
    "dst",
    "any",
    "port",
    "proto",
    "vlan",
    "iface",
    "confidence",
    "guessed",
    "incomplete",
    "evasion",
    "schedule",
];
const RULE_KEYS: [&str; 10] =
    ["name", "action", "limit", "burst", "per", "state", "first_packet", "not", "other", "not_app"];

fn schema() -> Validator {
    let schema = serde_json::from_str(SCHEMA).expect("the schema is JSON");
    jsonschema::draft202012::meta::validate(&schema).expect("the schema is a schema");
    jsonschema::draft202012::new(&schema).expect("the schema can be used")
}

/// Whether the reader takes a text, what is beyond a schema left aside.
fn reader_takes(text: &str) -> bool {
    match read_with(text, Support::ALL, &[("list", "")]) {
        Ok(_) => true,
        Err(diagnostics) => {
            diagnostics.problems().iter().all(|problem| BEYOND_A_SCHEMA.contains(&&*problem.code))
        }
    }
}

fn agree(schema: &Validator, text: &str) {
    let json: serde_json::Value = toml::from_str(text).unwrap_or_else(|e| panic!("{text}: {e}"));
    let problems = read_with(text, Support::ALL, &[("list", "")]).err();
    let errors: Vec<_> = schema.iter_errors(&json).map(|error| error.to_string()).collect();
    assert_eq!(
        errors.is_empty(),
        reader_takes(text),
        "{text}\nschema: {errors:#?}\nreader: {}",
        problems.map_or_else(|| "fine".to_owned(), |problems| problems.render(false))
    );
}

#[test]
fn every_key_takes_the_same_values() {
    let schema = schema();
    for value in VALUES {
        for key in TOP_KEYS {
            agree(&schema, &format!("{key} = {value}\n"));
        }
        for key in MATCHERS.iter().chain(&RULE_KEYS).filter(|key| **key != "action") {
            agree(&schema, &format!("[[rule]]\naction = 'drop'\n{key} = {value}\n"));
        }
        for key in MATCHERS.iter().chain(&RULE_KEYS) {
            agree(&schema, &format!("[[rule]]\naction = 'drop'\nnot.{key} = {value}\n"));
        }
        for key in ["days", "hours", "zone", "other"] {
            let schedule = format!("schedule = {{ hours = '08:00-09:00', {key} = {value} }}");
            if key != "hours" {
                agree(&schema, &format!("[[rule]]\naction = 'drop'\n{schedule}\n"));
            }
            let schedule = format!("schedule = {{ {key} = {value} }}");
            agree(&schema, &format!("[[rule]]\naction = 'drop'\n{schedule}\n"));
        }
    }
}

#[test]
fn actions_and_limits_go_together_in_the_same_ways() {
    let schema = schema();
    for action in VALUES {
        agree(&schema, &format!("[[rule]]\naction = {action}\n"));
        agree(&schema, &format!("[[rule]]\nlimit = {action}\n"));
        for with in ["limit = '1 mbit/s'", "burst = '64 kB'", "per = 'flow'"] {
            agree(&schema, &format!("[[rule]]\naction = {action}\n{with}\n"));
            agree(
                &schema,
                &format!("[[rule]]\nlimit = '2 mbit/s'\n{}", with.replace("limit", "name")),
            );
        }
    }
    agree(&schema, "[[rule]]\n");
    agree(&schema, "rules = []\n[[rule]]\naction = 'drop'\n");
    agree(&schema, "");
}

#[test]
fn the_schema_takes_the_example() {
    let json: serde_json::Value = toml::from_str(EXAMPLE).unwrap();
    assert!(schema().is_valid(&json));
}
