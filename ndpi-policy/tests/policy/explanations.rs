//! Explanations of `policy explain`.

use ndpi_labels::State;
use ndpi_policy::{Policy, Support, explain};

use crate::common::{Flow, flow, read_with, vocabulary};

const POLICY: &str = r#"default = "count"

[[rule]]
name = "backup"
app = ["Rsync", "DNS", "HTTP", "QUIC"]
action = "bypass"

[[rule]]
name = "listed"
host = { file = "hosts" }
not.dst = "198.19.0.0/16"
action = "drop"

[[rule]]
name = "social"
category = "SocialNetwork"
host = { file = "hosts" }
action = "drop"
"#;

fn explained(flow: &Flow) -> String {
    let hosts = "a.example\n*.facebook.com # theirs\n";
    let policy = read_with(POLICY, Support::ALL, &[("hosts", hosts)]).unwrap();
    explain(&policy, &flow.facts()).to_text(&policy, &flow.facts(), &vocabulary())
}

#[test]
fn every_rule_up_to_the_one_that_matches_has_its_reason() {
    let expected = r#"flow: TLS.Facebook, category SocialNetwork, host www.facebook.com, 198.18.0.1:40000 to 198.19.0.1:443, tcp, CLASSIFIED
rule 1 "backup" at policy.toml:3: no, `app` asks for "Rsync", "DNS", "HTTP" and 1 more; the flow has TLS.Facebook
rule 2 "listed" at policy.toml:8: no, `not.dst` excludes "198.19.0.0/16"; the flow has 198.19.0.1
rule 3 "social" at policy.toml:14: matches: `category` by "SocialNetwork", `host` by *.facebook.com (hosts:2)
verdict: drop"#;
    assert_eq!(explained(&flow()), expected);
}

#[test]
fn a_flow_that_no_rule_matches_falls_to_the_default() {
    let unnamed = flow().with(|f| f.hostname = None);
    let expected = r#"flow: TLS.Facebook, category SocialNetwork, 198.18.0.1:40000 to 198.19.0.1:443, tcp, CLASSIFIED
rule 1 "backup" at policy.toml:3: no, `app` asks for "Rsync", "DNS", "HTTP" and 1 more; the flow has TLS.Facebook
rule 2 "listed" at policy.toml:8: no, `host` asks for a.example, *.facebook.com; the flow has none
rule 3 "social" at policy.toml:14: no, `host` asks for a.example, *.facebook.com; the flow has none
verdict: count (`default`: no rule matches)"#;
    assert_eq!(explained(&unnamed), expected);
}

#[test]
fn a_flow_that_waits_is_told_for_what() {
    let verdict = |state| {
        let flow = flow().with(|f| f.classification.state = state);
        explained(&flow).lines().last().unwrap_or_default().to_owned()
    };
    assert_eq!(
        verdict(State::Partial),
        "verdict: none yet: the rule waits for nDPI's final word (no `state = \"partial\"`)"
    );
    assert_eq!(verdict(State::Inspecting), "verdict: none yet: nDPI looks at more packets");
}

#[test]
fn programs_get_the_same_as_json() {
    let policy = read_with(POLICY, Support::ALL, &[("hosts", ".facebook.com")]).unwrap();
    let flow = flow();
    let json = explain(&policy, &flow.facts()).to_json(&policy, &flow.facts(), &vocabulary());
    assert_eq!(json["action"], "drop");
    assert_eq!(json["matched"]["rule"], "social");
    assert_eq!(json["matched"]["at"], "policy.toml:14");
    assert_eq!(json["missed"][1]["matcher"], "not.dst");
}

#[test]
fn the_time_that_schedules_are_asked_with_is_shown() {
    let text = "[[rule]]\nname = \"night\"\nschedule = { hours = \"22:00-6:00\", zone = \"Europe/Berlin\" }\n\
                action = \"drop\"\n";
    let policy = read_with(text, Support::ALL, &[]).unwrap();
    let explained = |policy: &Policy| {
        let flow = flow();
        explain(policy, &flow.facts()).to_text(policy, &flow.facts(), &vocabulary())
    };
    let noon = explained(&policy);
    assert!(noon.contains("CLASSIFIED, at 2026-11-23T12:00:00Z\n"), "{noon}");
    assert!(noon.contains("; the flow has Monday 13:00 in Europe/Berlin\n"), "{noon}");
    let night = policy.at(Some("2026-11-23T23:00:00Z".parse().unwrap()));
    let shown = explained(&night);
    assert!(
        shown.contains("at 2026-11-23T23:00:00Z") && shown.ends_with("verdict: drop"),
        "{shown}"
    );
    let json = explain(&night, &flow().facts()).to_json(&night, &flow().facts(), &vocabulary());
    assert_eq!(json["time"], "2026-11-23T23:00:00Z");
}
