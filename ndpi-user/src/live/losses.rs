//! What was lost: packets that could not be shown because the ring of their CPU was full, frames that a
//! peer interface did not take, and records that nobody took in time.

use std::fmt;

use super::Output;
use ndpi_kernel::{LostFrames, MapError, Stats};

/// Tells of losses that are new.
#[derive(Debug)]
pub(super) struct Losses {
    stats: Stats,
    lost_frames: LostFrames,
    output: Output,
    by_cpu: Rise,
    frames: Rise,
    records: Rise,
}

impl Losses {
    pub(super) fn new(stats: Stats, lost_frames: LostFrames, output: Output) -> Self {
        let (by_cpu, frames, records) = (Rise::default(), Rise::default(), Rise::default());
        Self { stats, lost_frames, output, by_cpu, frames, records }
    }

    /// Logs what was lost since the last call.
    pub(super) fn tell(&mut self) {
        if let Err(error) = self.try_tell() {
            log::error!("cannot see what was lost: {error}");
        }
    }

    fn try_tell(&mut self) -> Result<(), MapError> {
        let by_cpu = self.by_cpu.since(self.stats.ring_full()?);
        if by_cpu.iter().any(|lost| *lost > 0) {
            let by_cpu = losses_by_cpu(&by_cpu);
            log::warn!("packets were not shown to nDPI, as rings were full ({by_cpu})");
        }
        let frames: u64 = self.frames.since(vec![self.lost_frames.read()?]).iter().sum();
        if frames > 0 {
            log::warn!("{frames} frames that passed were not taken by the peer interface");
        }
        let records: u64 = self.records.since(vec![self.output.lost()]).iter().sum();
        // Whoever has gone was reported when that was found.
        if records > 0 && !self.output.is_closed() {
            log::warn!("{records} records were lost: whoever reads them is too slow, or stopped");
        }
        Ok(())
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
