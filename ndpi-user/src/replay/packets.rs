//! Records of a packet.

use std::fmt;
use std::net::SocketAddr;

use ndpi_capture::link::Skip;
use ndpi_events::Ends;
use serde::Serialize;

use super::counted::Counted;
use super::pipeline::RunResult;
use super::sink::Decision;
use crate::captures::{Format, write_json};
use crate::record::{Time, ends_of};
use crate::report::units::carrier;

/// The result of a packet.
pub(super) struct PacketResult {
    pub(super) seen: RunResult,
    pub(super) counted: Counted,
    /// What it decided.
    pub(super) decision: Option<Decision>,
}

/// One `packet` record. The fields are explained in docs/records.md.
#[derive(Debug, Serialize)]
struct PacketRecord<'a> {
    #[serde(rename = "type")]
    kind: &'static str,
    capture: &'a str,
    number: u64,
    time: Time,
    #[serde(flatten)]
    ends: Option<Ends>,
    #[serde(flatten)]
    answer: Option<Answer>,
    #[serde(skip_serializing_if = "Option::is_none")]
    decided: Option<Decision>,
    #[serde(skip_serializing_if = "Option::is_none")]
    skipped: Option<String>,
}

/// What the kernel said.
#[derive(Clone, Copy, Debug, Serialize)]
struct Answer {
    bytes: u64,
    action: &'static str,
    reason: &'static str,
    shown: bool,
}

/// Appends the outcome of the packet `number` of a capture, seen at `time_ns`; or why it was not
/// run.
pub(super) fn write(
    out: &mut Vec<u8>,
    format: Format,
    capture: &str,
    (number, time_ns): (u64, u64),
    result: Result<PacketResult, Skip>,
) {
    let record = PacketRecord::new(capture, number, time_ns, result);
    match format {
        Format::Json => write_json(&record, out),
        Format::Text | Format::Csv => out.extend(format!("{record}\n").into_bytes()),
    }
}

impl<'a> PacketRecord<'a> {
    fn new(
        capture: &'a str,
        number: u64,
        time_ns: u64,
        result: Result<PacketResult, Skip>,
    ) -> Self {
        let (result, skipped) = match result {
            Ok(result) => (Some(result), None),
            Err(skip) => (None, Some(skip.to_string())),
        };
        let answer = result.as_ref().map(|result| Answer {
            bytes: result.counted.bytes,
            action: result.seen.action.name(),
            reason: result.counted.reason.name(),
            shown: result.seen.shown,
        });
        let ends = result.as_ref().and_then(|result| result.seen.flow);
        let ends = ends.map(|(key, direction)| ends_of(&key, direction));
        let decided = result.and_then(|result| result.decision);
        let time = Time::from_ns(time_ns);
        Self { kind: "packet", capture, number, time, ends, answer, decided, skipped }
    }
}

impl fmt::Display for PacketRecord<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:>7} {} ", self.number, self.time)?;
        match (&self.answer, &self.skipped) {
            (Some(Answer { action, reason, shown, .. }), _) => {
                let shown = if *shown { "shown" } else { "-" };
                write!(f, "{action:<4} {reason:<19} {shown:<5}")?;
            }
            (None, skipped) => {
                write!(f, "not run: {}", skipped.as_deref().unwrap_or_default())?;
            }
        }
        if let Some(Ends { proto, src, sport, dst, dport, .. }) = &self.ends {
            let (src, dst) = (SocketAddr::new(*src, *sport), SocketAddr::new(*dst, *dport));
            write!(f, " {} {src} > {dst}", carrier(*proto))?;
        }
        let Some(Decision { app, category, action, rule }) = &self.decided else { return Ok(()) };
        write!(f, " = {app}, {category}")?;
        match (action, rule) {
            (Some(action), Some(rule)) => write!(f, ": {action} by \"{rule}\""),
            _ => Ok(()),
        }
    }
}
