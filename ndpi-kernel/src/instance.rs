//! The note that an instance pins beside its maps: which version it is, and who.

use std::fs;
use std::io;
use std::os::fd::AsFd;

use aya::maps::{MapData, MapType};
use ndpi_common::ABI_VERSION;
use ndpi_common::Pod;

use super::clock::ktime_ns;
use super::folder::Folder;
use super::maps::MapError;
use super::maps::hash::open_checked;
use super::shape::Shape;
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

    /// Stages a pin of it in `folder`.
    pub(super) fn stage(&self, folder: &Folder) -> Result<(), MapError> {
        let call = |doing| move |source| MapError::Call { doing, map: Self::PIN, source };
        let fd = sys::create_cell::<Self>(Self::PIN).map_err(call("make"))?;
        sys::update(fd.as_fd(), &0u32, self, Write::Any).map_err(call("write to"))?;
        let map = MapData::from_fd(fd).map_err(io::Error::other).map_err(call("pin"))?;
        folder.stage(Self::PIN, |path| map.pin(path)).map_err(call("pin"))
    }

    /// Reads it in `folder`; `None` when there is none.
    pub(super) fn pinned(folder: &Folder) -> Result<Option<Self>, MapError> {
        if !folder.has(Self::PIN) {
            return Ok(None);
        }
        let map = MapData::from_pin(folder.entry(Self::PIN))
            .map_err(|source| MapError::Open { map: Self::PIN, source: Box::new(source) })?;
        Shape::cell::<Self>().check(Self::PIN, &map)?;
        let fd = open_checked::<u32, Self>(Self::PIN, &[MapType::Array], &map)?;
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
