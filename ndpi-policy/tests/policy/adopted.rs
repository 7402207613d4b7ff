//! Flows that an instance decided which is gone: of them less is known.

use ndpi_labels::{BreedId, Findings, Risks};
use ndpi_policy::{Action, Adopted, Decision, Earlier, Policy, RuleIndex};
use proptest::prelude::*;
use proptest::test_runner::RngSeed;

use crate::common::{Flow, flow, ip, policy};
use crate::property::{any_flow, any_policy};

const HOST: Earlier<'_> = Earlier { rule: Some("host"), rests_on_more: true };
const APP: Earlier<'_> = Earlier { rule: Some("app"), rests_on_more: false };
const DEFAULT: Earlier<'_> = Earlier { rule: None, rests_on_more: false };

/// What is left of a flow when the instance that decided it is gone.
fn left(flow: Flow) -> Flow {
    flow.with(|flow| {
        (flow.hostname, flow.ja4, flow.alpn) = (None, None, None);
        flow.findings = Findings::NONE;
        (flow.classification.risks, flow.classification.breed) = (Risks(0), BreedId(0));
    })
}

fn judged(rules: &str, earlier: Earlier<'_>) -> Adopted {
    policy(rules).decide_adopted(&left(flow()).facts(), earlier)
}

fn by_rule(rule: u16, action: Action) -> Decision {
    Decision { action, rule: Some(RuleIndex(rule)) }
}

const BY_DEFAULT: Adopted = Adopted::Decided(Decision { action: Action::Count, rule: None });

fn rule(name: &str, asks: &str, action: &str) -> String {
    format!("[[rule]]\nname = '{name}'\n{asks}\naction = '{action}'\n")
}

#[test]
fn a_rule_that_is_gone_blocks_no_more_if_all_it_asked_for_is_known() {
    let app = rule("app", "app = 'Facebook'", "drop");
    assert_eq!(judged(&app, APP), Adopted::Decided(by_rule(0, Action::Drop)));
    assert_eq!(judged("", APP), BY_DEFAULT);
    assert_eq!(judged(&rule("app", "app = 'DNS'", "drop"), APP), BY_DEFAULT);
}

#[test]
fn what_a_host_decided_stays_as_long_as_nothing_known_says_otherwise() {
    assert_eq!(judged("", HOST), Adopted::Keeps);
    assert_eq!(judged(&rule("other", "host = 'x.example'", "count"), HOST), Adopted::Keeps);
    for asks in ["src = '198.18.0.1'", "dst = '198.19.0.0/16'", "port = 443", "app = 'Facebook'"] {
        let decided = judged(&rule("known", asks, "count"), HOST);
        assert_eq!(decided, Adopted::Decided(by_rule(0, Action::Count)), "{asks}");
    }
}

#[test]
fn the_rule_that_asked_for_a_host_decides_again_as_it_says_now() {
    let host = rule("host", "host = '.example'", "reject");
    assert_eq!(judged(&host, HOST), Adopted::DecidedAgain(by_rule(0, Action::Reject)));
    let address = rule("address", "dst = '198.19.0.1'", "count");
    let (before, behind) = (address.clone() + &host, host + &address);
    assert_eq!(judged(&before, HOST), Adopted::Decided(by_rule(0, Action::Count)));
    assert_eq!(judged(&behind, HOST), Adopted::DecidedAgain(by_rule(0, Action::Reject)));
    let elsewhere = rule("host", "host = '.example'\nport = 80", "drop");
    assert_eq!(judged(&elsewhere, HOST), Adopted::Keeps, "it cannot match any more");
}

#[test]
fn a_rule_of_which_nobody_knows_whether_it_matches_is_passed_over() {
    let rules = rule("host", "host = '.example'", "drop")
        + &rule("risky", "risk = 'Self-signed Cert'", "drop")
        + &rule("others", "not.host = 'www.facebook.com'", "drop");
    assert_eq!(judged(&rules, DEFAULT), BY_DEFAULT);
    assert_eq!(judged(&rules, APP), BY_DEFAULT);
}

#[test]
fn rules_say_whether_they_rest_on_more_than_is_kept() {
    let rests = |asks: &str| policy(&rule("r", asks, "drop")).rests_on_more(RuleIndex(0));
    for asks in ["host = 'a.example'", "not.alpn = 'h2'", "risk_score = 10", "evasion = 'any'"] {
        assert!(rests(asks), "{asks}");
    }
    for asks in ["app = 'Facebook'", "category = 'Web'", "confidence = 'dpi'", "port = 443"] {
        assert!(!rests(asks), "{asks}");
    }
}

/// What decided `flow` by `policy`, as it is known afterwards.
fn earlier<'p>(policy: &'p Policy, decision: &Decision) -> Earlier<'p> {
    Earlier {
        rule: decision.rule.map(|rule| &*policy.rule(rule).name),
        rests_on_more: decision.rule.is_some_and(|rule| policy.rests_on_more(rule)),
    }
}

/// A policy without what rules ask that is not known.
fn known(text: &str) -> String {
    let unknown = ["breed", "risk", "host", "ja4", "alpn", "evasion"];
    let asks = |line: &str| {
        let key = line.strip_prefix("not.").unwrap_or(line);
        unknown.iter().any(|unknown| key.starts_with(unknown))
    };
    let known: Vec<_> = text.lines().filter(|line| !asks(line)).collect();
    known.join("\n")
}

proptest! {
    #![proptest_config(ProptestConfig {
        cases: 64,
        failure_persistence: None,
        rng_seed: RngSeed::Fixed(14),
        ..ProptestConfig::default()
    })]

    #[test]
    fn the_same_policy_decides_as_before(text in any_policy(), flows in prop::collection::vec(any_flow(), 1..20)) {
        let policy = policy(&text);
        for flow in flows {
            let before = policy.decide_now(&flow.facts());
            let earlier = earlier(&policy, &before);
            let again = policy.decide_adopted(&left(flow).facts(), earlier);
            let expected = if earlier.rests_on_more {
                Adopted::DecidedAgain(before)
            } else {
                Adopted::Decided(before)
            };
            prop_assert_eq!(again, expected, "{}", text);
        }
    }

    #[test]
    fn rules_that_ask_for_what_is_known_decide_as_ever(text in any_policy(), flow in any_flow(), rests_on_more: bool) {
        let policy = policy(&known(&text));
        let decision = policy.decide_now(&flow.facts());
        let adopted = policy.decide_adopted(&left(flow).facts(), Earlier { rule: None, rests_on_more });
        if rests_on_more && decision.rule.is_none() {
            prop_assert_eq!(adopted, Adopted::Keeps);
        } else {
            prop_assert_eq!(adopted, Adopted::Decided(decision));
        }
    }
}

#[test]
fn addresses_are_those_of_both_families() {
    let text = rule("net", "dst = '2001:db8::/32'", "drop");
    let v6 = left(flow()).with(|flow| flow.server = (ip("2001:db8::1"), 443));
    let decided = policy(&text).decide_adopted(&v6.facts(), DEFAULT);
    assert_eq!(decided, Adopted::Decided(by_rule(0, Action::Drop)));
}
