//! What a decision rests on, and the decision.

use std::net::IpAddr;

use super::Action;
use super::category::Categories;
use crate::flow::{Details, FlowEntry};

/// All that rules can ask about a flow.
#[derive(Clone, Copy, Debug)]
pub struct Facts<'a> {
    /// What nDPI says of the flow.
    pub classification: &'a ndpi::Classification,
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
    /// What is known of `flow`, seen on `iface`, at `time_ns` nanoseconds since the Unix epoch.
    pub fn of<F>(
        flow: &FlowEntry<F>,
        classification: &'a ndpi::Classification,
        details: &'a Details,
        iface: Option<&'a str>,
        time_ns: u64,
    ) -> Self {
        let (client, server) = flow.endpoints();
        Self {
            classification,
            hostname: details.hostname(),
            ja4: details.ja4(),
            alpn: details.alpn(),
            client,
            server,
            proto: flow.key.proto(),
            vlan: flow.key.vlan(),
            iface,
            incomplete: flow.start.is_incomplete(classification, details),
            time: Self::time_of(time_ns),
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
