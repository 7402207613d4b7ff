//! The record of a decision, written while the flow lives.

use std::fmt;
use std::net::SocketAddr;

use ndpi_flow::FlowEntry;
use serde::Serialize;

use super::{Ends, Label, Names, Origin, Time};

/// One `verdict` record: a flow was decided, and its verdict stands.
#[derive(Debug, Serialize)]
#[expect(missing_docs, reason = "the fields are explained in docs/records.md")]
pub struct VerdictRecord<'a> {
    #[serde(rename = "type")]
    pub kind: &'static str,
    pub time: Time,
    #[serde(flatten)]
    pub ends: Ends<'a>,
    pub inspected: u16,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub partial_at: Option<u8>,
    #[serde(flatten)]
    pub label: Label<'a>,
    pub latency_us: u64,
}

impl<'a> VerdictRecord<'a> {
    /// The record of `flow`, decided by the packet of `packet_ns` and enforced at `stands_ns` (both
    /// nanoseconds since the Unix epoch). A flow that is still undecided has none.
    pub fn new<F>(
        flow: &'a FlowEntry<F>,
        (packet_ns, stands_ns): (u64, u64),
        origin: Origin<'a>,
        names: &'a Names,
        rule: Option<&'a str>,
    ) -> Option<Self> {
        Some(Self {
            kind: "verdict",
            time: Time(stands_ns),
            ends: Ends::new(flow, origin),
            inspected: flow.inspected,
            partial_at: (flow.partial_at > 0).then_some(flow.partial_at),
            label: Label::new(flow, origin, names, rule)?,
            latency_us: stands_ns.saturating_sub(packet_ns) / 1000,
        })
    }
}

impl fmt::Display for VerdictRecord<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { ends, label, inspected, .. } = self;
        let time = jiff::Timestamp::from_nanosecond(i128::from(self.time.0)).unwrap_or_default();
        let (src, dst) =
            (SocketAddr::new(ends.src, ends.sport), SocketAddr::new(ends.dst, ends.dport));
        let action = label.action.unwrap_or("-");
        write!(f, "{time:.0} {action:<6} {:<20} {src} > {dst}", label.app)?;
        if let Some(hostname) = label.hostname {
            write!(f, " {hostname}")?;
        }
        write!(f, " after {inspected} packets")?;
        if let Some(by) = label.decided_by {
            write!(f, " by its {}", by.replace('-', " "))?;
        }
        label.rule.map_or(Ok(()), |rule| write!(f, ", rule \"{rule}\""))
    }
}
