//! The statistics: why packets left the programs the way they did.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use aya::maps::{Map, MapData, MapType, PerCpuArray};
use ndpi_common::names::map;
use ndpi_common::{Hook, Outcome, Reason, STATS_LEN, Stat, stats_index, stats_parts};

use super::MapError;
use super::hash::open_checked;
use crate::element::Element;
use crate::map_set::MapSet;

/// `STATS`: packets and bytes by hook, outcome and reason, on each CPU.
#[derive(Clone)]
pub struct Stats(Arc<PerCpuArray<MapData, Element<Stat>>>);

impl Stats {
    pub(crate) fn open(maps: &MapSet) -> Result<Self, MapError> {
        let fd =
            open_checked::<u32, Stat>(map::STATS, &[MapType::PerCpuArray], maps.data(map::STATS)?)?;
        let array = MapData::from_fd(fd).and_then(Map::from_map_data).and_then(TryFrom::try_from);
        array.map(|array| Self(Arc::new(array))).map_err(failed)
    }

    /// The sums over all CPUs. Packets keep coming meanwhile: what belongs together may differ by
    /// the packets of one moment.
    ///
    /// # Errors
    ///
    /// What the kernel said.
    pub fn read(&self) -> Result<Statistics, MapError> {
        let mut statistics = Statistics::default();
        for index in 0..STATS_LEN {
            let Some((hook, outcome, reason)) = stats_parts(index) else { continue };
            let sum = self.read_one(index)?;
            if sum.packets > 0 {
                statistics.0.insert((hook as u8, outcome as u8, reason), sum);
            }
        }
        Ok(statistics)
    }

    /// The sum over all CPUs of one entry, see [`ndpi_common::stats_index`].
    ///
    /// # Errors
    ///
    /// What the kernel said.
    pub fn read_one(&self, index: u32) -> Result<Stat, MapError> {
        self.0.get(&index, 0).map(|values| sum(values.iter().map(|stat| stat.0))).map_err(failed)
    }

    /// Packets that were not shown because user space was behind.
    ///
    /// # Errors
    ///
    /// What the kernel said.
    pub fn held_back(&self) -> Result<u64, MapError> {
        let mut packets = 0;
        for hook in [Hook::Xdp, Hook::Tc] {
            for outcome in [Outcome::Passed, Outcome::Dropped, Outcome::Redirected] {
                packets += self.read_one(stats_index(hook, outcome, Reason::HeldBack))?.packets;
            }
        }
        Ok(packets)
    }

    /// Packets that were not shown because a ring was full, by the CPU that they were on.
    ///
    /// # Errors
    ///
    /// What the kernel said.
    pub fn ring_full(&self) -> Result<Vec<u64>, MapError> {
        let mut by_cpu = Vec::new();
        for index in 0..STATS_LEN {
            if stats_parts(index).is_none_or(|(.., reason)| reason != Reason::RingFull) {
                continue;
            }
            let values = self.0.get(&index, 0).map_err(failed)?;
            by_cpu.resize(values.len(), 0);
            by_cpu.iter_mut().zip(values.iter()).for_each(|(sum, stat)| *sum += stat.0.packets);
        }
        Ok(by_cpu)
    }
}

impl fmt::Debug for Stats {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(map::STATS)
    }
}

fn failed(source: aya::maps::MapError) -> MapError {
    MapError::Open { map: map::STATS, source: Box::new(source) }
}

fn sum(values: impl Iterator<Item = Stat>) -> Stat {
    let mut sum = Stat::default();
    for stat in values {
        sum += stat;
    }
    sum
}

/// Packets and bytes by hook, outcome and reason; what never happened is left out.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Statistics(BTreeMap<(u8, u8, Reason), Stat>);

impl Statistics {
    /// What a hook counted under one outcome and reason.
    pub fn get(&self, hook: Hook, outcome: Outcome, reason: Reason) -> Stat {
        self.0.get(&(hook as u8, outcome as u8, reason)).copied().unwrap_or_default()
    }

    /// All that happened, by hook, then outcome, then reason.
    pub fn iter(&self) -> impl Iterator<Item = (Hook, Outcome, Reason, Stat)> {
        (0..STATS_LEN).filter_map(stats_parts).filter_map(|(hook, outcome, reason)| {
            let stat = self.get(hook, outcome, reason);
            (stat.packets > 0).then_some((hook, outcome, reason, stat))
        })
    }

    /// All that a hook saw, whatever the outcome.
    pub fn seen(&self, hook: Hook) -> Stat {
        self.sum(|(at, ..)| at == hook)
    }

    /// All packets of both hooks that left with this outcome.
    pub fn outcome(&self, outcome: Outcome) -> Stat {
        self.sum(|(_, left, _)| left == outcome)
    }

    /// All packets of both hooks that left for this reason.
    pub fn reason(&self, reason: Reason) -> Stat {
        self.sum(|(.., because)| because == reason)
    }

    /// What happened since `earlier`, an earlier reading of the same maps.
    #[must_use]
    pub fn since(&self, earlier: &Self) -> Self {
        let mut since = self.clone();
        for (key, stat) in &mut since.0 {
            let before = earlier.0.get(key).copied().unwrap_or_default();
            stat.packets = stat.packets.saturating_sub(before.packets);
            stat.bytes = stat.bytes.saturating_sub(before.bytes);
        }
        since.0.retain(|_, stat| stat.packets > 0);
        since
    }

    fn sum(&self, which: impl Fn((Hook, Outcome, Reason)) -> bool) -> Stat {
        let parts = self.iter().filter(|(h, o, r, _)| which((*h, *o, *r)));
        sum(parts.map(|(.., stat)| stat))
    }
}

impl FromIterator<(Hook, Outcome, Reason, Stat)> for Statistics {
    fn from_iter<T: IntoIterator<Item = (Hook, Outcome, Reason, Stat)>>(parts: T) -> Self {
        let parts = parts.into_iter();
        Self(parts.map(|(h, o, r, stat)| ((h as u8, o as u8, r), stat)).collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn stat(packets: u64) -> Stat {
        Stat { packets, bytes: packets * 100 }
    }

    fn some() -> Statistics {
        Statistics::from_iter([
            (Hook::Xdp, Outcome::Passed, Reason::Shown, stat(3)),
            (Hook::Xdp, Outcome::Dropped, Reason::Drop, stat(5)),
            (Hook::Tc, Outcome::Dropped, Reason::Drop, stat(7)),
        ])
    }

    #[test]
    fn sums_go_over_the_other_parts() {
        assert_eq!(some().seen(Hook::Xdp), stat(8));
        assert_eq!(some().outcome(Outcome::Dropped), stat(12));
        assert_eq!(some().reason(Reason::Drop), stat(12));
        assert_eq!(some().get(Hook::Tc, Outcome::Passed, Reason::Shown), stat(0));
    }

    #[test]
    fn a_difference_holds_what_is_new() {
        let mut later = some();
        later.0.insert((Hook::Tc as u8, Outcome::Passed as u8, Reason::NotIp), stat(2));
        later.0.insert((Hook::Xdp as u8, Outcome::Passed as u8, Reason::Shown), stat(4));
        let parts: Vec<_> = later.since(&some()).iter().map(|(.., r, stat)| (r, stat)).collect();
        assert_eq!(parts, [(Reason::Shown, stat(1)), (Reason::NotIp, stat(2))]);
    }
}
