//! The settings that change while the programs run.

use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::sync::{Arc, Mutex, PoisonError};

use aya::maps::MapType;
use ndpi_common::names::map;
use ndpi_common::{Live, Switches, tick_of};

use super::MapError;
use super::hash::open_checked;
use crate::map_set::MapSet;
use crate::sys::{self, Write};

/// The programs' writable data: one [`Live`]. Handles are cheap to clone.
#[derive(Clone, Debug)]
pub struct LiveCell(Arc<Cell>);

#[derive(Debug)]
struct Cell {
    map: OwnedFd,
    /// What stands in the map: it is only written whole.
    value: Mutex<Live>,
}

impl LiveCell {
    pub(crate) fn open(maps: &MapSet) -> Result<Self, MapError> {
        let map =
            open_checked::<u32, Live>(map::LIVE_PIN, &[MapType::Array], maps.data(map::LIVE_PIN)?)?;
        let value = sys::lookup(map.as_fd(), &0u32).map_err(|source| failed("read", source))?;
        Ok(Self(Arc::new(Cell { map, value: Mutex::new(value.unwrap_or_default()) })))
    }

    /// Advances the kernel side's coarse clock to `ktime_ns` nanoseconds since boot
    /// ([`crate::ktime_ns`]). To be called at least once a tick
    /// ([`ndpi_common::TICK_NS`]).
    ///
    /// # Errors
    ///
    /// What the kernel said.
    pub fn advance(&self, ktime_ns: u64) -> Result<(), MapError> {
        self.change(|live| live.tick = tick_of(ktime_ns))
    }

    /// Switches on those of [`Switches::LIVE`] that are in `switches`, and the others of them off.
    /// The next packet meets it.
    ///
    /// # Errors
    ///
    /// What the kernel said.
    pub fn set_switches(&self, switches: u32) -> Result<(), MapError> {
        self.change(|live| live.switches = switches & Switches::LIVE)
    }

    /// Says how many servers the programs find in `SERVERS`. They do not look while it is 0.
    pub(super) fn set_servers(&self, servers: u32) -> Result<(), MapError> {
        self.change(|live| live.servers = servers)
    }

    fn change(&self, change: impl FnOnce(&mut Live)) -> Result<(), MapError> {
        let mut live = self.0.value.lock().unwrap_or_else(PoisonError::into_inner);
        change(&mut live);
        sys::update(self.0.map.as_fd(), &0u32, &*live, Write::Any)
            .map_err(|source| failed("write to", source))
    }
}

fn failed(doing: &'static str, source: io::Error) -> MapError {
    MapError::Call { doing, map: map::LIVE_PIN, source }
}
