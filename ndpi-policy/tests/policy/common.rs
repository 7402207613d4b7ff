//! Names to write policies with, and flows to ask them about.

use std::io;
use std::net::IpAddr;
use std::path::Path;

use ndpi_labels::{AppId, BreedId, CategoryId, Classification, Confidence, Findings, Risks, State};
use ndpi_policy::{Decision, Diagnostics, Facts, Policy, Support, Vocabulary, parse};

/// A few of nDPI's names under numbers of our own.
pub(crate) const APPS: [(u16, &str); 8] = [
    (0, "Unknown"),
    (5, "DNS"),
    (7, "HTTP"),
    (91, "TLS"),
    (119, "Facebook"),
    (133, "NetFlix"),
    (166, "Rsync"),
    (188, "QUIC"),
];
pub(crate) const CATEGORIES: [(u16, &str); 7] = [
    (0, "Unspecified"),
    (3, "Email"),
    (5, "Web"),
    (6, "SocialNetwork"),
    (7, "Download"),
    (14, "Network"),
    (17, "Streaming"),
];
/// The category of each application.
pub(crate) const APP_CATEGORIES: [(u16, u16); 8] =
    [(0, 0), (5, 14), (7, 5), (91, 5), (119, 6), (133, 17), (166, 14), (188, 5)];
pub(crate) const BREEDS: [(u16, &str); 3] = [(1, "Safe"), (2, "Acceptable"), (3, "Fun")];
pub(crate) const RISKS: [(u16, &str); 3] =
    [(1, "XSS Attack"), (6, "Self-signed Cert"), (27, "Obsolete TLS (v1.1 or older)")];

pub(crate) fn vocabulary() -> Vocabulary {
    let mut risk_scores = [0; 64];
    (risk_scores[1], risk_scores[6], risk_scores[27]) = (250, 100, 50);
    Vocabulary {
        apps: APPS.into_iter().collect(),
        categories: CATEGORIES.into_iter().collect(),
        app_categories: APP_CATEGORIES
            .into_iter()
            .map(|(app, its)| (app, CategoryId(its)))
            .collect(),
        breeds: BREEDS.into_iter().collect(),
        risks: RISKS.into_iter().collect(),
        risk_scores,
        ..Vocabulary::default()
    }
}

/// Reads files as any program does.
pub(crate) fn from_disk(path: &Path, _longest: u64) -> io::Result<Vec<u8>> {
    std::fs::read(path)
}

/// Reads a policy named `policy.toml` that has no list files.
pub(crate) fn read(text: &str) -> Result<Policy, Diagnostics> {
    read_with(text, Support::ALL, &[])
}

/// Reads a policy whose list files are given with it.
pub(crate) fn read_with(
    text: &str,
    support: Support,
    lists: &[(&str, &str)],
) -> Result<Policy, Diagnostics> {
    let read_list = |path: &Path| {
        let list = lists.iter().find(|(name, _)| Path::new(name) == path);
        list.map(|(_, text)| (*text).to_owned()).ok_or(io::ErrorKind::NotFound.into())
    };
    parse(Path::new("policy.toml"), text, &vocabulary(), support, &read_list)
}

/// Reads a policy that must be right.
pub(crate) fn policy(text: &str) -> Policy {
    read(text).unwrap_or_else(|problems| panic!("{problems}"))
}

/// A flow: TLS.Facebook of 198.18.0.1 with 198.19.0.1, changed as a test needs.
#[derive(Debug)]
pub(crate) struct Flow {
    pub(crate) classification: Classification,
    pub(crate) hostname: Option<String>,
    pub(crate) ja4: Option<String>,
    pub(crate) alpn: Option<String>,
    pub(crate) client: (IpAddr, u16),
    pub(crate) server: (IpAddr, u16),
    pub(crate) proto: u8,
    pub(crate) vlan: u16,
    pub(crate) iface: Option<String>,
    pub(crate) findings: Findings,
    pub(crate) incomplete: bool,
    pub(crate) time: jiff::Timestamp,
}

pub(crate) fn flow() -> Flow {
    Flow {
        classification: Classification {
            state: State::Classified,
            app: AppId { master: 91, app: 119 },
            category: CategoryId(6),
            breed: BreedId(3),
            confidence: Confidence::Dpi,
            guessed: false,
            risks: Risks(0),
        },
        hostname: Some("www.facebook.com".into()),
        ja4: None,
        alpn: Some("h2,http/1.1".into()),
        client: (ip("198.18.0.1"), 40000),
        server: (ip("198.19.0.1"), 443),
        proto: 6,
        vlan: 0,
        iface: Some("eth0".into()),
        findings: Findings::NONE,
        incomplete: false,
        // A Monday.
        time: "2026-11-23T12:00:00Z".parse().unwrap(),
    }
}

impl Flow {
    pub(crate) fn with(mut self, change: impl FnOnce(&mut Self)) -> Self {
        change(&mut self);
        self
    }

    pub(crate) fn facts(&self) -> Facts<'_> {
        Facts {
            classification: &self.classification,
            hostname: self.hostname.as_deref(),
            ja4: self.ja4.as_deref(),
            alpn: self.alpn.as_deref(),
            client: self.client,
            server: self.server,
            proto: self.proto,
            vlan: self.vlan,
            iface: self.iface.as_deref(),
            findings: self.findings,
            incomplete: self.incomplete,
            time: self.time,
        }
    }

    pub(crate) fn decided_by(&self, policy: &Policy) -> Decision {
        policy.decide(&self.facts()).expect("a classified flow is decided")
    }
}

pub(crate) fn ip(text: &str) -> IpAddr {
    text.parse().unwrap()
}
