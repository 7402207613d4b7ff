//! The index against plain reading: on any policy and any flow, [`Policy::decide`] says what
//! [`explain`] finds by trying the rules one after another.

use std::io;
use std::path::Path;

use ndpi_labels::{
    AppId, BreedId, CategoryId, Classification, Confidence, Finding, Findings, Risks, State,
};
use ndpi_policy::{Action, Decision, PassOrDrop, Support, check_text, explain};
use proptest::collection::vec;
use proptest::option;
use proptest::prelude::*;
use proptest::sample::select;
use proptest::test_runner::RngSeed;

use crate::common::{Flow, flow, ip, policy, vocabulary};

/// Every matcher, with values few enough to meet often, and such that they nest and overlap.
const MATCHERS: [(&str, &[&str]); 22] = [
    ("app", &["'Unknown'", "'DNS'", "'TLS'", "'Facebook'", "'TLS.Facebook'", "'QUIC.Facebook'"]),
    ("category", &["'Unspecified'", "'Web'", "'SocialNetwork'", "'Network'"]),
    ("flow_category", &["'Web'", "'SocialNetwork'"]),
    ("group", &["'social'", "'video'", "'pair'", "'mixed'"]),
    ("breed", &["'Safe'", "'Acceptable'", "'Fun'"]),
    ("risk", &["'XSS Attack'", "'Self-signed Cert'", "'Obsolete TLS (v1.1 or older)'"]),
    ("risk_score", &["0", "50", "150", "400", "401"]),
    (
        "host",
        &["'b.a.example'", "'*.a.example'", "'.a.example'", "'*.example'", "'bücher.example'"],
    ),
    ("ja4", &["'t13d1516h2_8daaf6152771_02713d6af862'", "'q13d0310h3_55b375c5d22e_cd85d2d88918'"]),
    ("alpn", &["'h2'", "'http/1.1'", "'h3'"]),
    ("src", NETS),
    ("dst", NETS),
    ("any", NETS),
    ("port", &["0", "53", "443", "'1-1023'", "'400-500'", "'0-65535'"]),
    ("proto", &["'tcp'", "'udp'", "1", "6"]),
    ("vlan", &["0", "10", "'5-20'", "4094"]),
    ("iface", &["'eth0'", "'eth1'"]),
    ("confidence", &["'unknown'", "'ip'", "'dpi_cache'", "'dpi'", "'custom_rule'"]),
    ("guessed", &["true", "false"]),
    ("incomplete", &["true", "false"]),
    ("evasion", &["'ambiguous'", "'fake-segment'", "'oversize'", "'any'"]),
    (
        "schedule",
        &[
            "{ days = 'mon-fri', hours = '08:00-18:00', zone = 'Europe/Berlin' }",
            "{ hours = ['22:00-06:00', '12:00-13:00'], zone = 'UTC' }",
            "{ days = 'sat-sun', zone = 'America/New_York' }",
        ],
    ),
];

/// Groups of the policy's own.
pub(crate) const GROUPS: &str =
    "groups.pair = 'TLS.Facebook'\ngroups.mixed = { app = 'QUIC', category = 'Network' }";

const NETS: &[&str] = &[
    "'198.18.0.0/15'",
    "'198.18.0.0/24'",
    "'198.18.0.7'",
    "'0.0.0.0/0'",
    "'2001:db8::/32'",
    "'2001:db8::7'",
    "'::/0'",
];

/// Matchers that take one value, not a list.
const SINGLE: [&str; 5] = ["risk_score", "confidence", "guessed", "incomplete", "schedule"];

/// A matcher in TOML, under `not` or not.
fn matcher() -> impl Strategy<Value = (String, String)> {
    (select(&MATCHERS[..]), prop::bool::weighted(0.25), vec(any::<prop::sample::Index>(), 1..4))
        .prop_map(|((key, values), negated, picks)| {
            let name = if negated { format!("not.{key}") } else { key.to_owned() };
            let picked: Vec<_> = picks.iter().map(|pick| *pick.get(values)).collect();
            let value = if SINGLE.contains(&key) {
                picked[0].to_owned()
            } else {
                format!("[{}]", picked.join(", "))
            };
            (name, value)
        })
}

pub(crate) fn rule() -> impl Strategy<Value = String> {
    let action = select(&["drop", "reject", "count", "bypass"][..]);
    let early = (prop::bool::weighted(0.3), prop::bool::weighted(0.3));
    (vec(matcher(), 0..4), action, early).prop_map(|(matchers, action, (partial, first_packet))| {
        let mut text = format!("[[rule]]\naction = '{action}'\n");
        let mut seen = Vec::new();
        for (name, value) in matchers {
            if !seen.contains(&name) {
                text += &[name.as_str(), " = ", &value, "\n"].concat();
                seen.push(name);
            }
        }
        if partial {
            text += "state = 'partial'\n";
        }
        if first_packet {
            text += "first_packet = true\n";
        }
        text
    })
}

/// Up to 150 rules: three words of a set.
pub(crate) fn any_policy() -> impl Strategy<Value = String> {
    (select(&["drop", "count"][..]), select(&["drop", "pass"][..]), vec(rule(), 0..150)).prop_map(
        |(default, undecided, rules)| {
            let rules = rules.join("\n");
            format!("default = '{default}'\nundecided = '{undecided}'\n{GROUPS}\n{rules}")
        },
    )
}

fn any_classification() -> impl Strategy<Value = Classification> {
    let state =
        select(vec![State::Inspecting, State::Partial, State::Monitoring, State::Classified]);
    let app = (select(vec![0, 91, 188]), select(vec![0, 5, 91, 119]));
    let confidence = select(vec![
        Confidence::Unknown,
        Confidence::MatchByIp,
        Confidence::DpiPartial,
        Confidence::Dpi,
        Confidence::CustomRule,
    ]);
    let risks = select(vec![0, 1 << 1, 1 << 6, 1 << 1 | 1 << 6 | 1 << 27, 1 << 63]);
    (state, app, select(vec![0, 5, 6, 14]), 0_u8..4, confidence, any::<bool>(), risks).prop_map(
        |(state, (master, app), category, breed, confidence, guessed, risks)| Classification {
            state,
            app: AppId { master, app },
            category: CategoryId(category),
            breed: BreedId(breed),
            confidence,
            guessed,
            risks: Risks(risks),
        },
    )
}

pub(crate) fn any_flow() -> impl Strategy<Value = Flow> {
    let address = || {
        select(vec!["198.18.0.7", "198.18.0.8", "198.20.0.1", "::ffff:198.18.0.7", "2001:db8::7"])
    };
    let host = option::of(select(vec![
        "a.example",
        "B.A.example.",
        "c.b.a.example",
        "xa.example",
        "xn--bcher-kva.example",
        "example",
        "",
        "a.example:8080",
    ]));
    let ja4 = option::of(select(vec!["t13d1516h2_8daaf6152771_02713d6af862", "other"]));
    let alpn = option::of(select(vec!["h2,http/1.1", "h3", ""]));
    let port = select(vec![0, 53, 443, 1024, u16::MAX]);
    // A week around the end of Berlin's summer time.
    let time = 1_792_600_000_i64..1_793_204_800;
    let network = (address(), address(), port, select(vec![1_u8, 6, 17]), select(vec![0_u16, 7]));
    let iface = option::of(select(vec!["eth0", "eth1", "eth2"]));
    let seen = (iface, any::<bool>(), any_findings());
    (any_classification(), host, ja4, alpn, network, seen, time).prop_map(
        |(classification, host, ja4, alpn, (client, server, port, proto, vlan), seen, time)| {
            let (iface, incomplete, findings) = seen;
            flow().with(|f| {
                f.classification = classification;
                f.hostname = host.map(Into::into);
                f.ja4 = ja4.map(Into::into);
                f.alpn = alpn.map(Into::into);
                f.client = (ip(client), 40000);
                f.server = (ip(server), port);
                f.proto = proto;
                f.vlan = vlan;
                f.iface = iface.map(Into::into);
                f.incomplete = incomplete;
                f.findings = findings;
                f.time = jiff::Timestamp::from_second(time).unwrap();
            })
        },
    )
}

/// Most flows have none.
pub(crate) fn any_findings() -> impl Strategy<Value = Findings> {
    let some = vec![Finding::FakeSegment, Finding::Ambiguous, Finding::Oversize];
    option::of(vec(select(some), 1..3)).prop_map(|found| found.into_iter().flatten().collect())
}

fn no_list(_: &Path) -> io::Result<String> {
    Err(io::ErrorKind::NotFound.into())
}

/// Whether `default` decides a flow that no rule matches.
fn is_known(flow: &Flow) -> bool {
    flow.classification.app != AppId::default() && !flow.incomplete
}

proptest! {
    #![proptest_config(ProptestConfig {
        failure_persistence: None,
        rng_seed: RngSeed::Fixed(5),
        ..ProptestConfig::default()
    })]

    #[test]
    fn the_index_decides_as_plain_reading_does(text in any_policy(), flows in vec(any_flow(), 1..20)) {
        let policy = policy(&text);
        for flow in flows {
            let facts = flow.facts();
            let explained = explain(&policy, &facts);
            let rule = explained.hit.map(|(rule, _)| rule);
            prop_assert_eq!(policy.first_match(&facts), rule, "{}", text);
            prop_assert_eq!(policy.decide(&facts), explained.decision, "{}", text);
            prop_assert_eq!(explained.misses.len(), rule.map_or(policy.rules().len(), |r| r.0.into()));
        }
    }

    #[test]
    fn a_flow_that_gets_no_clearer_is_decided_all_the_same(text in any_policy(), flow in any_flow()) {
        let policy = policy(&text);
        let facts = flow.facts();
        let action = match policy.first_match(&facts) {
            Some(rule) => policy.rule(rule).action,
            None if is_known(&flow) => policy.default_action(),
            None if policy.undecided() == PassOrDrop::Drop => Action::Drop,
            None => Action::Count,
        };
        let expected = Decision { action, rule: policy.first_match(&facts) };
        prop_assert_eq!(policy.decide_now(&facts), expected);
    }

    #[test]
    fn what_is_said_never_to_match_never_does(text in any_policy(), flows in vec(any_flow(), 1..20)) {
        let policy = policy(&text);
        let checked = check_text(Path::new("p"), &text, &vocabulary(), Support::ALL, &no_list);
        let dead: Vec<_> = checked.problems().iter().filter(|p| p.code == "shadowed").collect();
        for flow in flows {
            let Some(rule) = policy.first_match(&flow.facts()) else { continue };
            let place = Some(policy.rule(rule).place);
            prop_assert!(dead.iter().all(|problem| problem.place != place), "{}", text);
        }
    }

    #[test]
    fn schedules_keep_their_answer_until_they_say(text in any_policy(), flow in any_flow()) {
        let policy = policy(&text);
        let Some(change) = policy.next_change(flow.time) else { return Ok(()) };
        prop_assert!(change > flow.time);
        let now = policy.decide_now(&flow.facts());
        for share in [0.25, 0.5, 0.75] {
            let before = flow.time + (change - flow.time).to_duration(jiff::SpanRelativeTo::days_are_24_hours()).unwrap().mul_f64(share);
            let mut facts = flow.facts();
            facts.time = before;
            prop_assert_eq!(policy.decide_now(&facts), now, "at {}", before);
        }
    }
}
