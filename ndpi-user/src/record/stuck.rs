//! The record of a worker that does not go on.

use serde::Serialize;

use super::Time;

/// A `status` record: a worker is stuck (`worker-stuck`), or goes on (`worker-resumed`).
#[derive(Debug, Serialize)]
#[expect(missing_docs, reason = "the fields are explained in docs/records.md")]
pub struct StuckRecord {
    #[serde(rename = "type")]
    pub kind: &'static str,
    pub state: &'static str,
    pub time: Time,
    pub worker: usize,
    pub seconds: u64,
}

impl StuckRecord {
    /// The record of `state`: the worker's number, and for how many seconds it was at one message.
    pub fn new(state: &'static str, time: Time, worker: usize, seconds: u64) -> Self {
        Self { kind: "status", state, time, worker, seconds }
    }
}
