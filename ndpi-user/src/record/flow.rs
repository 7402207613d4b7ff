//! The record of a finished flow.

use ndpi_capture::link::Outer;
use ndpi_flow::{Action, End, FlowEntry};
use serde::Serialize;

use super::{Ends, Label, Names, Origin, Time};

/// How much crossed, over the whole life of the flow.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counters {
    /// Packets in both directions.
    pub packets: u64,
    /// Their bytes, from the IP header on.
    pub bytes: u64,
    /// Packets that were dropped by the verdict.
    pub dropped: u64,
}

/// One `flow` record: what is known of a flow when it is over. The fields are those of the design.
/// A record is made without its `tunnel`, which only the source of the packets knows.
#[derive(Debug, Serialize)]
#[expect(missing_docs, reason = "the fields are explained in docs/records.md")]
pub struct FlowRecord<'a> {
    #[serde(rename = "type")]
    pub kind: &'static str,
    #[serde(flatten)]
    pub ends: Ends<'a>,
    pub packets: u64,
    pub bytes: u64,
    pub inspected: u16,
    #[serde(flatten)]
    pub label: Label<'a>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub leaked: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub dropped: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tunnel: Option<Outer>,
    pub first_seen: Time,
    pub last_seen: Time,
    pub end: &'static str,
}

impl<'a> FlowRecord<'a> {
    /// The record of `flow`, whose rule has the name `rule`. A flow that is still undecided has
    /// none.
    pub fn new<F>(
        flow: &'a FlowEntry<F>,
        end: End,
        counters: Counters,
        origin: Origin<'a>,
        names: &'a Names,
        rule: Option<&'a str>,
    ) -> Option<Self> {
        let decided = flow.decided()?;
        let action = decided.verdict.map(|verdict| verdict.action);
        let blocked = action.is_some_and(Action::drops);
        let limited = action == Some(Action::Limit);
        Some(Self {
            kind: "flow",
            ends: Ends::new(flow, origin),
            packets: counters.packets,
            bytes: counters.bytes,
            inspected: flow.inspected,
            label: Label::new(flow, origin, names, rule)?,
            leaked: blocked.then(|| {
                counters.packets.saturating_sub(counters.dropped).saturating_sub(flow.allowed.0)
            }),
            dropped: (blocked || limited).then_some(counters.dropped),
            tunnel: None,
            first_seen: Time(flow.first_seen_ns),
            last_seen: Time(flow.last_seen_ns),
            end: end.name(),
        })
    }
}
