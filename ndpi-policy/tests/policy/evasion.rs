//! Rules that ask for what was found in a flow's packets.

use ndpi_labels::{AppId, Finding, Findings, State};
use ndpi_policy::{Action, Decision, RuleIndex};
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::select;
use proptest::test_runner::RngSeed;

use crate::common::{Flow, flow, policy};
use crate::property::{GROUPS, any_findings, any_flow, rule};

/// A flow of which nDPI has said nothing yet.
fn unknown(findings: &[Finding]) -> Flow {
    flow().with(|f| {
        f.classification.state = State::Inspecting;
        f.classification.app = AppId::default();
        f.hostname = None;
        f.findings = findings.iter().copied().collect();
    })
}

fn early(text: &str, flow: &Flow) -> Option<Decision> {
    policy(text).decide(&flow.facts())
}

const DROP: &str = "[[rule]]\nevasion = ['fake-segment', 'ambiguous']\naction = 'drop'\n";
const WAITS: Option<Decision> = None;

const fn dropped(rule: u16) -> Decision {
    Decision { action: Action::Drop, rule: Some(RuleIndex(rule)) }
}

#[test]
fn a_finding_alone_changes_nothing() {
    let found = flow().with(|f| f.findings = Finding::ALL.into_iter().collect());
    let rules = "undecided = 'drop'\n[[rule]]\napp = 'Facebook'\naction = 'reject'\n";
    assert_eq!(found.decided_by(&policy(rules)), flow().decided_by(&policy(rules)));
    assert!(!policy(rules).acts_on_findings());
    assert_eq!(early(rules, &unknown(&Finding::ALL)), WAITS);
}

#[test]
fn a_rule_takes_flows_with_one_of_its_findings() {
    let takes = |matcher: &str, findings: &[Finding]| {
        let found = flow().with(|f| f.findings = findings.iter().copied().collect());
        let rule = format!("[[rule]]\naction = 'drop'\n{matcher}\n");
        found.decided_by(&policy(&rule)).action == Action::Drop
    };
    let both = "evasion = ['fake-segment', 'ambiguous']";
    assert!(takes(both, &[Finding::Ambiguous]));
    assert!(takes(both, &[Finding::Oversize, Finding::FakeSegment]));
    assert!(!takes(both, &[Finding::Oversize]) && !takes(both, &[]));
    for finding in Finding::ALL {
        assert!(takes("evasion = 'any'", &[finding]), "{finding}");
        assert!(takes(&format!("evasion = '{finding}'"), &[finding]), "{finding}");
    }
    assert!(!takes("evasion = 'any'", &[]));
    assert!(
        takes("not.evasion = 'any'", &[]) && !takes("not.evasion = 'any'", &[Finding::Oversize])
    );
}

#[test]
fn a_rule_that_asks_for_nothing_to_come_decides_with_the_finding() {
    let found = unknown(&[Finding::Ambiguous]);
    assert!(policy(DROP).acts_on_findings());
    assert_eq!(early(DROP, &found), Some(dropped(0)));
    assert_eq!(
        early(DROP, &found.with(|f| f.classification.state = State::Partial)),
        Some(dropped(0))
    );
    assert_eq!(early(DROP, &unknown(&[Finding::Oversize])), WAITS, "another finding");
    assert_eq!(early(DROP, &unknown(&[])), WAITS);
    for known in [
        "src = '198.18.0.0/15'",
        "not.dst = '198.20.0.0/16'",
        "port = 443",
        "proto = 'tcp'",
        "vlan = 0",
        "schedule = { hours = '00:00-24:00', zone = 'UTC' }",
    ] {
        let rule = format!("{DROP}{known}\n");
        assert_eq!(early(&rule, &unknown(&[Finding::Ambiguous])), Some(dropped(0)), "{known}");
    }
}

#[test]
fn a_rule_that_asks_for_what_ndpi_says_waits_for_it() {
    for matcher in [
        "app = 'TLS'",
        "not.app = 'DNS'",
        "host = '*'",
        "not.host = 'a.example'",
        "incomplete = false",
        "guessed = false",
        "not.evasion = 'oversize'",
    ] {
        let rule = format!("{DROP}{matcher}\n");
        assert!(!policy(&rule).acts_on_findings(), "{matcher}");
        assert_eq!(early(&rule, &unknown(&[Finding::Ambiguous])), WAITS, "{matcher}");
    }
    let named = format!("{DROP}host = '*'\n");
    let found = flow().with(|f| f.findings = Finding::Ambiguous.into());
    assert_eq!(found.decided_by(&policy(&named)).action, Action::Drop, "with nDPI's word");
}

#[test]
fn a_finding_overtakes_no_exception() {
    let found = || unknown(&[Finding::Ambiguous]);
    for may_hold in [
        "host = 'a.example'",
        "app = 'TLS'",
        "not.app = 'DNS'",
        "risk_score = 10",
        "evasion = 'oversize'",
        "not.evasion = 'oversize'",
        "",
    ] {
        let text = format!("[[rule]]\naction = 'count'\n{may_hold}\n{DROP}");
        assert_eq!(early(&text, &found()), WAITS, "{may_hold}");
    }
    for cannot_hold in [
        "host = 'a.example'\nport = 80",
        "src = '198.20.0.0/16'",
        "not.evasion = 'ambiguous'",
        "app = 'TLS'\nproto = 'udp'",
    ] {
        let text = format!("[[rule]]\naction = 'count'\n{cannot_hold}\n{DROP}");
        assert_eq!(early(&text, &found()), Some(dropped(1)), "{cannot_hold}");
    }
}

#[test]
fn a_flow_without_a_name_is_left_to_the_rule_and_not_to_undecided() {
    let text = format!("undecided = 'drop'\n{}", DROP.replace("'drop'", "'count'"));
    let policy = policy(&text);
    assert_eq!(policy.decide_now(&unknown(&[Finding::Ambiguous]).facts()).action, Action::Count);
    assert_eq!(policy.decide_now(&unknown(&[]).facts()).action, Action::Drop);
}

proptest! {
    #![proptest_config(ProptestConfig {
        failure_persistence: None,
        rng_seed: RngSeed::Fixed(7),
        cases: 600,
        ..ProptestConfig::default()
    })]

    /// Whatever nDPI says of a flow later, and whatever else is found: the rule that a finding decided by is the
    /// one that would have decided in the end.
    #[test]
    fn what_a_finding_decides_stands_in_the_end(
        rules in vec(rule(), 1..4),
        flows in vec((any_flow(), any_flow(), any_findings()), 1..20),
    ) {
        let asks = "[[rule]]\naction = 'drop'\nevasion = 'any'\n";
        let policy = policy(&format!("{GROUPS}\n{}\n{asks}", rules.join("\n")));
        for (mut now, end, more) in flows {
            now.classification.state = State::Inspecting;
            let Some(decided) = policy.decide_by_findings(&now.facts()) else { continue };
            prop_assert!(!now.findings.is_empty());
            let end = Flow {
                classification: end.classification,
                hostname: end.hostname,
                ja4: end.ja4,
                alpn: end.alpn,
                incomplete: end.incomplete,
                findings: now.findings.union(more),
                ..now
            };
            prop_assert_eq!(policy.first_match(&end.facts()), decided.rule);
        }
    }

    #[test]
    fn without_findings_nothing_is_decided_by_them(rules in vec(rule(), 1..4), flow in any_flow(),
        state in select(vec![State::Inspecting, State::Partial])) {
        let policy = policy(&format!("{GROUPS}\n{}", rules.join("\n")));
        let bare = flow.with(|f| {
            f.findings = Findings::NONE;
            f.classification.state = state;
        });
        prop_assert_eq!(policy.decide_by_findings(&bare.facts()), None);
    }
}
