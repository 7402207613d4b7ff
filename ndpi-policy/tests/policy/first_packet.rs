//! Deciding by what a flow's first packet lets one claim.

use ndpi_labels::{AppId, Confidence, Findings, Risks, State};
use ndpi_policy::{Action, Decision, Policy, RuleIndex};
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::select;
use proptest::test_runner::RngSeed;

use crate::common::{Flow, flow, ip, policy};
use crate::property::{GROUPS, any_flow, rule};

const BLOCK: &str = "[[rule]]\ncategory = 'SocialNetwork'\naction = 'drop'\nfirst_packet = true\n";

/// A flow of which is claimed that it is Facebook, carried by nobody knows what.
fn claimed(host: Option<&str>) -> Flow {
    flow().with(|f| {
        f.classification.state = State::Inspecting;
        f.classification.app = AppId { master: 0, app: 119 };
        f.classification.confidence = Confidence::DpiCache;
        f.hostname = host.map(Into::into);
        f.alpn = None;
    })
}

/// The decision on it behind an exception.
fn behind(exception: &str, flow: &Flow) -> Option<Decision> {
    let text = format!("[[rule]]\naction = 'count'\n{exception}\n{BLOCK}");
    policy(&text).decide(&flow.facts())
}

const WAITS: Option<Decision> = None;
const BLOCKED: Option<Decision> = Some(Decision { action: Action::Drop, rule: Some(RuleIndex(1)) });

#[test]
fn only_a_rule_that_says_so_decides() {
    let facebook = claimed(None);
    assert!(policy(BLOCK).acts_on_first_packet());
    assert_eq!(policy(BLOCK).decide(&facebook.facts()).map(|it| it.action), Some(Action::Drop));
    let patient = BLOCK.replace("true", "false");
    assert_eq!(policy(&patient).decide(&facebook.facts()), WAITS);
    assert!(!policy(&patient).acts_on_first_packet());
    let other = claimed(None).with(|f| {
        f.classification.app.app = 166;
        f.classification.category.0 = 14;
    });
    assert_eq!(policy(BLOCK).decide(&other.facts()), WAITS, "no rule matches: nDPI goes on");
}

#[test]
fn a_server_that_sent_a_file_is_still_of_its_application() {
    let download = claimed(None).with(|f| f.classification.category.0 = 7);
    assert_eq!(policy(BLOCK).decide(&download.facts()).map(|it| it.action), Some(Action::Drop));
    assert_eq!(policy(BLOCK).rule_for_server(&download.facts()), Some(RuleIndex(0)));
    let of_the_flow = BLOCK.replace("category", "flow_category");
    assert_eq!(policy(&of_the_flow).decide(&claimed(None).facts()), WAITS, "nobody knows yet");
}

#[test]
fn an_exception_that_may_hold_keeps_the_flow_waiting() {
    let facebook = claimed(Some("www.facebook.com"));
    for exception in [
        "app = 'Facebook'",
        "app = 'TLS.Facebook'",
        "app = 'TLS'",
        "app = ['DNS', 'Rsync']",
        "host = 'developers.facebook.com'",
        "ja4 = 't13d1516h2_8daaf6152771_02713d6af862'",
        "alpn = 'h3'",
        "risk = 'XSS Attack'",
        "risk_score = 10",
        "incomplete = true",
        "evasion = 'any'",
        "guessed = true",
        "confidence = 'custom_rule'",
        "category = 'Web'",
        "flow_category = 'SocialNetwork'",
        "not.category = 'Web'",
        "not.flow_category = 'SocialNetwork'",
        "src = '198.18.0.1'",
        "src = '198.18.0.1'\nhost = 'x.example'",
        "not.app = 'TLS'",
        "not.host = 'www.facebook.com'",
        "not.risk_score = 10",
        "not.incomplete = true",
        "not.evasion = 'any'",
        "",
    ] {
        assert_eq!(behind(exception, &facebook), WAITS, "{exception}");
    }
}

#[test]
fn an_exception_that_cannot_hold_is_no_hindrance() {
    let facebook = claimed(Some("www.facebook.com"));
    for exception in [
        "app = 'Rsync'",
        "app = 'TLS.NetFlix'",
        "breed = 'Safe'",
        "src = '198.18.0.2'",
        "dst = '198.20.0.0/24'\nhost = 'x.example'",
        "port = 80",
        "proto = 'udp'\nalpn = 'h3'",
        "vlan = 7",
        "iface = 'eth1'",
        "schedule = { days = 'sun', zone = 'UTC' }",
        "not.category = 'SocialNetwork'",
        "not.app = 'Facebook'",
        "not.src = '198.18.0.1'",
    ] {
        assert_eq!(behind(exception, &facebook), BLOCKED, "{exception}");
    }
}

#[test]
fn an_early_rule_takes_a_name_as_claimed_but_not_the_lack_of_one() {
    let decides = |rule: &str, host| {
        let text = format!("[[rule]]\naction = 'drop'\nfirst_packet = true\n{rule}");
        policy(&text).decide(&claimed(host).facts()).is_some()
    };
    assert!(decides("host = '*.facebook.com'", Some("www.facebook.com")));
    assert!(!decides("host = '*.facebook.com'", Some("www.example.com")));
    assert!(!decides("host = '*.facebook.com'", None));
    for never in [
        "not.host = 'x.example'",
        "not.ja4 = 't13d1516h2_8daaf6152771_02713d6af862'",
        "not.risk_score = 1",
        "incomplete = false",
        "evasion = 'any'",
        "alpn = 'h2'",
    ] {
        assert!(!decides(never, Some("www.facebook.com")), "{never}");
    }
}

#[test]
fn a_rule_behind_one_that_asks_for_a_name_waits_for_it() {
    let text =
        format!("[[rule]]\nhost = 'x.example'\naction = 'count'\nfirst_packet = true\n{BLOCK}");
    assert_eq!(policy(&text).decide(&claimed(None).facts()), WAITS);
    assert_eq!(policy(&text).decide(&claimed(Some("y.example")).facts()), BLOCKED);
}

#[test]
fn a_server_is_decided_for_all_clients_or_not_at_all() {
    let facebook = claimed(Some("www.facebook.com"));
    let rule = |text: &str| policy(text).rule_for_server(&facebook.facts());
    assert_eq!(rule(BLOCK), Some(RuleIndex(0)));
    for of_client in ["src = '198.18.0.1'", "any = '198.19.0.1'", "iface = 'eth0'"] {
        assert_eq!(rule(&format!("{BLOCK}{of_client}")), None, "{of_client}");
        let exempt = of_client.replace("0.1'", "0.2'").replace("eth0", "eth1");
        let exception = format!("[[rule]]\naction = 'count'\n{exempt}\n");
        assert_eq!(rule(&format!("{exception}{BLOCK}")), None, "{exempt}");
        let elsewhere = format!("{exception}port = 80\n");
        assert_eq!(rule(&format!("{elsewhere}{BLOCK}")), Some(RuleIndex(1)), "{exempt}");
    }
}

/// Where the rule that matches in the end stands, if it does not say that it decides early.
fn patient_match(policy: &Policy, flow: &Flow) -> Option<RuleIndex> {
    policy.first_match(&flow.facts()).filter(|rule| !policy.decides_early(*rule))
}

/// Few enough that one that decides early often comes first.
fn few_rules() -> impl Strategy<Value = String> {
    vec(rule(), 1..5).prop_map(|rules| format!("{GROUPS}\n{}", rules.join("\n")))
}

proptest! {
    #![proptest_config(ProptestConfig {
        failure_persistence: None,
        rng_seed: RngSeed::Fixed(5),
        cases: 600,
        ..ProptestConfig::default()
    })]

    /// Whatever turns out about a flow besides what was claimed, no exception that stood before the
    /// rule that decided has been passed over.
    #[test]
    fn an_exception_is_never_overtaken(
        text in few_rules(),
        flows in vec((any_flow(), any_flow(), select(vec![0, 91, 188])), 1..20),
    ) {
        let policy = policy(&text);
        for (mut first, mut last, carrier) in flows {
            let Some(in_the_end) = became(&mut first, &mut last, carrier) else { continue };
            let Some(decided) = policy.decide(&first.facts()) else { continue };
            let rule = decided.rule.expect("only rules decide early");
            prop_assert!(policy.decides_early(rule), "{}", text);
            prop_assert!(patient_match(&policy, in_the_end).is_none_or(|it| it > rule), "{}", text);
        }
    }

    /// The same for all clients of a server.
    #[test]
    fn no_client_of_a_blocked_server_is_exempt(
        text in few_rules(),
        flows in vec((any_flow(), any_flow(), select(vec![0, 91, 188])), 1..20),
    ) {
        let policy = policy(&text);
        for (mut first, mut last, carrier) in flows {
            let client = (last.client, last.iface.clone());
            let Some(in_the_end) = became(&mut first, &mut last, carrier) else { continue };
            let Some(rule) = policy.rule_for_server(&first.facts()) else { continue };
            let other = Flow { client: client.0, iface: client.1, ..flow() };
            let in_the_end = merge(in_the_end, other);
            prop_assert!(patient_match(&policy, &in_the_end).is_none_or(|it| it > rule), "{}", text);
            let first = merge(&first, Flow { client: (ip("198.18.0.8"), 1), iface: None, ..flow() });
            prop_assert!(policy.decide(&first.facts()).is_some_and(|it| it.rule == Some(rule)));
        }
    }
}

/// Makes `first` what is claimed of a flow that turns out to be `last`.
fn became<'f>(first: &mut Flow, last: &'f mut Flow, carrier: u16) -> Option<&'f Flow> {
    let said = &mut first.classification;
    (said.state, said.risks, said.app.master) = (State::Inspecting, Risks(0), 0);
    (first.ja4, first.alpn, first.findings) = (None, None, Findings::NONE);
    (last.client, last.server) = (first.client, first.server);
    (last.proto, last.vlan, last.time) = (first.proto, first.vlan, first.time);
    last.iface.clone_from(&first.iface);
    let end = &mut last.classification;
    (end.state, end.breed) = (State::Classified, said.breed);
    end.app = AppId { master: carrier, app: said.app.app };
    // What carries itself is no application.
    (carrier != said.app.app && said.app.app != 0).then_some(last)
}

/// `flow` from the client and by the interface of `other`.
fn merge(flow: &Flow, other: Flow) -> Flow {
    Flow {
        classification: flow.classification,
        hostname: flow.hostname.clone(),
        ja4: flow.ja4.clone(),
        alpn: flow.alpn.clone(),
        server: flow.server,
        proto: flow.proto,
        vlan: flow.vlan,
        time: flow.time,
        ..other
    }
}
