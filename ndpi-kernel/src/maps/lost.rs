//! Frames that could not be redirected.

use ndpi_common::names::map;

use super::MapError;
use super::hash::Hash;
use super::peers::Peers;
use crate::map_set::MapSet;
use crate::sys::Write;

/// The key for frames that TC was to redirect.
const BY_TC: u32 = 0;

/// How many frames could not be sent out of a peer interface: it was down, they were too long for
/// it, or its driver stopped taking such frames. They are counted as redirected too.
#[derive(Clone, Debug)]
pub struct LostFrames {
    by_map: Hash<u32, u64>,
    /// The kernel's number for `PEERS`.
    peers: u32,
}

impl LostFrames {
    pub(crate) fn open(maps: &MapSet, peers: &Peers) -> Result<Self, MapError> {
        Ok(Self { by_map: maps.hash(map::LOST)?, peers: peers.id() })
    }

    /// Has the program that receives such frames count ours.
    pub(crate) fn begin(&self) -> Result<(), MapError> {
        for way in [self.peers, BY_TC] {
            match self.by_map.write(&way, &0, Write::New) {
                // What an earlier instance has counted goes on.
                Err(error) if error.raw_os_error() == Some(libc::EEXIST) => {}
                written => written.map_err(|source| self.by_map.failed("write to", source))?,
            }
        }
        Ok(())
    }

    /// Frames lost so far; 0 where nobody counts them, as without peers.
    ///
    /// # Errors
    ///
    /// What the kernel said.
    pub fn read(&self) -> Result<u64, MapError> {
        let lost = |way| self.by_map.get(way).map(Option::unwrap_or_default);
        Ok(lost(&self.peers)? + lost(&BY_TC)?)
    }
}
