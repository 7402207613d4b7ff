//! The flows of a capture, explained as they are decided.

use std::path::Path;

use anyhow::Result;
use ndpi::{Classification, Engine};
use ndpi_capture::Capture;
use ndpi_capture::link::{self, Tunnels};
use ndpi_flow::{
    Announcement, Claim, Classifier, Details, End, FlowEntry, Judge, Keeper, Memory, Moment,
    Sample, Settings, Sink, Timeouts, Verdict, judge, lesson,
};

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
    explainer: &Explainer,
    engine: &Engine,
    stop: &Stop,
) -> Result<bool> {
    let settings = Settings {
        timeouts: Some(Timeouts::default()),
        keeper: Keeper::Classifier,
        max_flows: MAX_FLOWS,
    };
    let mut sink = ExplainSink(ExplainJudge {
        explainer,
        memory: Memory::default(),
        text: String::new(),
        explained: 0,
    });
    let mut classifier = Classifier::new(engine, settings);
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
        if sink.0.text.len() >= OUTPUT_STEP {
            print(&sink.0.text)?;
            sink.0.text.clear();
        }
    }
    classifier.end_all(&mut sink);
    print(&sink.0.text)?;
    let nothing = tell_unread(&report);
    if !nothing && sink.0.explained == 0 {
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

/// Explains each flow that is to be judged.
struct ExplainJudge<'a> {
    explainer: &'a Explainer,
    /// What is remembered of servers.
    memory: Memory,
    text: String,
    /// How many flows were explained.
    explained: u64,
}

/// Has explanations written, and takes no decision any further.
struct ExplainSink<'a>(ExplainJudge<'a>);

impl<F> Judge<F> for ExplainJudge<'_> {
    fn judge(
        &mut self,
        flow: &FlowEntry<F>,
        classification: &Classification,
        details: &Details,
        moment: Moment,
    ) -> Option<Verdict> {
        let facts = flow.facts(classification, details, None, flow.last_seen_ns);
        let verdict = judge(&self.explainer.policy, &facts, moment)?;
        self.explained += 1;
        self.text += &self.explainer.explain(&facts, moment);
        Some(verdict)
    }

    fn judges_partial(&self) -> bool {
        self.explainer.policy.acts_on_partial()
    }

    fn judges_first_packet(&self) -> bool {
        self.explainer.policy.acts_on_first_packet()
    }

    fn claim(
        &mut self,
        flow: &FlowEntry<F>,
        said: Option<Classification>,
        now_ns: u64,
    ) -> Option<Claim> {
        self.memory.claim(&flow.key.server(flow.client), said, now_ns)
    }

    fn learn(&mut self, announcement: &Announcement, now_ns: u64) {
        self.memory.learn(&announcement.name, &announcement.addresses, now_ns);
    }
}

impl<F> Sink<F> for ExplainSink<'_> {
    fn rules(&mut self) -> &mut impl Judge<F> {
        &mut self.0
    }

    fn decided(&mut self, flow: &mut FlowEntry<F>, sample: &Sample) {
        if let Some((server, known)) = lesson(flow, &self.0.explainer.policy) {
            self.0.memory.remember(server, known, sample.time_ns);
        }
    }

    fn finished(&mut self, _flow: FlowEntry<F>, _end: End) {}
}
