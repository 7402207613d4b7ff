//! Reads the captures of a world, one after another.

use std::path::PathBuf;
use std::sync::Arc;

use anyhow::Result;

use super::job::Job;
use crate::capture::{Capture, Packet};
use crate::commands::captures::{Bar, file_name, name};
use crate::link::{self, Outer};
use crate::report::CaptureReport;
use crate::sample::Sample;

/// Packets between two looks at the clock, the bar and the flow table's idle flows.
pub(super) const STRIDE: u64 = 1024;

/// Takes what is read.
pub(super) trait Take {
    /// A sample, and the tunnel that it came through.
    fn sample(&mut self, sample: &Sample, outer: Option<Outer>) -> Result<()>;

    /// Every [`STRIDE`] packets: `now_ns` is the time of the last one.
    fn stride(&mut self, now_ns: u64) -> Result<()>;
}

/// Reads all captures of `world` into `take`. A capture that cannot be read has its error in its
/// report; only an error of `take` ends the reading.
pub(super) fn read(
    job: &Job,
    world: &[PathBuf],
    bar: &Bar,
    take: &mut impl Take,
) -> Result<Vec<CaptureReport>> {
    let mut reading = Reading { job, bar, take };
    let mut reports = Vec::with_capacity(world.len());
    for (place, path) in (0..).zip(world) {
        let mut report = CaptureReport { name: name(path), ..CaptureReport::default() };
        match Capture::open(path) {
            Ok(capture) => reading.capture(capture, place, &mut report)?,
            Err(error) => report.error = Some(error.to_string()),
        }
        reports.push(report);
    }
    Ok(reports)
}

struct Reading<'a, T> {
    job: &'a Job,
    bar: &'a Bar,
    take: &'a mut T,
}

impl<T: Take> Reading<'_, T> {
    /// Reads one capture, the one at `place` in its world.
    fn capture(
        &mut self,
        mut capture: Capture,
        place: u32,
        report: &mut CaptureReport,
    ) -> Result<()> {
        self.bar.opened(capture.progress());
        loop {
            match capture.next_packet() {
                Ok(Some(packet)) => self.packet(&packet, place, report)?,
                Ok(None) => break,
                Err(error) => {
                    report.error = Some(error.to_string());
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
        for packet in link::packets(packet) {
            match link::sample(&packet, &self.job.tunnels) {
                Ok(sample) => {
                    let outer = if self.job.shows_tunnels() {
                        link::outer(&packet, &self.job.tunnels)
                    } else {
                        None
                    };
                    self.take.sample(&Sample { ifindex: place, ..sample }, outer)?;
                }
                Err(skip) => report.skips.count(skip),
            }
        }
        if report.packets.is_multiple_of(STRIDE) {
            self.take.stride(packet.time_ns)?;
            self.bar.show();
        }
        Ok(())
    }
}

/// What a world's captures are called in records.
pub(super) fn names(world: &[PathBuf]) -> Vec<Arc<str>> {
    world.iter().map(|path| file_name(&name(path)).into()).collect()
}
