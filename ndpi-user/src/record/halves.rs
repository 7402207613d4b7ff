//! The record of an interface on which flows are seen in one direction only.

use serde::Serialize;

use super::Time;

/// A `status` record: most connections of an interface are seen in one direction only (`one-directional`),
/// or in both again (`both-directions`).
#[derive(Debug, Serialize)]
#[expect(missing_docs, reason = "the fields are explained in docs/records.md")]
pub struct HalvesRecord<'a> {
    #[serde(rename = "type")]
    pub kind: &'static str,
    pub state: &'static str,
    pub time: Time,
    pub iface: &'a str,
    pub flows: u64,
    pub halves: u64,
}
