//! The record of others that see packets at egress first.

use serde::Serialize;

use super::Time;

/// A `status` record: others are before us at an interface's egress (`egress-behind`), most of what left
/// there was not seen (`egress-blind`), nobody is before us any more (`egress-first`).
#[derive(Debug, Serialize)]
#[expect(missing_docs, reason = "the fields are explained in docs/records.md")]
pub struct PrecedenceRecord<'a> {
    #[serde(rename = "type")]
    pub kind: &'static str,
    pub state: &'static str,
    pub time: Time,
    pub iface: &'a str,
    pub ifindex: u32,
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    pub before: &'a [String],
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sent: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub seen: Option<u64>,
}
