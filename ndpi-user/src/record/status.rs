//! The record of what runs.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::time::Duration;

use ndpi_text::clean;
use serde::Serialize;

use super::Time;
use crate::interfaces::Event;

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
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ingress: Option<&'static str>,
    pub egress: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub peer: Option<&'a str>,
}

/// A `status` record about one interface: the programs are off it or on it again, or it has another
/// name.
#[derive(Debug, Serialize)]
#[expect(missing_docs, reason = "the fields are explained in docs/records.md")]
pub struct InterfaceRecord<'a> {
    #[serde(rename = "type")]
    pub kind: &'static str,
    pub state: &'static str,
    pub time: Time,
    pub iface: Cow<'a, str>,
    pub ifindex: u32,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub why: Option<&'static str>,
    pub text: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub attached: Option<Attached<'a>>,
}

impl<'a> InterfaceRecord<'a> {
    /// The record of what happened at `now`; `attached` says how the programs are on it, where they are.
    pub fn new(now: Time, event: &'a Event, attached: Option<Attached<'a>>) -> Self {
        Self {
            kind: "status",
            state: event.state(),
            time: now,
            iface: clean(event.name()),
            ifindex: event.index(),
            why: event.why(),
            text: clean(&event.to_string()).into_owned(),
            attached,
        }
    }
}

/// The `status` record that ends a session: written when the programs are detached.
#[derive(Debug, Serialize)]
#[expect(missing_docs, reason = "the fields are explained in docs/records.md")]
pub struct StoppedRecord {
    #[serde(rename = "type")]
    pub kind: &'static str,
    pub state: &'static str,
    pub time: Time,
    pub seen: u64,
    pub passed: u64,
    pub dropped: u64,
    pub redirected: u64,
    #[serde(skip_serializing_if = "is_zero")]
    pub lost_frames: u64,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub ring_full: Vec<RingFull>,
    #[serde(skip_serializing_if = "is_zero")]
    pub left_out: u64,
    #[serde(skip_serializing_if = "is_zero")]
    pub queue_full: u64,
    #[serde(skip_serializing_if = "is_zero")]
    pub lost_records: u64,
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub time_to_verdict: BTreeMap<&'static str, TimesRecord>,
}

/// How long one stage of decisions took.
#[derive(Debug, Serialize)]
#[expect(missing_docs, reason = "the fields are explained in docs/records.md")]
pub struct TimesRecord {
    pub count: u64,
    pub p50_us: f64,
    pub p90_us: f64,
    pub p99_us: f64,
    pub max_us: f64,
}

impl TimesRecord {
    /// The record of `count` decisions, half of which, nine tenths, and 99 of 100 took no longer than
    /// `shares`.
    pub fn new(count: u64, shares: [Duration; 3], longest: Duration) -> Self {
        // To a tenth of a microsecond.
        let micros = |it: Duration| (it.as_secs_f64() * 1e7).round() / 10.0;
        let [p50_us, p90_us, p99_us] = shares.map(micros);
        Self { count, p50_us, p90_us, p99_us, max_us: micros(longest) }
    }
}

/// A `status` record of a time in which classification does not keep up: when it begins, and when it
/// is over.
#[derive(Debug, Serialize)]
#[expect(missing_docs, reason = "the fields are explained in docs/records.md")]
pub struct StrainRecord {
    #[serde(rename = "type")]
    pub kind: &'static str,
    pub state: &'static str,
    pub time: Time,
    pub longest_us: u64,
    pub left_out: u64,
    #[serde(skip_serializing_if = "is_zero")]
    pub queue_full: u64,
}

impl StrainRecord {
    /// The record of `state`, `behind` or `caught-up`: the longest that a packet took to be looked at,
    /// how many were left out, and how many were lost as their worker took none.
    pub fn new(
        state: &'static str,
        time: Time,
        longest_us: u64,
        (left_out, queue_full): (u64, u64),
    ) -> Self {
        Self { kind: "status", state, time, longest_us, left_out, queue_full }
    }
}

/// Packets that one CPU could not show.
#[derive(Debug, Serialize)]
#[expect(missing_docs, reason = "the fields are explained in docs/records.md")]
pub struct RingFull {
    pub cpu: usize,
    pub packets: u64,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde passes it so")]
fn is_zero(number: &u64) -> bool {
    *number == 0
}

impl StoppedRecord {
    /// The record of a session that ended at `now`: packets seen, how many of them passed, were
    /// dropped and were redirected, how many of the last were lost, packets that nDPI was not given
    /// because a ring was full, by CPU, because it was behind, or because a worker's queue was full, and
    /// records that were lost.
    pub fn new(
        now: Time,
        seen: u64,
        left: [u64; 3],
        lost_frames: u64,
        (ring_full, left_out, queue_full): (Vec<RingFull>, u64, u64),
        lost_records: u64,
    ) -> Self {
        let [passed, dropped, redirected] = left;
        Self {
            kind: "status",
            state: "stopped",
            time: now,
            seen,
            passed,
            dropped,
            redirected,
            lost_frames,
            ring_full,
            left_out,
            queue_full,
            lost_records,
            time_to_verdict: BTreeMap::new(),
        }
    }

    /// The same with how long decisions took, by stage.
    #[must_use]
    pub fn with_times(self, time_to_verdict: BTreeMap<&'static str, TimesRecord>) -> Self {
        Self { time_to_verdict, ..self }
    }
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
