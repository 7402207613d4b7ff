//! Writes down finished flows and captures, and sums them up.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;
use std::time::Duration;

use ndpi_capture::Others;
use ndpi_capture::link::Outer;
use ndpi_events::{Ends, Event, FlowEnded, Tunnel};
use ndpi_export::write_csv;
use ndpi_flow::{Blocklist, Captured, End, FlowEntry, FlowKey, RuleJudge, Sample, Tenant, Verdict};
use ndpi_policy::Policy;
use serde::Serialize;

use super::Format;
use crate::record::{Counters, Names, Origin, RecordMaker};
use crate::report::{CaptureReport, Summary};

/// What is recorded and how, the same for all captures of a command.
#[derive(Clone, Copy)]
pub(crate) struct Recording<'a> {
    pub(crate) format: Format,
    pub(crate) names: &'a Names,
    pub(crate) policy: Option<&'a Arc<Policy>>,
}

impl<'a> Recording<'a> {
    /// The name of the rule that decided a flow, or of the setting that did.
    pub(crate) fn rule_of<'f, F>(&'f self, flow: &'f FlowEntry<F>) -> Option<&'f str> {
        flow.rule(self.policy?)
    }

    /// The name of a rule of the policy, or of its default.
    pub(crate) fn rule_name(&self, verdict: Verdict) -> Option<&'a str> {
        Some(self.policy?.rule_name(verdict.rule_index()))
    }
}

/// Records of the flows of some captures that continue one another.
pub(crate) struct Recorder<'a> {
    pub(crate) recording: Recording<'a>,
    /// The captures, by the `ifindex` of samples.
    captures: Vec<Arc<str>>,
    /// The tunnels of flows inside of one.
    outers: HashMap<(FlowKey, Tenant), Outer>,
    /// Where verdicts come from.
    pub(crate) judge: RuleJudge,
    /// Records that nobody has fetched yet.
    pub(crate) out: Vec<u8>,
    pub(crate) summary: Summary,
}

impl<'a> Recorder<'a> {
    /// Of these captures; servers that are blocked go to `blocklist`.
    pub(crate) fn new(
        recording: Recording<'a>,
        captures: Vec<Arc<str>>,
        blocklist: impl Blocklist + 'static,
    ) -> Self {
        let (outers, summary) = (HashMap::new(), Summary::default());
        let judge = RuleJudge::of_captures(recording.policy.cloned(), blocklist, Captured);
        Self { recording, captures, outers, judge, out: Vec::new(), summary }
    }

    /// Notes that a packet of the flow `key` came through a tunnel, after it was classified: it may have
    /// ended another with that key. The first one stays.
    pub(crate) fn tunnelled(&mut self, key: FlowKey, tenant: Tenant, outer: Outer) {
        self.outers.entry((key, tenant)).or_insert(outer);
    }

    /// The tunnel that the first packet of a flow which is over came through.
    fn outer_of<F>(&mut self, flow: &FlowEntry<F>) -> Option<Outer> {
        let Some(tenants) = &flow.tenants else {
            return self.outers.remove(&(flow.key, Tenant::default()));
        };
        if let Some(back) = tenants.back.filter(|back| *back != tenants.first) {
            self.outers.remove(&(flow.key, back));
        }
        self.outers.remove(&(flow.key, tenants.first))
    }

    /// Notes how long a flow took to classify, and what its server is; `sample` completed it.
    pub(crate) fn decided<F>(&mut self, flow: &FlowEntry<F>, sample: &Sample) {
        self.judge.remember(flow, sample.time_ns);
        let took = Duration::from_nanos(sample.time_ns.saturating_sub(flow.first_seen_ns));
        let capture = &self.captures[flow.ifindex as usize];
        self.summary.slowest.note(flow, took, capture);
    }

    /// Writes down a flow that is over.
    pub(crate) fn finished<F>(&mut self, flow: &FlowEntry<F>, end: End, counters: Counters) {
        self.summary.flow(flow, end, counters);
        let tunnel = self.outer_of(flow);
        let Recording { format, names, .. } = self.recording;
        if format == Format::Text {
            return;
        }
        let rule = self.recording.rule_of(flow);
        let origin = Origin::Capture(&self.captures[flow.ifindex as usize]);
        let maker = RecordMaker { names, origin, rule, session: None };
        let Some(ended) = maker.ended(flow, end, counters) else { return };
        let ended = match tunnel.map(tunnel_of).map(Box::new) {
            None => ended,
            tunnel => FlowEnded { ends: Ends { tunnel, ..ended.ends }, ..ended },
        };
        match format {
            Format::Csv => write_csv(&Event::FlowEnded(ended), &mut self.out),
            _ => write_json(&Event::FlowEnded(ended), &mut self.out),
        }
    }
}

fn tunnel_of(Outer { kind, tenant, outer_tenant, src, dst }: Outer) -> Tunnel {
    Tunnel { kind: Some(kind.into()), tenant, outer_tenant, src: Some(src), dst: Some(dst) }
}

/// Appends a record and ends its line.
pub(crate) fn write_json(record: &impl Serialize, out: &mut Vec<u8>) {
    // Records are made of texts and numbers, and memory takes them all.
    serde_json::to_writer(&mut *out, record).expect("records can be written as JSON");
    out.push(b'\n');
}

/// The record that ends a capture in JSON.
#[derive(Serialize)]
struct CaptureRecord<'a, M> {
    #[serde(rename = "type")]
    kind: &'static str,
    capture: &'a str,
    packets: u64,
    skipped: BTreeMap<&'a str, u64>,
    #[serde(flatten)]
    more: M,
    #[serde(skip_serializing_if = "Option::is_none")]
    others: Option<Others>,
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<&'a str>,
}

/// The record of a capture that was read, with the fields of `more`.
pub(crate) fn capture_record<'a>(
    capture: &'a CaptureReport,
    more: impl Serialize + 'a,
) -> impl Serialize + 'a {
    CaptureRecord {
        kind: "capture",
        capture: &capture.short,
        packets: capture.packets,
        skipped: capture.skips.iter().collect(),
        more,
        others: Some(capture.others).filter(|others| others.count > 0),
        error: capture.error.as_deref(),
    }
}
