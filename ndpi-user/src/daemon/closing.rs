//! The kernel's counters, for the closing report.

use std::collections::BTreeMap;
use std::fmt;
use std::time::Duration;

use anyhow::Result;
use ndpi_common::{Hook, Outcome, Reason};

use ndpi_events::{Ring, Status, Stopped, Time, Times, Word};

use crate::live::{Summary, TimeToVerdict, contended, full, losses_by_worker};
use crate::report::statistics_table;
use crate::snapshot::LostSoFar;
use ndpi_kernel::{Kernel, LossOfRing, Statistics};

/// The last reading of the statistics.
pub(super) struct Closing {
    statistics: Statistics,
    /// Packets that were not shown because a ring was full, by CPU.
    ring_full: Vec<u64>,
    /// The same and more, by ring.
    rings: Vec<LossOfRing>,
    /// Frames that were to go out of a peer interface and could not.
    lost_frames: u64,
    /// How often the policy was reloaded, and how often a reload was refused.
    reloads: (u64, u64),
    /// Records that whoever reads them was too slow for.
    lost_records: u64,
}

impl Closing {
    /// Reads them for the last time.
    pub(super) fn read(kernel: Kernel, reloads: (u64, u64), lost_records: u64) -> Result<Self> {
        let (statistics, ring_full) = (kernel.stats().read()?, kernel.stats().ring_full()?);
        let rings = kernel.ring_losses().read()?;
        let lost_frames = kernel.lost_frames().read()?;
        drop(kernel);
        Ok(Self { statistics, ring_full, rings, lost_frames, reloads, lost_records })
    }

    /// The last event, with what was seen of flows. Records that were being written kept each worker for
    /// `stalls`.
    pub(super) fn event(&self, flows: &Summary, stalls: &[[Duration; 2]]) -> Status {
        let packets = |outcome| self.statistics.outcome(outcome).packets;
        let seen = [Hook::Xdp, Hook::Tc].map(|hook| self.statistics.seen(hook).packets);
        Status::Stopped(Stopped {
            time: Time::now(),
            seen: seen.iter().sum(),
            passed: packets(Outcome::Passed),
            dropped: packets(Outcome::Dropped),
            redirected: packets(Outcome::Redirected),
            lost_frames: self.lost_frames,
            ring_full: LostSoFar::by_cpu(self.ring_full.clone()),
            rings: rings(&self.rings, stalls),
            left_out: self.statistics.reason(Reason::HeldBack).packets + flows.left_out(),
            lost_records: self.lost_records,
            time_to_verdict: timed(flows.times()),
            findings: flows.found().by_name(),
        })
    }
}

/// The rings that lost something or kept their worker waiting.
fn rings(losses: &[LossOfRing], stalls: &[[Duration; 2]]) -> Vec<Ring> {
    let all = losses.iter().map(|&LossOfRing { ring, worker, lane, loss }| {
        // A worker that never began waited for nothing.
        let stall = stalls.get(worker).map_or(Duration::ZERO, |stalls| stalls[lane as usize]);
        Ring {
            ring,
            worker,
            kind: lane.name().into(),
            full: loss.full,
            contended: loss.contended,
            longest_stall_us: u64::try_from(stall.as_micros()).unwrap_or(u64::MAX),
        }
    });
    all.filter(|ring| ring.full + ring.contended + ring.longest_stall_us > 0).collect()
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
        let (full, contended) = (full(&self.rings), contended(&self.rings));
        if full.iter().any(|packets| *packets > 0) {
            let full = losses_by_worker(&full);
            writeln!(f, "\nnot shown, as rings were full: {full}; try a larger --ring-size")?;
        }
        if contended.iter().any(|packets| *packets > 0) {
            let contended = losses_by_worker(&contended);
            writeln!(
                f,
                "\nnot shown, as CPUs contended for rings: {contended}; try more --workers"
            )?;
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
