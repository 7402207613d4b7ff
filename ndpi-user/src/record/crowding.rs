//! The record of a table that has no room.

use serde::Serialize;

use super::Time;

/// A `status` record: a table has no room for more (`crowded`), or has some again (`eased`).
#[derive(Debug, Serialize)]
#[expect(missing_docs, reason = "the fields are explained in docs/records.md")]
pub struct CrowdingRecord {
    #[serde(rename = "type")]
    pub kind: &'static str,
    pub state: &'static str,
    pub time: Time,
    pub table: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub pool: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub share: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub client: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub displaced: Option<u64>,
}
