//! Losses: packets that could not be shown because the ring of their CPU was full, frames that a
//! peer interface did not take, and records that nobody took in time.

use std::fmt;

use ndpi_events::{Event, Losses, Source, Time, Warning};

use ndpi_kernel::{LostFrames, MapError, Stats};

/// Reports losses that are new.
#[derive(Debug)]
pub(super) struct LossWatch {
    stats: Stats,
    lost_frames: LostFrames,
    /// Of those who write records.
    of_records: Losses,
    source: Source,
    by_cpu: Rise,
    frames: Rise,
    records: Rise,
}

impl LossWatch {
    pub(super) fn new(
        stats: Stats,
        lost_frames: LostFrames,
        of_records: Losses,
        source: Source,
    ) -> Self {
        // What was lost until now is an earlier instance's.
        let by_cpu = Rise { before: stats.ring_full().unwrap_or_default() };
        let frames = Rise { before: vec![lost_frames.read().unwrap_or_default()] };
        let records = Rise::default();
        Self { stats, lost_frames, of_records, source, by_cpu, frames, records }
    }

    /// Reports what was lost since the last call, at `now_ns` (since the Unix epoch).
    pub(super) fn look(&mut self, now_ns: u64) {
        if let Err(error) = self.report_new(Time::from_ns(now_ns)) {
            log::error!("cannot see what was lost: {error}");
        }
    }

    fn report_new(&mut self, time: Time) -> Result<(), MapError> {
        let by_cpu = self.by_cpu.since(self.stats.ring_full()?);
        let packets: u64 = by_cpu.iter().sum();
        if packets > 0 {
            let by_cpu = losses_by_cpu(&by_cpu);
            let text = format!("packets were not shown to nDPI, as rings were full ({by_cpu})");
            self.warn(time, "rings-full", packets, text);
        }
        let frames = self.frames.since(vec![self.lost_frames.read()?]).iter().sum();
        if frames > 0 {
            let text = format!("{frames} frames that passed were not taken by the peer interface");
            self.warn(time, "frames-lost", frames, text);
        }
        let records = self.records.since(vec![self.of_records.lost()]).iter().sum();
        // Whoever has gone was reported when that was found.
        if records > 0 && !self.of_records.is_closed() {
            let text =
                format!("{records} records were lost: whoever reads them is too slow, or stopped");
            self.warn(time, "records-lost", records, text);
        }
        Ok(())
    }

    fn warn(&mut self, time: Time, about: &'static str, count: u64, text: String) {
        let warning = Warning::new(time, about.into(), count, text);
        self.source.publish(time, Event::Warning(warning));
    }
}

/// Counts that only rise.
#[derive(Debug, Default)]
struct Rise {
    before: Vec<u64>,
}

impl Rise {
    /// By how much each has risen since the last call, now that they are `now`.
    fn since(&mut self, now: Vec<u64>) -> Vec<u64> {
        let before = self.before.iter().copied().chain(std::iter::repeat(0));
        let risen = now.iter().zip(before).map(|(now, before)| now.saturating_sub(before));
        let risen = risen.collect();
        self.before = now;
        risen
    }
}

/// The CPUs that lost packets, and how many each: `CPU 1: 120, CPU 6: 4`; nothing where none did.
pub fn losses_by_cpu(lost: &[u64]) -> impl fmt::Display + '_ {
    fmt::from_fn(|f| {
        let mut lossy = lost.iter().enumerate().filter(|(_, lost)| **lost > 0);
        if let Some((cpu, lost)) = lossy.next() {
            write!(f, "CPU {cpu}: {lost}")?;
        }
        lossy.try_for_each(|(cpu, lost)| write!(f, ", CPU {cpu}: {lost}"))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_cpus_that_lost_something_are_named() {
        assert_eq!(losses_by_cpu(&[0, 120, 0, 4]).to_string(), "CPU 1: 120, CPU 3: 4");
        assert_eq!(losses_by_cpu(&[7]).to_string(), "CPU 0: 7");
        assert_eq!(losses_by_cpu(&[0, 0]).to_string(), "");
    }

    #[test]
    fn a_rise_is_what_came_since() {
        let mut counts = Rise::default();
        assert_eq!(counts.since(vec![0, 3]), [0, 3]);
        assert_eq!(counts.since(vec![0, 3]), [0, 0]);
        assert_eq!(counts.since(vec![2, 10]), [2, 7]);
    }
}
