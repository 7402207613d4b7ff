//! Losses of rings.

use std::fmt;
use std::sync::Arc;

use aya::maps::{Map, MapData, MapType, PerCpuArray};
use ndpi_common::RingLoss;
use ndpi_common::names::map;

use super::MapError;
use super::hash::open_checked;
use crate::element::Element;
use crate::map_set::MapSet;
use crate::rings::Lane;

/// `RING_LOSSES`: samples that could not be put into each ring, on each CPU.
#[derive(Clone)]
pub struct RingLosses {
    by_ring: Arc<PerCpuArray<MapData, Element<RingLoss>>>,
    workers: u32,
}

/// What one ring has lost.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LossOfRing {
    /// The ring's place in `RINGS`.
    pub ring: usize,
    /// The worker that reads it.
    pub worker: usize,
    /// What is in it.
    pub lane: Lane,
    /// What did not get in.
    pub loss: RingLoss,
}

impl RingLosses {
    pub(crate) fn open(maps: &MapSet) -> Result<Self, MapError> {
        let data = maps.data(map::RING_LOSSES)?;
        let rings = data.info().map_err(failed)?.max_entries();
        let fd = open_checked::<u32, RingLoss>(map::RING_LOSSES, &[MapType::PerCpuArray], data)?;
        let array = MapData::from_fd(fd).and_then(Map::from_map_data).and_then(TryFrom::try_from);
        array.map(|array| Self { by_ring: Arc::new(array), workers: rings / 2 }).map_err(failed)
    }

    /// The losses of each ring, over all CPUs.
    ///
    /// # Errors
    ///
    /// What the kernel said.
    pub fn read(&self) -> Result<Vec<LossOfRing>, MapError> {
        let of_ring = |place| {
            let (lane, worker) = match place {
                _ if place < self.workers => (Lane::Common, place),
                _ => (Lane::Urgent, place - self.workers),
            };
            let (ring, worker) = (place as usize, worker as usize);
            Ok(LossOfRing { ring, worker, lane, loss: self.read_one(place)? })
        };
        (0..2 * self.workers).map(of_ring).collect()
    }

    fn read_one(&self, place: u32) -> Result<RingLoss, MapError> {
        let mut sum = RingLoss::default();
        let by_cpu = self.by_ring.get(&place, 0).map_err(failed)?;
        by_cpu.iter().for_each(|loss| sum += loss.0);
        Ok(sum)
    }
}

impl fmt::Debug for RingLosses {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(map::RING_LOSSES)
    }
}

fn failed(source: aya::maps::MapError) -> MapError {
    MapError::Open { map: map::RING_LOSSES, source: Box::new(source) }
}
