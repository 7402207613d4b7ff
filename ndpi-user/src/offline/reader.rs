//! Reads the captures of a set, one after another.

use std::path::PathBuf;
use std::sync::Arc;

use anyhow::Result;
use ndpi_capture::link::{self, Outer};
use ndpi_capture::{Capture, Packet};
use ndpi_flow::Sample;

use super::job::Job;
use crate::captures::{Bar, Timeline, sample_of};
use crate::report::CaptureReport;

/// Packets between two looks at the clock, the bar and the flow table's idle flows.
pub(super) const STRIDE: u64 = 1024;

/// Takes what is read.
pub(super) trait Take {
    /// A sample, and the tunnel that it came through.
    fn sample(&mut self, sample: &Sample, outer: Option<Outer>) -> Result<()>;

    /// Every [`STRIDE`] packets: `now_ns` is the time of the last one on the clock of
    /// [`Sample::clock_ns`].
    fn stride(&mut self, now_ns: u64) -> Result<()>;

    /// After the last packet, at this time on the same clock.
    fn end(&mut self, now_ns: u64);
}

/// Reads all captures of `set` into `take`. A capture that cannot be read has its error in its
/// report; only an error of `take` ends the reading.
pub(super) fn read(
    job: &Job,
    set: &[PathBuf],
    bar: &Bar,
    take: &mut impl Take,
) -> Result<Vec<CaptureReport>> {
    let mut reading = Reading { job, bar, take, timeline: Timeline::new(), now_ns: 0 };
    let mut reports = Vec::with_capacity(set.len());
    for (place, path) in (0..).zip(set) {
        if job.stop.signal().is_some() {
            break;
        }
        let mut report = job.folders.begin(path);
        match Capture::open_until(path, Some(job.stop.shared())) {
            Ok(capture) => reading.capture(capture, place, &mut report)?,
            Err(error) => job.stop.fail(&mut report, &error),
        }
        reports.push(report);
    }
    let now_ns = reading.now_ns;
    reading.take.end(now_ns);
    Ok(reports)
}

struct Reading<'a, T> {
    job: &'a Job,
    bar: &'a Bar,
    take: &'a mut T,
    timeline: Timeline,
    now_ns: u64,
}

impl<T: Take> Reading<'_, T> {
    /// Reads one capture, the one at `place` in its set.
    fn capture(
        &mut self,
        mut capture: Capture,
        place: u32,
        report: &mut CaptureReport,
    ) -> Result<()> {
        self.bar.opened(capture.progress());
        loop {
            if let Some(signal) = self.job.stop.name() {
                report.stopped_by(signal);
                break;
            }
            match capture.next_packet() {
                Ok(Some(packet)) => self.packet(&packet, place, report)?,
                // A stream ends where it is, perhaps inside of a packet.
                Ok(None) | Err(_) if self.job.stop.has_come() => {}
                Ok(None) => break,
                Err(error) => {
                    report.error = Some(error.in_full());
                    break;
                }
            }
        }
        report.others = capture.others();
        Ok(())
    }

    #[inline]
    fn packet(
        &mut self,
        packet: &Packet<'_>,
        place: u32,
        report: &mut CaptureReport,
    ) -> Result<()> {
        report.packet(packet.time_ns);
        self.now_ns = self.timeline.follow(packet.time_ns);
        for packet in link::packets(packet) {
            match link::decode(&packet, &self.job.tunnels) {
                Ok(decoded) => {
                    report.read += 1;
                    if let Some(kind) = decoded.closed() {
                        report.closed(kind);
                    }
                    let shown = self.job.shows_tunnels().then(|| decoded.outer());
                    let sample = sample_of(&decoded, packet.time_ns);
                    let sample = Sample { ifindex: place, clock_ns: self.now_ns, ..sample };
                    self.take.sample(&sample, shown.flatten())?;
                }
                Err(skip) => report.skips.count(skip),
            }
        }
        if report.packets.is_multiple_of(STRIDE) {
            self.take.stride(self.now_ns)?;
            self.bar.show();
        }
        Ok(())
    }
}

/// What a set's captures are called in records.
pub(super) fn names(job: &Job, set: &[PathBuf]) -> Vec<Arc<str>> {
    set.iter().map(|path| job.folders.short(path).into()).collect()
}
