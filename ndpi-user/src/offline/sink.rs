//! Decided and finished flows become records and sums.

use std::sync::Arc;

use ndpi_flow::{End, FlowEntry, Judge, NoBlocklist, Sample, Sink, Verdict};
use serde::Serialize;

use super::job::Job;
use crate::captures::{Format, Recorder, Recording, capture_record, write_json};
use crate::record::Counters;
use crate::report::CaptureReport;

/// The sink of one engine.
pub(super) struct FlowSink<'a> {
    pub(super) recorder: Recorder<'a>,
}

impl<'a> FlowSink<'a> {
    pub(super) fn new(recording: Recording<'a>, captures: Vec<Arc<str>>) -> Self {
        Self { recorder: Recorder::new(recording, captures, NoBlocklist) }
    }
}

impl<F> Sink<F> for FlowSink<'_> {
    fn rules(&mut self) -> &mut impl Judge<F> {
        &mut self.recorder.judge
    }

    fn decided(&mut self, flow: &mut FlowEntry<F>, sample: &Sample) {
        self.recorder.decided(flow, sample);
    }

    fn decided_again(&mut self, flow: &mut FlowEntry<F>, _: Option<Verdict>, _: &Sample) {
        // What passed until now did so by what was asked for then: it has not leaked.
        let seen = flow.traffic.total();
        flow.allow(seen.packets, seen.bytes);
        flow.begin_verdict();
    }

    fn finished(&mut self, flow: FlowEntry<F>, end: End) {
        let Some(decided) = flow.decided() else { return };
        let counters = counters(&flow, decided.verdict);
        self.recorder.finished(&flow, end, counters);
    }
}

/// The flow's counters, as they would have been with its verdict in force.
fn counters<F>(flow: &FlowEntry<F>, verdict: Option<Verdict>) -> Counters {
    let drops = verdict.is_some_and(|verdict| verdict.action.drops());
    let after = flow.packets().saturating_sub(flow.packets_before.into());
    let dropped = if drops { after } else { 0 };
    Counters::new(flow.traffic, flow.client, dropped)
}

/// Nothing more is said of a capture.
#[derive(Serialize)]
struct Nothing {}

/// Appends the records of captures that were read, where the format has them.
pub(super) fn write_captures(job: &Job, captures: &[CaptureReport], out: &mut Vec<u8>) {
    for capture in captures.iter().filter(|_| job.format == Format::Json) {
        write_json(&capture_record(capture, Nothing {}), out);
    }
}
