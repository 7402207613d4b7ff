//! What becomes of decided and finished flows: records and sums.

use std::collections::{BTreeMap, HashMap};
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use ndpi::Classification;
use serde::Serialize;

use super::arguments::Format;
use super::job::Job;
use crate::classify::{End, Moment, Sink};
use crate::flow::{Details, FlowEntry, FlowKey};
use crate::link::Outer;
use crate::policy::{Facts, Policy};
use crate::record::{Counters, FlowRecord, Origin};
use crate::report::{CaptureReport, Summary, write_csv};
use crate::sample::Sample;
use crate::verdict::Verdict;

/// The sink of one engine.
pub(super) struct FlowSink<'a> {
    job: &'a Job,
    /// The world's captures, by the `ifindex` of samples.
    captures: Vec<Arc<str>>,
    /// The tunnels of flows inside of one.
    outers: HashMap<FlowKey, Outer>,
    /// Records that nobody has fetched yet.
    pub(super) out: Vec<u8>,
    pub(super) summary: Summary,
}

impl<'a> FlowSink<'a> {
    pub(super) fn new(job: &'a Job, captures: Vec<Arc<str>>) -> Self {
        Self { job, captures, outers: HashMap::new(), out: Vec::new(), summary: Summary::default() }
    }

    /// Notes that a packet of the flow `key` came through a tunnel. The first one stays.
    pub(super) fn tunnelled(&mut self, key: FlowKey, outer: Outer) {
        self.outers.entry(key).or_insert(outer);
    }

    fn record<F>(&mut self, flow: &FlowEntry<F>, end: End, counters: Counters) {
        let job = self.job;
        let verdict = flow.decided().and_then(|decided| decided.verdict);
        let rule = verdict.and_then(|verdict| job.rule_name(verdict));
        let origin = Origin::Capture(&self.captures[flow.ifindex as usize]);
        let record = FlowRecord::new(flow, end, counters, origin, &job.names, rule);
        let tunnel = self.outers.remove(&flow.key);
        match record.map(|record| FlowRecord { tunnel, ..record }) {
            Some(record) if job.format == Format::Json => write_json(&record, &mut self.out),
            Some(record) => write_csv(&mut self.out, &record),
            None => {}
        }
    }
}

impl<F> Sink<F> for FlowSink<'_> {
    fn judge(
        &mut self,
        flow: &FlowEntry<F>,
        classification: &Classification,
        details: &Details,
        moment: Moment,
    ) -> Option<Verdict> {
        let policy = self.job.policy.as_ref()?;
        let facts = Facts::of(flow, classification, details, None, flow.last_seen_ns);
        policy.judge(&facts, moment)
    }

    fn judges_partial(&self) -> bool {
        self.job.policy.as_ref().is_some_and(Policy::acts_on_partial)
    }

    fn decided(&mut self, flow: &mut FlowEntry<F>, sample: &Sample) {
        let took = Duration::from_nanos(sample.time_ns.saturating_sub(flow.first_seen_ns));
        let capture = &self.captures[flow.ifindex as usize];
        self.summary.slowest.note(flow, took, capture);
    }

    fn finished(&mut self, flow: FlowEntry<F>, end: End) {
        let Some(decided) = flow.decided() else { return };
        let counters = counters(&flow, decided.verdict);
        self.summary.flow(&flow, end, counters);
        if self.job.format != Format::Text {
            self.record(&flow, end, counters);
        }
    }
}

/// The flow's counters, as they would have been with its verdict in force.
fn counters<F>(flow: &FlowEntry<F>, verdict: Option<Verdict>) -> Counters {
    let drops = verdict.is_some_and(|verdict| verdict.action.drops());
    let after = flow.packets.saturating_sub(flow.packets_before.into());
    let dropped = if drops { after } else { 0 };
    Counters { packets: flow.packets, bytes: flow.bytes, dropped }
}

fn write_json(record: &impl Serialize, out: &mut Vec<u8>) {
    // Records are made of texts and numbers, and memory takes them all.
    serde_json::to_writer(&mut *out, record).expect("records can be written as JSON");
    out.push(b'\n');
}

/// The record that ends a capture in JSON.
#[derive(Serialize)]
struct CaptureRecord<'a> {
    #[serde(rename = "type")]
    kind: &'static str,
    capture: &'a str,
    packets: u64,
    skipped: BTreeMap<&'a str, u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<&'a str>,
}

/// Appends the records of captures that were read, where the format has them.
pub(super) fn write_captures(job: &Job, captures: &[CaptureReport], out: &mut Vec<u8>) {
    for capture in captures.iter().filter(|_| job.format == Format::Json) {
        let record = CaptureRecord {
            kind: "capture",
            capture: &file_name(&capture.name),
            packets: capture.packets,
            skipped: capture.skips.iter().collect(),
            error: capture.error.as_deref(),
        };
        write_json(&record, out);
    }
}

/// What a capture is called in records: its name without its folder.
pub(super) fn file_name(path: &str) -> Arc<str> {
    let name = Path::new(path).file_name();
    name.map_or_else(|| path.into(), |name| name.to_string_lossy().into())
}
