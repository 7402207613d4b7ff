//! Where frames go that pass on an interface with a peer.

use std::fmt;
use std::io;

use aya::maps::{DevMapHash, Map, MapData};
use ndpi_common::names::map;

use super::MapError;
use crate::map_set::MapSet;

/// `PEERS`: an interface → the interface out of which its frames go.
pub(crate) struct Peers {
    map: DevMapHash<MapData>,
    id: u32,
}

impl Peers {
    pub(crate) fn open(maps: &MapSet) -> Result<Self, MapError> {
        let failed = |error| MapError::Open { map: map::PEERS, source: Box::new(error) };
        let id = maps.data(map::PEERS)?.info().map_err(failed)?.id();
        let map = Map::from_map_data(maps.duplicate(map::PEERS)?);
        let map = map.and_then(TryFrom::try_from).map_err(failed)?;
        Ok(Self { map, id })
    }

    /// The kernel's number for the map.
    pub(crate) fn id(&self) -> u32 {
        self.id
    }

    /// Gives the interface with index `from` the peer with index `to`.
    pub(crate) fn set(&mut self, from: u32, to: u32) -> Result<(), MapError> {
        self.map.insert(from, to, None, 0).map_err(|error| MapError::Call {
            doing: "write to",
            map: map::PEERS,
            source: io::Error::other(error),
        })
    }

    /// The interfaces that have a peer, and which, by index.
    pub(crate) fn all(&self) -> Result<Vec<(u32, u32)>, MapError> {
        let failed = |error| MapError::Open { map: map::PEERS, source: Box::new(error) };
        let all = self.map.iter().map(|entry| entry.map(|(from, to)| (from, to.if_index)));
        all.collect::<Result<_, _>>().map_err(failed)
    }

    /// Takes the peer of the interface with index `from` away, if it has one.
    pub(crate) fn remove(&mut self, from: u32) -> Result<(), MapError> {
        match self.map.remove(from) {
            // Or the kernel has, when an end went.
            Ok(()) | Err(aya::maps::MapError::KeyNotFound) => Ok(()),
            Err(aya::maps::MapError::SyscallError(error))
                if error.io_error.raw_os_error() == Some(libc::ENOENT) =>
            {
                Ok(())
            }
            Err(error) => Err(MapError::Call {
                doing: "write to",
                map: map::PEERS,
                source: io::Error::other(error),
            }),
        }
    }
}

impl fmt::Debug for Peers {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(map::PEERS)
    }
}
