//! The settings that change while the programs run.

use std::os::fd::{AsFd, OwnedFd};
use std::sync::Arc;

use ndpi_common::names::map;
use ndpi_common::{Live, tick_of};

use super::MapError;
use super::hash::open_checked;
use crate::kernel::map_set::MapSet;
use crate::kernel::sys::{self, Write};

/// The programs' writable data: one [`Live`].
#[derive(Clone, Debug)]
pub struct LiveCell(Arc<OwnedFd>);

impl LiveCell {
    pub(in crate::kernel) fn open(maps: &MapSet) -> Result<Self, MapError> {
        let fd = open_checked::<u32, Live>(map::LIVE_PIN, maps.data(map::LIVE_PIN)?)?;
        Ok(Self(Arc::new(fd)))
    }

    /// Advances the kernel side's coarse clock to `ktime_ns` nanoseconds since boot
    /// ([`crate::kernel::ktime_ns`]). To be called at least once a tick
    /// ([`ndpi_common::TICK_NS`]).
    ///
    /// # Errors
    ///
    /// What the kernel said.
    pub fn advance(&self, ktime_ns: u64) -> Result<(), MapError> {
        let live = Live { tick: tick_of(ktime_ns), zero: 0 };
        sys::update(self.0.as_fd(), &0u32, &live, Write::Any).map_err(|source| MapError::Call {
            doing: "write to",
            map: map::LIVE_PIN,
            source,
        })
    }
}
