//! The facts that a decision rests on, and the decision.

use std::net::IpAddr;

use ndpi_labels::{Classification, Findings};

use crate::action::Action;
use crate::category::Categories;

/// TCP's number (IANA).
const TCP: u8 = 6;

/// All that rules can ask about a flow.
#[derive(Clone, Copy, Debug)]
pub struct Facts<'a> {
    /// What nDPI says of the flow.
    pub classification: &'a Classification,
    /// Host name: TLS or QUIC server name, HTTP host, or the name asked of DNS.
    pub hostname: Option<&'a str>,
    /// JA4 fingerprint of the TLS or QUIC client.
    pub ja4: Option<&'a str>,
    /// Application protocols of TLS or QUIC, comma-separated as nDPI gives them.
    pub alpn: Option<&'a str>,
    /// Address and port of the client (`src`).
    pub client: (IpAddr, u16),
    /// Address and port of the server (`dst`).
    pub server: (IpAddr, u16),
    /// IP protocol number (IANA).
    pub proto: u8,
    /// VLAN identifier of the flow's key, 0 when untagged.
    pub vlan: u16,
    /// Interface that saw the flow; `None` for captures.
    pub iface: Option<&'a str>,
    /// What was found in its packets besides.
    pub findings: Findings,
    /// Its start was not seen, and nDPI found no name since.
    pub incomplete: bool,
    /// When the decision is made: the wall clock, or a capture's own time.
    pub time: jiff::Timestamp,
}

/// What the policy makes of the facts before any rule is asked.
#[derive(Clone, Copy, Debug)]
pub(super) struct Derived {
    /// The score of the flow's risks (`ndpi_risk2score`).
    pub(super) risk_score: u16,
    /// The categories that the flow counts to.
    pub(super) categories: Categories,
}

impl<'a> Facts<'a> {
    /// Each of the application protocols.
    pub(super) fn alpns(&self) -> impl Iterator<Item = &'a str> {
        self.alpn.into_iter().flat_map(|list| list.split(',')).map(str::trim)
    }
}

impl<'a> Facts<'a> {
    /// A TCP flow of `client` with `server`, each an address and a port, at the Unix epoch; of which
    /// nothing else is known but what nDPI says.
    pub fn new(
        classification: &'a Classification,
        client: (IpAddr, u16),
        server: (IpAddr, u16),
    ) -> Self {
        Self {
            classification,
            hostname: None,
            ja4: None,
            alpn: None,
            client,
            server,
            proto: TCP,
            vlan: 0,
            iface: None,
            findings: Findings::NONE,
            incomplete: false,
            time: jiff::Timestamp::UNIX_EPOCH,
        }
    }

    /// A time in nanoseconds since the Unix epoch, as rules are asked with it.
    pub fn time_of(time_ns: u64) -> jiff::Timestamp {
        // 2^64 nanoseconds end in 2554, which a `Timestamp` has room for.
        jiff::Timestamp::from_nanosecond(time_ns.into()).unwrap_or_default()
    }
}

/// The position of a rule in its file, counted from 0.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct RuleIndex(pub u16);

/// What the rules make of a flow.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Decision {
    /// What to do with the flow's packets.
    pub action: Action,
    /// The rule that matched; `None` where `default` or `undecided` spoke.
    pub rule: Option<RuleIndex>,
}
