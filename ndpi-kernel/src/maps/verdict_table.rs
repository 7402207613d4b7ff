//! The verdict map of one family.

use ndpi_common::{Key, Pod, VerdictEntry};

use super::MapError;
use super::hash::Hash;
use crate::sys::Write;

/// Entries that one batch call brings, unless one bucket has more.
const BATCH: usize = 512;

/// The result of writing an entry.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Written {
    /// It stands.
    Stands,
    /// The flow had a verdict already, which stays as it is.
    Already,
    /// The map is full. Which flow goes for another is not decided here.
    Full,
}

/// A verdict map with keys `K`.
#[derive(Clone, Debug)]
pub(super) struct VerdictTable<K> {
    map: Hash<K, VerdictEntry>,
    /// Makes a key of either family of one of this.
    of_family: fn(K) -> Key,
}

impl<K: Pod> VerdictTable<K> {
    pub(super) fn new(map: Hash<K, VerdictEntry>, of_family: fn(K) -> Key) -> Self {
        Self { map, of_family }
    }

    pub(super) fn map(&self) -> &Hash<K, VerdictEntry> {
        &self.map
    }

    pub(super) fn entries(
        &self,
    ) -> impl Iterator<Item = Result<(Key, VerdictEntry), MapError>> + use<K> {
        let of_family = self.of_family;
        self.map.entries(BATCH).map(move |entry| entry.map(|(key, value)| (of_family(key), value)))
    }

    pub(super) fn write(
        &self,
        key: &K,
        verdict: &VerdictEntry,
        write: Write,
    ) -> Result<Written, MapError> {
        let Err(error) = self.map.write(key, verdict, write) else { return Ok(Written::Stands) };
        match error.raw_os_error() {
            Some(libc::EEXIST) => Ok(Written::Already),
            Some(libc::E2BIG) => Ok(Written::Full),
            _ => Err(self.map.failed("write to", error)),
        }
    }
}
