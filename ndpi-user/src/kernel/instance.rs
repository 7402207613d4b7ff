//! The note that an instance pins beside its maps: which version it is, and who.

use std::fs;
use std::io;
use std::os::fd::AsFd;
use std::path::Path;

use aya::Pod;
use aya::maps::MapData;
use ndpi_common::ABI_VERSION;

use super::clock::ktime_ns;
use super::maps::MapError;
use super::maps::hash::open_checked;
use super::sys::{self, Write};

/// Who made the maps beside it. The layout never changes, whatever else does.
#[repr(C)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Instance {
    /// [`ABI_VERSION`] of the maps.
    pub abi: u32,
    /// The process.
    pub pid: u32,
    /// When it loaded the programs, in nanoseconds since boot.
    pub started_ns: u64,
}

// SAFETY: `repr(C)`, integers only, 4 + 4 + 8 bytes without padding.
unsafe impl Pod for Instance {}

const _: () = assert!(size_of::<Instance>() == 4 + 4 + 8);

impl Instance {
    /// The name of the pin.
    pub(super) const PIN: &'static str = "INSTANCE";

    /// This process, now.
    pub(super) fn current() -> Self {
        Self { abi: ABI_VERSION, pid: std::process::id(), started_ns: ktime_ns() }
    }

    /// Pins it in `directory`.
    pub(super) fn pin(&self, directory: &Path) -> Result<(), MapError> {
        let call = |doing| move |source| MapError::Call { doing, map: Self::PIN, source };
        let fd = sys::create_cell::<Self>(Self::PIN).map_err(call("make"))?;
        sys::update(fd.as_fd(), &0u32, self, Write::Any).map_err(call("write to"))?;
        let map = MapData::from_fd(fd).map_err(io::Error::other).map_err(call("pin"))?;
        map.pin(directory.join(Self::PIN)).map_err(io::Error::other).map_err(call("pin"))
    }

    /// Reads it in `directory`; `None` when there is none.
    pub(super) fn pinned(directory: &Path) -> Result<Option<Self>, MapError> {
        let path = directory.join(Self::PIN);
        if !fs::exists(&path).unwrap_or(false) {
            return Ok(None);
        }
        let map = MapData::from_pin(path)
            .map_err(|source| MapError::Open { map: Self::PIN, source: Box::new(source) })?;
        let fd = open_checked::<u32, Self>(Self::PIN, &map)?;
        sys::lookup(fd.as_fd(), &0u32).map_err(|source| MapError::Call {
            doing: "read",
            map: Self::PIN,
            source,
        })
    }

    /// Whether the process still runs. (Another process may have its number by now.)
    pub fn runs(&self) -> bool {
        fs::exists(format!("/proc/{}", self.pid)).unwrap_or(false)
    }
}
