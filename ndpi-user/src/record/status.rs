//! The record of what runs.

use serde::Serialize;

use super::Time;

/// One `status` record: written when the programs are attached and packets are being looked at.
#[derive(Debug, Serialize)]
#[expect(missing_docs, reason = "the fields are explained in docs/records.md")]
pub struct StatusRecord<'a> {
    #[serde(rename = "type")]
    pub kind: &'static str,
    pub state: &'static str,
    pub time: Time,
    pub version: &'static str,
    pub ndpi: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub policy: Option<String>,
    pub attached: Vec<Attached<'a>>,
}

/// Where the programs of one interface are.
#[derive(Debug, Serialize)]
#[expect(missing_docs, reason = "the fields are explained in docs/records.md")]
pub struct Attached<'a> {
    pub iface: &'a str,
    pub ifindex: u32,
    pub ingress: &'static str,
    pub egress: &'static str,
}

impl<'a> StatusRecord<'a> {
    /// The record of a session that begins at `now`.
    pub fn running(
        now: Time,
        ndpi: String,
        policy: Option<String>,
        attached: Vec<Attached<'a>>,
    ) -> Self {
        let version = env!("CARGO_PKG_VERSION");
        Self { kind: "status", state: "running", time: now, version, ndpi, policy, attached }
    }
}
