//! Questions to a policy, whichever way it came.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use jiff::Timestamp;
use ndpi_labels::{
    AppId, BreedId, CategoryId, Classification, Confidence, Finding, Findings, Risks, State,
};
use ndpi_policy::{Facts, Policy, Vocabulary, explain};

/// Asks it about a few flows.
///
/// # Panics
/// If it answers differently when it explains itself.
pub(super) fn ask(policy: &Policy, names: &Vocabulary) {
    for classification in classifications() {
        for facts in flows(&classification) {
            let explained = explain(policy, &facts);
            let rule = explained.hit.as_ref().map(|(rule, _)| *rule);
            assert_eq!(policy.first_match(&facts), rule);
            assert_eq!(policy.decide(&facts), explained.decision);
            let _ = explained.to_text(policy, &facts, names);
            let next = policy.next_change(facts.time);
            assert!(next.is_none_or(|next| next > facts.time));
        }
    }
}

/// The names that policies may use.
pub(crate) fn vocabulary() -> Vocabulary {
    let mut risk_scores = [0; 64];
    (risk_scores[1], risk_scores[2]) = (250, 100);
    let apps = [(0, "Unknown"), (5, "DNS"), (7, "HTTP"), (91, "TLS"), (119, "Facebook")];
    let categories = [(0, "Unspecified"), (5, "Web"), (6, "SocialNetwork")];
    Vocabulary {
        apps: apps.into_iter().collect(),
        categories: categories.into_iter().collect(),
        app_categories: [(5, 0), (7, 5), (91, 5), (119, 6)]
            .map(|(app, its)| (app, CategoryId(its)))
            .into_iter()
            .collect(),
        breeds: [(1, "Safe"), (3, "Fun")].into_iter().collect(),
        risks: [(1, "XSS Attack"), (2, "Obsolete TLS")].into_iter().collect(),
        risk_scores,
        ..Vocabulary::default()
    }
}

fn classifications() -> [Classification; 3] {
    let facebook = Classification {
        state: State::Classified,
        app: AppId { master: 91, app: 119 },
        category: CategoryId(6),
        breed: BreedId(3),
        confidence: Confidence::Dpi,
        guessed: false,
        risks: Risks(0b110),
    };
    let partial =
        Classification { state: State::Partial, app: AppId { master: 0, app: 91 }, ..facebook };
    [facebook, partial, Classification::default()]
}

fn flows(classification: &Classification) -> [Facts<'_>; 2] {
    let v4 = Facts {
        classification,
        hostname: Some("www.facebook.com"),
        ja4: Some("t13d1516h2_8daaf6152771_02713d6af862"),
        alpn: Some("h2,http/1.1"),
        client: (IpAddr::V4(Ipv4Addr::new(198, 18, 0, 1)), 40000),
        server: (IpAddr::V4(Ipv4Addr::new(198, 19, 0, 1)), 443),
        proto: 6,
        vlan: 0,
        iface: Some("eth0"),
        findings: Findings::NONE,
        incomplete: false,
        time: Timestamp::constant(1_795_431_600, 0),
    };
    let v6 = Facts {
        hostname: Some("bücher.example."),
        ja4: None,
        alpn: None,
        client: (IpAddr::V6(Ipv6Addr::new(0x2001, 0xdb8, 0, 0, 0, 0, 0, 1)), 40000),
        server: (IpAddr::V6(Ipv6Addr::new(0x2001, 0xdb8, 1, 0, 0, 0, 0, 1)), 53),
        proto: 17,
        vlan: 20,
        iface: None,
        findings: Finding::ALL.into_iter().collect(),
        incomplete: true,
        // An hour that comes twice in Berlin.
        time: Timestamp::constant(1_792_890_000, 0),
        ..v4
    };
    [v4, v6]
}
