//! Events about flows.

use std::net::IpAddr;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::{Mac, Time, Word, is_zero};

/// Where a flow was seen, and between whom.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[expect(missing_docs, reason = "the fields are explained in docs/records.md")]
pub struct Ends {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub capture: Option<Arc<str>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub iface: Option<Arc<str>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub instance: Option<Arc<str>>,
    pub vlan: u16,
    pub proto: u8,
    pub src: IpAddr,
    pub sport: u16,
    pub dst: IpAddr,
    pub dport: u16,
    #[serde(default, skip_serializing_if = "is_zero")]
    pub tunnels: u8,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tunnel: Option<Box<Tunnel>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub src_mac: Option<Mac>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub dst_mac: Option<Mac>,
}

/// What nDPI and the policy said of a flow. By default nothing.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[expect(missing_docs, reason = "the fields are explained in docs/records.md")]
#[expect(clippy::struct_excessive_bools, reason = "each is a field of the record")]
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
    #[serde(flatten)]
    pub content: Content,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub revision: Option<u32>,
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub dry_run: bool,
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub adopted: bool,
}

impl Label {
    /// Whether the policy drops its packets.
    pub fn is_blocked(&self) -> bool {
        matches!(self.action.as_deref(), Some("drop" | "reject"))
    }

    /// The carrier and the application, where one carries the other.
    pub fn apps(&self) -> (&str, Option<&str>) {
        self.app.split_once('.').map_or((&*self.app, None), |(carrier, app)| (carrier, Some(app)))
    }
}

/// What the packets of a flow said.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
#[expect(missing_docs, reason = "the fields are explained in docs/records.md")]
pub struct Content {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tcp_fingerprint: Option<Box<str>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tcp_os: Option<Box<str>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tls_version: Option<Box<str>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tls_cipher: Option<Box<str>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tls_subject: Option<Box<str>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tls_issuer: Option<Box<str>>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub tls_names: Vec<Box<str>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub http_method: Option<Box<str>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub http_url: Option<Box<str>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub http_user_agent: Option<Box<str>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub http_status: Option<u16>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub dns_query: Option<Box<str>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub dns_type: Option<u16>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub dns_code: Option<u16>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub dns_answers: Vec<IpAddr>,
}

/// The tunnel that a flow is inside of, as far as it is known; in captures, that of its first packet.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[expect(missing_docs, reason = "the fields are explained in docs/records.md")]
pub struct Tunnel {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub kind: Option<Word>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tenant: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub outer_tenant: Option<u32>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub src: Option<IpAddr>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub dst: Option<IpAddr>,
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

/// How much crossed of a flow; with packets that were dropped.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[expect(missing_docs, reason = "the fields are explained in docs/records.md")]
pub struct Crossed {
    pub packets_to_server: u64,
    pub bytes_to_server: u64,
    pub packets_to_client: u64,
    pub bytes_to_client: u64,
    #[serde(default, skip_serializing_if = "crate::is_zero")]
    pub dropped: u64,
}

/// A decided flow goes on, and was not reported of for a while.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[expect(missing_docs, reason = "the fields are explained in docs/records.md")]
pub struct FlowActive {
    pub time: Time,
    #[serde(flatten)]
    pub ends: Ends,
    pub packets: u64,
    pub bytes: u64,
    pub packets_to_server: u64,
    pub bytes_to_server: u64,
    pub packets_to_client: u64,
    pub bytes_to_client: u64,
    pub inspected: u16,
    #[serde(flatten)]
    pub label: Label,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub dropped: Option<u64>,
    pub first_seen: Time,
    pub last_seen: Time,
    pub duration_us: u64,
    pub part: u32,
    pub delta: Crossed,
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
    pub first_seen: Time,
    pub last_seen: Time,
    pub end: Word,
    #[serde(default)]
    pub duration_us: u64,
    #[serde(default)]
    pub packets_to_server: u64,
    #[serde(default)]
    pub bytes_to_server: u64,
    #[serde(default)]
    pub packets_to_client: u64,
    #[serde(default)]
    pub bytes_to_client: u64,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub part: Option<u32>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub delta: Option<Crossed>,
}
