//! The settings that change while the programs run.

use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::sync::{Arc, Mutex, PoisonError};

use aya::maps::MapType;
use ndpi_common::names::map;
use ndpi_common::{ClockReading, CoarseClock, Live, Switches, tick_of};

use super::MapError;
use super::hash::open_checked;
use crate::map_set::MapSet;
use crate::sys::{self, Write};

/// The programs' writable data: one [`Live`]. Handles are cheap to clone.
#[derive(Clone, Debug)]
pub struct RuntimeConfig(Arc<Cell>);

#[derive(Debug)]
struct Cell {
    map: OwnedFd,
    /// What stands in the map: it is only written whole.
    value: Mutex<Live>,
}

impl RuntimeConfig {
    pub(crate) fn open(maps: &MapSet) -> Result<Self, MapError> {
        let map =
            open_checked::<u32, Live>(map::LIVE_PIN, &[MapType::Array], maps.data(map::LIVE_PIN)?)?;
        let value = sys::lookup(map.as_fd(), &0u32).map_err(|source| failed("read", source))?;
        Ok(Self(Arc::new(Cell { map, value: Mutex::new(value.unwrap_or_default()) })))
    }

    /// Starts the coarse clock by a reading of the kernel's clocks, of which a jiffy lasts `jiffy_ns`. From
    /// here on it goes by itself.
    pub(crate) fn start_clock(&self, reading: ClockReading, jiffy_ns: u64) -> Result<(), MapError> {
        self.change(|live| {
            live.clock = CoarseClock::calibrated(reading, jiffy_ns);
            live.tick = live.clock.tick(reading.jiffies);
        })
    }

    /// Says which of [`Switches`] the programs were loaded with, and after how many ticks of silence those hold that
    /// are for when user space is gone.
    pub(crate) fn set_fixed(&self, switches: u32, gone_after: u32) -> Result<(), MapError> {
        self.change(|live| (live.fixed, live.gone_after) = (switches, gone_after))
    }

    /// Moves the coarse clock forward by the nanoseconds that the machine was suspended, in which the
    /// kernel counts no jiffies, and the last sign of life with it: nobody could give one.
    ///
    /// # Errors
    ///
    /// What the kernel said.
    pub fn add_suspended(&self, ns: u64) -> Result<(), MapError> {
        self.change(|live| {
            live.clock = live.clock.ahead_by(ns);
            if live.heartbeat != 0 {
                live.heartbeat += tick_of(ns);
            }
        })
    }

    /// Stops the coarse clock at `ktime_ns` nanoseconds since boot, for packets of another time.
    ///
    /// # Errors
    ///
    /// What the kernel said.
    pub fn stop_clock_at(&self, ktime_ns: u64) -> Result<(), MapError> {
        self.change(|live| *live = live.standing_at(tick_of(ktime_ns)))
    }

    /// Says that somebody reads the rings at `ktime_ns` nanoseconds since boot, and what time it is. Who has said so once must
    /// say so every few seconds: after [`ndpi_common::SILENCE_TICKS`] without, the programs show nothing
    /// any more, and blocked flows without a handshake end by themselves.
    ///
    /// # Errors
    ///
    /// What the kernel said.
    pub fn beat(&self, ktime_ns: u64) -> Result<(), MapError> {
        let tick = tick_of(ktime_ns);
        self.change(|live| (live.tick, live.heartbeat) = (tick, tick.max(1)))
    }

    /// Says at `ktime_ns` nanoseconds since boot that nobody reads the rings any more, for programs that stay.
    ///
    /// # Errors
    ///
    /// What the kernel said.
    pub fn fall_silent(&self, ktime_ns: u64) -> Result<(), MapError> {
        let tick = tick_of(ktime_ns);
        self.change(|live| (live.tick, live.heartbeat, live.left) = (tick, tick.max(1), 1))
    }

    /// What stands in the map now, whoever wrote it.
    ///
    /// # Errors
    ///
    /// What the kernel said.
    pub fn read(&self) -> Result<Live, MapError> {
        let value = sys::lookup(self.0.map.as_fd(), &0u32);
        value.map(Option::unwrap_or_default).map_err(|source| failed("read", source))
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
