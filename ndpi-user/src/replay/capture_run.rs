//! One capture, with a fresh engine and empty maps.

use std::io::Write;
use std::path::Path;

use anyhow::{Context as _, Result};
use ndpi::Engine;
use ndpi_capture::link::{self, Framer, Skips, Tunnels};
use ndpi_capture::{Capture, Packet};

use super::answers::Answers;
use super::counted::Finder;
use super::flows::Flows;
use super::job::Job;
use super::packets::{self, PacketResult};
use super::pipeline::Pipeline;
use super::sink::ReplaySink;
use super::test_run_kernel::TestRunKernel;
use crate::captures::{
    Bar, CaptureResults, Format, Recorder, Stop, Timeline, capture_record, write_json,
};
use crate::report::CaptureReport;

/// Packets between two looks at idle flows, the output and the bar.
const STRIDE: u16 = 1024;

/// A capture being replayed.
pub(super) struct CaptureRun<'a, 'e> {
    format: Format,
    stop: &'a Stop,
    timeline: &'a mut Timeline,
    pipeline: Pipeline<'a, 'e>,
    framer: Framer,
    /// Finds the reasons, where each packet is written down.
    finder: Option<Finder>,
    /// Which tunnels a capture is looked through for, if for any.
    tunnels: Option<&'a Tunnels>,
    report: CaptureReport,
}

impl<'a, 'e> CaptureRun<'a, 'e> {
    /// The run of the capture at `path`. The maps are made empty for it.
    pub(super) fn new(
        job: &'a Job,
        path: &Path,
        engine: &'e Engine,
        kernel: &'a mut TestRunKernel,
        timeline: &'a mut Timeline,
    ) -> Result<Self> {
        let in_force = kernel.begin(job.policy.as_ref())?;
        timeline.begin();
        let report = job.folders.begin(path);
        let captures = vec![report.short.as_str().into()];
        let recorder = Recorder::new(job.recording(), captures, kernel.blocklist());
        let sink = ReplaySink::new(recorder, kernel.store(), in_force, job.packets);
        let finder = if job.packets { Some(Finder::new(kernel.stats())?) } else { None };
        let flows = Flows::new(engine, job.settings, sink);
        let pipeline = Pipeline::new(kernel, flows, &job.tunnels, job.shows_tunnels());
        let framer = Framer::default();
        let tunnels = job.tunnels.are_open().then_some(&job.tunnels);
        Ok(Self {
            format: job.format,
            stop: &job.stop,
            timeline,
            pipeline,
            framer,
            finder,
            tunnels,
            report,
        })
    }

    /// Replays the capture at `path`, ends all flows, and returns what came of them and what the
    /// kernel did. That the capture cannot be read is no error here, but in its report.
    pub(super) fn run(
        mut self,
        path: &Path,
        out: &mut impl Write,
        bar: &Bar,
    ) -> Result<(CaptureResults, Answers)> {
        let before = self.pipeline.kernel.stats().read()?;
        match Capture::open_until(path, Some(self.stop.shared())) {
            Ok(capture) => self.read(capture, out, bar)?,
            Err(error) => self.stop.fail(&mut self.report, &error),
        }
        self.pipeline.end_all()?;
        self.pipeline.flows.sink.check()?;
        let counted = self.pipeline.kernel.stats().read()?.since(&before);
        let answers = Answers::new(&counted, self.pipeline.run, self.pipeline.dropped)?;
        let recorder = &mut self.pipeline.flows.sink.recorder;
        if self.format == Format::Json {
            write_json(&capture_record(&self.report, &answers), &mut recorder.out);
        }
        out.write_all(&recorder.out)?;
        let summary = std::mem::take(&mut recorder.summary);
        Ok((CaptureResults { captures: vec![self.report], summary }, answers))
    }

    fn read(&mut self, mut capture: Capture, out: &mut impl Write, bar: &Bar) -> Result<()> {
        bar.opened(capture.progress());
        loop {
            if let Some(signal) = self.stop.name() {
                self.report.stopped_by(signal);
                break;
            }
            match capture.next_packet() {
                // A stream ends where it is, perhaps inside of a packet.
                Ok(None) | Err(_) if self.stop.has_come() => continue,
                Ok(Some(packet)) => self.packet(&packet).with_context(|| self.place())?,
                Ok(None) => break,
                Err(error) => {
                    self.report.error = Some(error.in_full());
                    break;
                }
            }
            if self.report.packets.is_multiple_of(STRIDE.into()) {
                bar.show();
                out.write_all(self.records())?;
                self.records().clear();
            }
        }
        self.report.others = capture.others();
        Ok(())
    }

    fn packet(&mut self, packet: &Packet<'_>) -> Result<()> {
        self.report.packet(packet.time_ns);
        let ktime_ns = self.timeline.follow(packet.time_ns);
        self.pipeline.kernel.set_time(ktime_ns, packet.time_ns)?;
        for packet in link::packets(packet) {
            self.run_on(&packet)?;
        }
        if self.report.packets.is_multiple_of(STRIDE.into()) {
            self.pipeline.sweep(STRIDE.into())?;
        }
        Ok(())
    }

    /// Runs the program on a packet.
    fn run_on(&mut self, packet: &Packet<'_>) -> Result<()> {
        if let Some(decoded) = self.tunnels.and_then(|tunnels| link::decode(packet, tunnels).ok()) {
            if let Some(kind) = decoded.unopened() {
                *self.report.unopened.entry(kind).or_default() += 1;
            }
            if let Some(kind) = decoded.closed() {
                self.report.closed(kind);
            }
        }
        let result = match self.framer.frame(packet) {
            Ok(frame) => {
                let seen = self.pipeline.run(packet, frame)?;
                self.report.read += u64::from(seen.flow.is_some());
                if self.report.read == 0 {
                    lose(packet, &mut self.report.skips);
                }
                let counted = self.finder.as_mut().map(Finder::find).transpose()?;
                let decision = self.pipeline.flows.sink.take_decision();
                counted.map(|counted| Ok(PacketResult { seen, counted, decision }))
            }
            Err(skip) => {
                self.report.skips.count(skip);
                self.finder.is_some().then_some(Err(skip))
            }
        };
        if let Some(result) = result {
            let place = (self.report.packets, packet.time_ns);
            let records = &mut self.pipeline.flows.sink.recorder.out;
            packets::write(records, self.format, &self.report.short, place, result);
        }
        Ok(())
    }

    fn records(&mut self) -> &mut Vec<u8> {
        &mut self.pipeline.flows.sink.recorder.out
    }

    /// Where an error happened.
    fn place(&self) -> String {
        format!("replaying packet {} of {}", self.report.packets, self.report.name)
    }
}

/// Notes why the programs found no flow in a packet, which they count under their own reasons.
#[cold]
fn lose(packet: &Packet<'_>, skips: &mut Skips) {
    match link::decode(packet, &Tunnels::all(false)) {
        Ok(_) => skips.lose("frames that only `ndpi-xdp pcap` reads"),
        Err(skip) => {
            let mut other = Skips::default();
            other.count(skip);
            skips.add_losses(&other);
        }
    }
}
