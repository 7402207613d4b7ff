//! The track maps of both families: the kernel's notes of undecided flows.

use ndpi_common::names::map;
use ndpi_common::{Key, KeyV4, KeyV6, Track};

use super::MapError;
use super::hash::Hash;
use crate::kernel::map_set::MapSet;

/// `TRACK_V4` and `TRACK_V6`. The kernel writes them, and may forget entries (LRU).
#[derive(Clone, Debug)]
pub struct TrackMaps {
    v4: Hash<KeyV4, Track>,
    v6: Hash<KeyV6, Track>,
}

impl TrackMaps {
    pub(in crate::kernel) fn open(maps: &MapSet) -> Result<Self, MapError> {
        Ok(Self { v4: maps.hash(map::TRACK_V4)?, v6: maps.hash(map::TRACK_V6)? })
    }

    /// The track of `key`, if the kernel has one.
    ///
    /// # Errors
    ///
    /// What the kernel said.
    pub fn get(&self, key: &Key) -> Result<Option<Track>, MapError> {
        match key {
            Key::V4(key) => self.v4.get(key),
            Key::V6(key) => self.v6.get(key),
        }
    }

    /// Removes the track of `key` and returns it with its final counts: the flow's next packet
    /// without a verdict is shown again.
    ///
    /// # Errors
    ///
    /// What the kernel said.
    pub fn take(&self, key: &Key) -> Result<Option<Track>, MapError> {
        match key {
            Key::V4(key) => self.v4.take(key),
            Key::V6(key) => self.v6.take(key),
        }
    }

    /// Removes all tracks.
    ///
    /// # Errors
    ///
    /// What the kernel said.
    pub fn clear(&self) -> Result<(), MapError> {
        self.v4.clear()?;
        self.v6.clear()
    }

    /// All tracks, see [`super::VerdictMaps::entries`].
    pub fn entries(&self) -> impl Iterator<Item = Result<(Key, Track), MapError>> + use<> {
        let v4 = self.v4.entries(512).map(|entry| entry.map(|(key, value)| (Key::V4(key), value)));
        let v6 = self.v6.entries(512).map(|entry| entry.map(|(key, value)| (Key::V6(key), value)));
        v4.chain(v6)
    }
}
