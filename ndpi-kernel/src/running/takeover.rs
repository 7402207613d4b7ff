//! The state that an instance which is gone has left, to be restored if this one does not come to take its place.

use crate::carried::carry_over;
use crate::earlier::Earlier;
use crate::map_set::MapSet;
use crate::maps::hash::Hash;
use crate::maps::{MapError, Peers};
use crate::sys::Write;

/// Entries that one batch call brings.
const BATCH: usize = 512;

/// The maps of an instance that is gone, and what stood in those that are this one's as well.
#[derive(Debug)]
pub(super) struct Takeover {
    earlier: Earlier,
    /// Whether what stands in maps that cannot be used again is in ours.
    is_carried: bool,
    /// Where the frames of interfaces go (`INTERFACES`).
    interfaces: Vec<(u32, u32)>,
    /// The ends of wires (`PEERS`).
    peers: Vec<(u32, u32)>,
}

impl Takeover {
    pub(super) fn begin(
        earlier: Earlier,
        interfaces: &Hash<u32, u32>,
        peers: &Peers,
    ) -> Result<Self, MapError> {
        let interfaces = interfaces.entries(BATCH).collect::<Result<_, _>>()?;
        Ok(Self { earlier, is_carried: false, interfaces, peers: peers.all()? })
    }

    /// Its maps.
    pub(super) fn earlier(&self) -> &Earlier {
        &self.earlier
    }

    /// Writes what stands in maps that cannot be used again into ours, once.
    pub(super) fn carry_over(&mut self, ours: &MapSet) -> Result<(), MapError> {
        if std::mem::replace(&mut self.is_carried, true) {
            return Ok(());
        }
        carry_over(&self.earlier, ours)
    }

    /// Where the frames of an interface went.
    pub(super) fn way(&self, index: u32) -> Option<u32> {
        let known = self.interfaces.iter().find(|(other, _)| *other == index);
        known.map(|(_, peer)| *peer)
    }

    /// Writes down again where the frames of all interfaces went.
    pub(super) fn restore_ways(
        &self,
        interfaces: &Hash<u32, u32>,
        peers: &mut Peers,
    ) -> Result<(), MapError> {
        for entry in interfaces.entries(BATCH).collect::<Vec<_>>() {
            let (index, _) = entry?;
            if self.way(index).is_none() {
                interfaces.remove(&index)?;
            }
        }
        for (index, peer) in &self.interfaces {
            let written = interfaces.write(index, peer, Write::Any);
            written.map_err(|source| interfaces.failed("write to", source))?;
        }
        for (from, _) in peers.all()? {
            if !self.peers.iter().any(|(other, _)| *other == from) {
                peers.remove(from)?;
            }
        }
        self.peers.iter().try_for_each(|&(from, to)| peers.set(from, to))
    }
}
