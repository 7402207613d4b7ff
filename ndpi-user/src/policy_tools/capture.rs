//! The flows of a capture, explained as they are decided.

use std::path::Path;
use std::sync::Arc;

use anyhow::Result;
use ndpi::Engine;
use ndpi_capture::Capture;
use ndpi_capture::link::{self, Tunnels};
use ndpi_flow::{
    Accounting, Classifier, Deferring, End, FlowEntry, Judge, Moment, NoBlocklist, RuleJudge,
    Sample, Scene, Settings, Sink, Timeouts, Verdict,
};
use ndpi_policy::{Facts, Policy};

use super::explainer::Explainer;
use crate::captures::{Stop, name, sample, tell_unread};
use crate::report::CaptureReport;
use crate::stdout::print;

/// Most flows kept at a time, as in `ndpi-xdp pcap`.
const MAX_FLOWS: usize = 1_000_000;
/// Explanations are printed in pieces of this size.
const OUTPUT_STEP: usize = 64 << 10;

/// Prints an explanation of every flow of a capture, in the order of the decisions, and on standard
/// error what could not be explained; whether anything could be read.
pub(super) fn explain(
    path: &Path,
    (policy, explainer): (&Arc<Policy>, &Explainer<'_>),
    engine: &Engine,
    stop: &Stop,
) -> Result<bool> {
    let settings = Settings {
        timeouts: Some(Timeouts::default()),
        accounting: Accounting::Classifier,
        max_flows: MAX_FLOWS,
        normalise: true,
    };
    let explained = Explained { explainer, text: String::new(), flows: 0 };
    let policy = Some(Arc::clone(policy));
    let mut sink = ExplainSink { judge: RuleJudge::of_captures(policy, NoBlocklist, explained) };
    let mut classifier = Classifier::new(Deferring(engine), settings);
    let mut report = CaptureReport { name: name(path), ..CaptureReport::default() };
    let mut capture = match Capture::open_until(path, Some(stop.shared())) {
        Err(_) if stop.signal().is_some() => return Ok(true),
        capture => capture?,
    };
    while stop.signal().is_none() {
        let packet = match capture.next_packet() {
            // A stream ends where it is, perhaps inside of a packet.
            Ok(None) | Err(_) if stop.has_come() => break,
            packet => packet?,
        };
        let Some(packet) = packet else { break };
        let now_ns = packet.time_ns;
        report.packet(packet.time_ns);
        for packet in link::packets(&packet) {
            match sample(&packet, &Tunnels::all(false)) {
                Ok(sample) => {
                    report.read += 1;
                    classifier.sample(&sample, &mut sink);
                }
                Err(skip) => report.skips.count(skip),
            }
        }
        classifier.expire(now_ns, 1, &mut sink);
        if sink.judge.scene.text.len() >= OUTPUT_STEP {
            print(&sink.judge.scene.text)?;
            sink.judge.scene.text.clear();
        }
    }
    classifier.end_all(&mut sink);
    print(&sink.judge.scene.text)?;
    let nothing = tell_unread(&report);
    if !nothing && sink.judge.scene.flows == 0 {
        tell_no_flow(&report);
    }
    Ok(!nothing)
}

/// Says why there is no flow in a capture that could be read.
fn tell_no_flow(report: &CaptureReport) {
    let reasons: Vec<_> =
        report.skips.iter().map(|(reason, packets)| format!("{packets} {reason}")).collect();
    let reasons =
        if reasons.is_empty() { String::new() } else { format!(": {}", reasons.join(", ")) };
    log::warn!("{}: no flow in {} packets{reasons}", report.name, report.packets);
}

/// Has flows judged, and takes no decision any further.
struct ExplainSink<'a> {
    judge: RuleJudge<Explained<'a>>,
}

/// Writes an explanation for each flow that is decided.
struct Explained<'a> {
    explainer: &'a Explainer<'a>,
    text: String,
    /// How many flows were explained.
    flows: u64,
}

impl Scene for Explained<'_> {
    fn judge(
        &mut self,
        facts: &Facts<'_>,
        moment: Moment,
        decide: impl FnOnce() -> Option<Verdict>,
    ) -> Option<Verdict> {
        let verdict = decide()?;
        self.flows += 1;
        self.text += &self.explainer.explain(facts, moment);
        Some(verdict)
    }
}

impl<F> Sink<F> for ExplainSink<'_> {
    fn rules(&mut self) -> &mut impl Judge<F> {
        &mut self.judge
    }

    fn decided(&mut self, flow: &mut FlowEntry<F>, sample: &Sample) {
        self.judge.remember(flow, sample.time_ns);
    }

    fn finished(&mut self, _flow: FlowEntry<F>, _end: End) {}
}
