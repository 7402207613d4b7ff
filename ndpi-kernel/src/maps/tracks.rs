//! The track maps of both families and of tenants: the kernel's notes of undecided flows.

use ndpi_common::Pod;
use ndpi_common::names::map;
use ndpi_common::{Key, KeyV4, KeyV6, TenantKey, Track};

use super::MapError;
use super::hash::Hash;
use crate::map_set::MapSet;
use crate::sys::Write;

/// `TRACK_V4`, `TRACK_V6` and `TRACK_TENANT`, and beside each of them the one of flows that are unanswered. The kernel
/// writes them, and may forget entries (LRU).
#[derive(Clone, Debug)]
pub struct TrackMaps {
    v4: Tracks<KeyV4>,
    v6: Tracks<KeyV6>,
    tenant: Tracks<TenantKey>,
}

/// The maps of one family. When a flow is answered for the first time its track moves, and what other
/// CPUs count at that moment stays behind: its counts are those of both.
#[derive(Clone, Debug)]
struct Tracks<K> {
    answered: Hash<K, Track>,
    unanswered: Hash<K, Track>,
}

impl<K: Pod> Tracks<K> {
    fn open(
        maps: &MapSet,
        answered: &'static str,
        unanswered: &'static str,
    ) -> Result<Self, MapError> {
        Ok(Self { answered: maps.hash(answered)?, unanswered: maps.hash(unanswered)? })
    }

    /// All tracks, as those of flows of any kind.
    fn entries(
        &self,
        of_kind: fn(K) -> Key,
    ) -> impl Iterator<Item = Result<(Key, Track), MapError>> + use<K> {
        let maps = [&self.answered, &self.unanswered].map(|map| map.entries(512));
        let all = maps.into_iter().flatten();
        all.map(move |entry| entry.map(|(key, value)| (of_kind(key), value)))
    }

    fn get(&self, key: &K) -> Result<Option<Track>, MapError> {
        Ok(sum(self.answered.get(key)?, self.unanswered.get(key)?))
    }

    /// The track that is written to now, without what stayed behind.
    fn latest(&self, key: &K) -> Result<Option<Track>, MapError> {
        let answered = self.answered.get(key)?;
        if answered.is_some() { Ok(answered) } else { self.unanswered.get(key) }
    }

    fn is_answered(&self, key: &K) -> Result<bool, MapError> {
        Ok(self.answered.get(key)?.is_some())
    }

    fn take(&self, key: &K) -> Result<Option<Track>, MapError> {
        Ok(sum(self.answered.take(key)?, self.unanswered.take(key)?))
    }

    fn clear(&self) -> Result<(), MapError> {
        self.answered.clear()?;
        self.unanswered.clear()
    }

    fn show_again(&self) -> Result<(), MapError> {
        for map in [&self.answered, &self.unanswered] {
            for entry in map.entries(512) {
                let (key, track) = entry?;
                match map.write(&key, &Track { shown: 0, ..track }, Write::Existing) {
                    // The programs have just moved it, or forgotten it.
                    Err(error) if error.raw_os_error() == Some(libc::ENOENT) => {}
                    written => written.map_err(|source| map.failed("write to", source))?,
                }
            }
        }
        Ok(())
    }
}

/// What is known of a flow by its tracks in both maps.
fn sum(answered: Option<Track>, unanswered: Option<Track>) -> Option<Track> {
    match (answered, unanswered) {
        (Some(answered), Some(rest)) => Some(answered.plus(&rest)),
        (answered, unanswered) => answered.or(unanswered),
    }
}

impl TrackMaps {
    pub(crate) fn open(maps: &MapSet) -> Result<Self, MapError> {
        Ok(Self {
            v4: Tracks::open(maps, map::TRACK_V4, map::UNANSWERED_V4)?,
            v6: Tracks::open(maps, map::TRACK_V6, map::UNANSWERED_V6)?,
            tenant: Tracks::open(maps, map::TRACK_TENANT, map::UNANSWERED_TENANT)?,
        })
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
            Key::Tenant(key) => self.tenant.get(key),
        }
    }

    /// The track of `key` that the programs write to now: all that it says but its counts is the latest, and those may
    /// lack some ([`TrackMaps::get`]).
    ///
    /// # Errors
    ///
    /// What the kernel said.
    pub fn latest(&self, key: &Key) -> Result<Option<Track>, MapError> {
        match key {
            Key::V4(key) => self.v4.latest(key),
            Key::V6(key) => self.v6.latest(key),
            Key::Tenant(key) => self.tenant.latest(key),
        }
    }

    /// Whether the kernel has a track of `key` whose client was answered.
    ///
    /// # Errors
    ///
    /// What the kernel said.
    pub fn is_answered(&self, key: &Key) -> Result<bool, MapError> {
        match key {
            Key::V4(key) => self.v4.is_answered(key),
            Key::V6(key) => self.v6.is_answered(key),
            Key::Tenant(key) => self.tenant.is_answered(key),
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
            Key::Tenant(key) => self.tenant.take(key),
        }
    }

    /// Removes all tracks.
    ///
    /// # Errors
    ///
    /// What the kernel said.
    pub fn clear(&self) -> Result<(), MapError> {
        self.v4.clear()?;
        self.v6.clear()?;
        self.tenant.clear()
    }

    /// Gives all undecided flows a fresh allowance: what was shown of them, nobody remembers. What the
    /// programs count in a track in the same moment may be lost.
    ///
    /// # Errors
    ///
    /// What the kernel said.
    pub(crate) fn show_again(&self) -> Result<(), MapError> {
        self.v4.show_again()?;
        self.v6.show_again()?;
        self.tenant.show_again()
    }

    /// All tracks, see [`super::VerdictMaps::entries`]; two of a flow that was answered just now.
    pub fn entries(&self) -> impl Iterator<Item = Result<(Key, Track), MapError>> + use<> {
        let tenant = self.tenant.entries(Key::Tenant);
        self.v4.entries(Key::V4).chain(self.v6.entries(Key::V6)).chain(tenant)
    }
}
