//! The kernel's counters, for the closing report.

use std::collections::BTreeMap;
use std::fmt;

use anyhow::Result;
use ndpi_common::{Hook, Outcome, Reason};

use ndpi_events::{RingFull, Status, Stopped, Time, Times, Word};

use crate::live::{Summary, TimeToVerdict, losses_by_cpu};
use crate::report::statistics_table;
use ndpi_kernel::{Kernel, Statistics};

/// The last reading of the statistics.
pub(super) struct Closing {
    statistics: Statistics,
    /// Packets that were not shown because a ring was full, by CPU.
    ring_full: Vec<u64>,
    /// Frames that were to go out of a peer interface and could not.
    lost_frames: u64,
    /// How often the policy was reloaded, and how often a reload was refused.
    reloads: (u64, u64),
    /// Records that whoever reads them was too slow for.
    lost_records: u64,
}

impl Closing {
    pub(super) fn read(kernel: &Kernel, reloads: (u64, u64), lost_records: u64) -> Result<Self> {
        let (statistics, ring_full) = (kernel.stats().read()?, kernel.stats().ring_full()?);
        let lost_frames = kernel.lost_frames().read()?;
        Ok(Self { statistics, ring_full, lost_frames, reloads, lost_records })
    }

    /// The last event, with what was seen of flows.
    pub(super) fn event(&self, flows: &Summary) -> Status {
        let packets = |outcome| self.statistics.outcome(outcome).packets;
        let seen = [Hook::Xdp, Hook::Tc].map(|hook| self.statistics.seen(hook).packets);
        let lossy = self.ring_full.iter().enumerate().filter(|(_, packets)| **packets > 0);
        Status::Stopped(Stopped {
            time: Time::now(),
            seen: seen.iter().sum(),
            passed: packets(Outcome::Passed),
            dropped: packets(Outcome::Dropped),
            redirected: packets(Outcome::Redirected),
            lost_frames: self.lost_frames,
            ring_full: lossy.map(|(cpu, &packets)| RingFull { cpu, packets }).collect(),
            left_out: self.statistics.reason(Reason::HeldBack).packets + flows.left_out(),
            queue_full: flows.queue_full(),
            lost_records: self.lost_records,
            time_to_verdict: timed(flows.times()),
            findings: flows.found().by_name(),
        })
    }
}

/// The times of decisions by packets with payload, for a record; nothing where there are none.
fn timed(times: &TimeToVerdict) -> BTreeMap<Word, Times> {
    let durations = times.payload();
    if durations.total().count() == 0 {
        return BTreeMap::new();
    }
    let all = durations.by_name();
    all.map(|(name, it)| {
        let shares = [500, 900, 990].map(|thousandths| it.at(thousandths));
        (name.into(), Times::new(it.count(), shares, it.longest()))
    })
    .collect()
}

/// As tables for a person.
impl fmt::Display for Closing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", statistics_table(&self.statistics))?;
        if self.ring_full.iter().any(|packets| *packets > 0) {
            let by_cpu = losses_by_cpu(&self.ring_full);
            writeln!(f, "\nnot shown, as rings were full: {by_cpu}; try a larger --ring-size")?;
        }
        if self.reloads != (0, 0) {
            let (taken, failed) = self.reloads;
            writeln!(f, "\npolicy reloads: {taken} taken, {failed} refused")?;
        }
        if self.lost_frames > 0 {
            let lost = self.lost_frames;
            writeln!(f, "\nredirected, but not taken by the other interface: {lost}")?;
        }
        Ok(())
    }
}
