//! Under which reason the kernel counted a packet: by what changed in its statistics.

use anyhow::{Result, bail};
use ndpi_common::{Hook, Outcome, Reason, STATS_LEN, Stat, stats_parts};

use ndpi_kernel::Stats;

/// What one packet was counted as.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Counted {
    pub(super) outcome: Outcome,
    pub(super) reason: Reason,
    pub(super) bytes: u64,
}

/// Compares the statistics with what they were, entry by entry. Those that changed last are looked
/// at first: they mostly change again.
pub(super) struct Finder {
    stats: Stats,
    entries: Vec<Entry>,
}

struct Entry {
    index: u32,
    outcome: Outcome,
    reason: Reason,
    last: Stat,
}

impl Finder {
    /// Compares with the statistics as they are now.
    pub(super) fn new(stats: &Stats) -> Result<Self> {
        let mut entries = Vec::new();
        for index in 0..STATS_LEN {
            if let Some((Hook::Xdp, outcome, reason)) = stats_parts(index) {
                entries.push(Entry { index, outcome, reason, last: stats.read_one(index)? });
            }
        }
        Ok(Self { stats: stats.clone(), entries })
    }

    /// What was counted since the last call, one packet.
    pub(super) fn find(&mut self) -> Result<Counted> {
        for place in 0..self.entries.len() {
            let entry = &mut self.entries[place];
            let now = self.stats.read_one(entry.index)?;
            if now.packets == entry.last.packets {
                continue;
            }
            let bytes = now.bytes - entry.last.bytes;
            let (outcome, reason) = (entry.outcome, entry.reason);
            entry.last = now;
            self.entries[..=place].rotate_right(1);
            return Ok(Counted { outcome, reason, bytes });
        }
        bail!("the kernel has not counted a packet that it was run on")
    }
}
