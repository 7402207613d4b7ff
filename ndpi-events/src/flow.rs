//! Events about flows.

use std::net::IpAddr;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::{Time, Word};

/// Where a flow was seen, and between whom.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[expect(missing_docs, reason = "the fields are explained in docs/records.md")]
pub struct Ends {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub capture: Option<Arc<str>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub iface: Option<Arc<str>>,
    pub vlan: u16,
    pub proto: u8,
    pub src: IpAddr,
    pub sport: u16,
    pub dst: IpAddr,
    pub dport: u16,
}

/// What nDPI and the policy said of a flow.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[expect(missing_docs, reason = "the fields are explained in docs/records.md")]
pub struct Label {
    pub state: Word,
    pub app: Arc<str>,
    pub app_id: u16,
    pub master_id: u16,
    pub category: Arc<str>,
    pub confidence: Word,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub hostname: Option<Box<str>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ja4: Option<Box<str>>,
    pub risks: Vec<Arc<str>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub action: Option<Word>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rule: Option<Arc<str>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub decided_by: Option<Word>,
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub incomplete: bool,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub findings: Vec<Word>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub breed: Option<Arc<str>>,
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub guessed: bool,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub risk_score: Option<u16>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub alpn: Option<Box<str>>,
}

/// The tunnel that a flow's first packet came through.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[expect(missing_docs, reason = "the fields are explained in docs/records.md")]
pub struct Tunnel {
    pub kind: Word,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tenant: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub outer_tenant: Option<u32>,
    pub src: IpAddr,
    pub dst: IpAddr,
}

/// A flow was decided, and its verdict stands.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[expect(missing_docs, reason = "the fields are explained in docs/records.md")]
pub struct Decided {
    pub time: Time,
    #[serde(flatten)]
    pub ends: Ends,
    pub inspected: u16,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub partial_at: Option<u8>,
    #[serde(flatten)]
    pub label: Label,
    pub latency_us: u64,
}

/// Something else holds of a decided flow that goes on.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct FlowUpdated {
    /// When.
    pub time: Time,
    /// Which flow.
    #[serde(flatten)]
    pub ends: Ends,
    /// Packets that were given to nDPI.
    pub inspected: u16,
    /// What holds of it now.
    #[serde(flatten)]
    pub label: Label,
    /// What it is about: `rejudged`, by another policy, which says otherwise.
    pub why: Word,
    /// The action until now; absent where it had none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub previous_action: Option<Word>,
}

/// A flow is over.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[expect(missing_docs, reason = "the fields are explained in docs/records.md")]
pub struct FlowEnded {
    #[serde(flatten)]
    pub ends: Ends,
    pub packets: u64,
    pub bytes: u64,
    pub inspected: u16,
    #[serde(flatten)]
    pub label: Label,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub leaked: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub dropped: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tunnel: Option<Tunnel>,
    pub first_seen: Time,
    pub last_seen: Time,
    pub end: Word,
    #[serde(default)]
    pub duration_us: u64,
}
