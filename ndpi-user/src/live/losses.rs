//! Losses: packets that could not be shown because a ring of their worker was full or its lock held for too long,
//! frames that a peer interface did not take, and records that nobody took in time.

use std::fmt;

use ndpi_events::{Event, Losses, Source, Time, Warning};

use super::lost_records::RecordLosses;
use ndpi_common::RingLoss;
use ndpi_kernel::{LossOfRing, LostFrames, MapError, RingLosses};

/// Reports losses that are new.
#[derive(Debug)]
pub(super) struct LossWatch {
    rings: RingLosses,
    lost_frames: LostFrames,
    source: Source,
    full: Rise,
    contended: Rise,
    frames: Rise,
    records: RecordLosses,
}

impl LossWatch {
    pub(super) fn new(
        rings: RingLosses,
        lost_frames: LostFrames,
        writers: &[(String, Losses)],
        source: Source,
    ) -> Self {
        // What frames were lost until now is an earlier instance's.
        let frames = Rise { before: vec![lost_frames.read().unwrap_or_default()] };
        let (full, contended) = (Rise::default(), Rise::default());
        let records = RecordLosses::new(writers);
        Self { rings, lost_frames, source, full, contended, frames, records }
    }

    /// Reports what was lost since the last call, at `now_ns` (since the Unix epoch).
    pub(super) fn look(&mut self, now_ns: u64) {
        for (count, text) in self.records.look(now_ns) {
            self.warn(Time::from_ns(now_ns), "records-lost", count, text);
        }
        if let Err(error) = self.report_new(Time::from_ns(now_ns)) {
            log::error!("cannot see what was lost: {error}");
        }
    }

    fn report_new(&mut self, time: Time) -> Result<(), MapError> {
        let rings = self.rings.read()?;
        let full = self.full.since(full(&rings));
        self.warn_of_rings(time, ("rings-full", "rings were full"), &full);
        let contended = self.contended.since(contended(&rings));
        let why = "other CPUs kept the locks of rings for too long";
        self.warn_of_rings(time, ("rings-contended", why), &contended);
        let frames = self.frames.since(vec![self.lost_frames.read()?]).iter().sum();
        if frames > 0 {
            let text = format!("{frames} frames that passed were not taken by the peer interface");
            self.warn(time, "frames-lost", frames, text);
        }
        Ok(())
    }

    fn warn_of_rings(&mut self, time: Time, (about, why): (&'static str, &str), lost: &[u64]) {
        let packets = lost.iter().sum();
        if packets > 0 {
            let by_worker = losses_by_worker(lost);
            let text = format!("packets were not shown to nDPI, as {why} ({by_worker})");
            self.warn(time, about, packets, text);
        }
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

/// Packets that found a ring full, by worker.
pub fn full(rings: &[LossOfRing]) -> Vec<u64> {
    by_worker(rings, |loss| loss.full)
}

/// Packets that were lost for the lock of a ring, by worker.
pub fn contended(rings: &[LossOfRing]) -> Vec<u64> {
    by_worker(rings, |loss| loss.contended)
}

fn by_worker(rings: &[LossOfRing], count: fn(&RingLoss) -> u64) -> Vec<u64> {
    let mut lost = vec![0; rings.len() / 2];
    for of in rings {
        lost[of.worker] += count(&of.loss);
    }
    lost
}

/// The workers whose packets were lost, and how many: `worker 1: 120, worker 6: 4`; nothing where none were.
pub fn losses_by_worker(lost: &[u64]) -> impl fmt::Display + '_ {
    fmt::from_fn(|f| {
        let mut lossy = lost.iter().enumerate().filter(|(_, lost)| **lost > 0);
        if let Some((worker, lost)) = lossy.next() {
            write!(f, "worker {worker}: {lost}")?;
        }
        lossy.try_for_each(|(worker, lost)| write!(f, ", worker {worker}: {lost}"))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_workers_that_lost_something_are_named() {
        assert_eq!(losses_by_worker(&[0, 120, 0, 4]).to_string(), "worker 1: 120, worker 3: 4");
        assert_eq!(losses_by_worker(&[7]).to_string(), "worker 0: 7");
        assert_eq!(losses_by_worker(&[0, 0]).to_string(), "");
    }

    #[test]
    fn a_rise_is_what_came_since() {
        let mut counts = Rise::default();
        assert_eq!(counts.since(vec![0, 3]), [0, 3]);
        assert_eq!(counts.since(vec![0, 3]), [0, 0]);
        assert_eq!(counts.since(vec![2, 10]), [2, 7]);
    }
}
