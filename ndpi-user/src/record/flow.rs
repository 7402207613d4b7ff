//! The record of a finished flow.

use std::borrow::Cow;
use std::net::IpAddr;

use serde::Serialize;

use super::{Names, Time};
use crate::classify::End;
use crate::flow::FlowEntry;

/// Where a flow was seen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Origin<'a> {
    /// In a capture, by the file's name. Its records have `hostname` and `ja4` even where they are
    /// empty, so that two outputs compare field by field.
    Capture(&'a str),
    /// On an interface.
    Interface(&'a str),
}

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
#[derive(Debug, Serialize)]
#[expect(missing_docs, reason = "the fields are explained in docs/records.md")]
pub struct FlowRecord<'a> {
    #[serde(rename = "type")]
    pub kind: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub capture: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub iface: Option<&'a str>,
    pub vlan: u16,
    pub proto: u8,
    pub src: IpAddr,
    pub sport: u16,
    pub dst: IpAddr,
    pub dport: u16,
    pub packets: u64,
    pub bytes: u64,
    pub inspected: u16,
    pub state: &'static str,
    pub app: Cow<'a, str>,
    pub app_id: u16,
    pub master_id: u16,
    pub category: &'a str,
    pub confidence: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub hostname: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ja4: Option<&'a str>,
    pub risks: Vec<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub action: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rule: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub leaked: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub dropped: Option<u64>,
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
        let classification = &decided.classification;
        let ((src, sport), (dst, dport)) = flow.endpoints();
        let (capture, iface) = match origin {
            Origin::Capture(name) => (Some(name), None),
            Origin::Interface(name) => (None, Some(name)),
        };
        let text = |text: Option<&'a str>| text.or(capture.map(|_| ""));
        let blocked = decided.verdict.is_some_and(|verdict| verdict.action.blocks());
        Some(Self {
            kind: "flow",
            capture,
            iface,
            vlan: flow.key.vlan(),
            proto: flow.key.proto(),
            src,
            sport,
            dst,
            dport,
            packets: counters.packets,
            bytes: counters.bytes,
            inspected: flow.inspected,
            state: classification.state.name(),
            app: names.app(classification.app),
            app_id: classification.app.app,
            master_id: classification.app.master,
            category: names.category(classification.category),
            confidence: names.confidence(classification.confidence),
            hostname: text(decided.details.hostname()),
            ja4: text(decided.details.ja4()),
            risks: names.risks(classification.risks).collect(),
            action: decided.verdict.map(|verdict| verdict.action.name()),
            rule,
            leaked: blocked.then(|| counters.packets - counters.dropped),
            dropped: blocked.then_some(counters.dropped),
            first_seen: Time(flow.first_seen_ns),
            last_seen: Time(flow.last_seen_ns),
            end: end.name(),
        })
    }
}
