//! A hash map: single entries, and all of them by batches.

use std::io;
use std::marker::PhantomData;
use std::mem::MaybeUninit;
use std::os::fd::{AsFd, OwnedFd};
use std::sync::Arc;

use aya::maps::{MapData, MapType};
use ndpi_common::Pod;

use crate::sys::{self, Cursor, Write};

/// What went wrong with a map.
#[derive(Debug, thiserror::Error)]
pub enum MapError {
    /// The programs have no such map.
    #[error("the kernel programs have no map {map}: the object is of another version")]
    Missing {
        /// The map's name.
        map: &'static str,
    },
    /// The map's keys or values are not of the size that this program uses.
    #[error(
        "map {map} has keys of {key} and values of {value} bytes, this program uses {our_key} and \
         {our_value}: it is of another version; stop what uses it, or use the ndpi-xdp that made it"
    )]
    Layout {
        /// The map's name.
        map: &'static str,
        /// Size of its keys in bytes.
        key: u32,
        /// Size of its values in bytes.
        value: u32,
        /// Size of our keys in bytes.
        our_key: usize,
        /// Size of our values in bytes.
        our_value: usize,
    },
    /// The map is not of the type, or has not the flags or entries, that the programs define.
    #[error(
        "map {map} is of {what} {theirs}, while that of this program is of {what} {ours}: it is of \
         another version, or somebody has exchanged it; stop what uses it, and remove it with: \
         ndpi-xdp detach (and its --name or --pin-dir)"
    )]
    Shape {
        /// The map's name.
        map: &'static str,
        /// What differs.
        what: &'static str,
        /// What it is in our programs, by the kernel's numbers (`linux/bpf.h`).
        ours: u32,
        /// What it is in the map.
        theirs: u32,
    },
    /// The map has no room for one more entry, nor an entry that may go for it.
    #[error("map {map} is full: give it more entries (--max-flows)")]
    Full {
        /// The map's name.
        map: &'static str,
    },
    /// A system call failed.
    #[error("cannot {doing} map {map}")]
    Call {
        /// What was being done: `read`, `write to`.
        doing: &'static str,
        /// The map's name.
        map: &'static str,
        /// What the kernel said.
        source: io::Error,
    },
    /// Aya refused.
    #[error("cannot open map {map}")]
    Open {
        /// The map's name.
        map: &'static str,
        /// What aya said.
        source: Box<aya::maps::MapError>,
    },
}

/// A handle to a hash map (plain or LRU) from `K` to `V`.
#[derive(Debug)]
pub(crate) struct Hash<K, V> {
    name: &'static str,
    fd: Arc<OwnedFd>,
    /// Entries that it has room for.
    places: u32,
    entries: PhantomData<fn(K) -> V>,
}

impl<K, V> Clone for Hash<K, V> {
    fn clone(&self) -> Self {
        let Self { name, places, .. } = *self;
        Self { name, fd: Arc::clone(&self.fd), places, entries: PhantomData }
    }
}

impl<K: Pod, V: Pod> Hash<K, V> {
    /// Takes a map whose keys and values have the sizes of `K` and `V`.
    pub(crate) fn open(name: &'static str, map: &MapData) -> Result<Self, MapError> {
        // Of the others with keys, some have a value for each CPU, and some take no look-ups.
        let kinds = [MapType::Hash, MapType::LruHash];
        let fd = open_checked::<K, V>(name, &kinds, map)?;
        let info =
            map.info().map_err(|source| MapError::Open { map: name, source: Box::new(source) })?;
        Ok(Self { name, fd: Arc::new(fd), places: info.max_entries(), entries: PhantomData })
    }

    /// The map's name.
    pub(crate) fn name(&self) -> &'static str {
        self.name
    }

    /// Entries that it has room for.
    pub(crate) fn places(&self) -> u32 {
        self.places
    }

    /// The value of `key`.
    pub(crate) fn get(&self, key: &K) -> Result<Option<V>, MapError> {
        sys::lookup(self.fd.as_fd(), key).map_err(|source| self.failed("read", source))
    }

    /// Writes `value` under `key`. The kernel's own words for a key that is there (`EEXIST`) and a
    /// full map (`E2BIG`) are left to the caller.
    pub(crate) fn write(&self, key: &K, value: &V, write: Write) -> io::Result<()> {
        sys::update(self.fd.as_fd(), key, value, write)
    }

    /// Removes `key`; false when it was not there.
    pub(crate) fn remove(&self, key: &K) -> Result<bool, MapError> {
        sys::delete(self.fd.as_fd(), key).map_err(|source| self.failed("write to", source))
    }

    /// Removes `key` and returns its last value, from which no count is missing.
    pub(crate) fn take(&self, key: &K) -> Result<Option<V>, MapError> {
        let fd = self.fd.as_fd();
        match sys::take(fd, key) {
            // Before Linux 5.14 hash maps cannot do both at once.
            Err(error) if matches!(error.raw_os_error(), Some(libc::EINVAL | ENOTSUPP)) => {
                let value = self.get(key)?;
                Ok(if self.remove(key)? { value } else { None })
            }
            result => result.map_err(|source| self.failed("write to", source)),
        }
    }

    /// A walk over all entries, see [`Entries`].
    pub(crate) fn entries(&self, batch: usize) -> Entries<K, V> {
        Entries::new(self.clone(), batch)
    }

    /// Removes every entry that is there now.
    pub(crate) fn clear(&self) -> Result<(), MapError> {
        for entry in self.entries(512) {
            self.remove(&entry?.0)?;
        }
        Ok(())
    }

    pub(crate) fn failed(&self, doing: &'static str, source: io::Error) -> MapError {
        MapError::Call { doing, map: self.name, source }
    }
}

/// The kernel's own number for "not supported" (`linux/errno.h`), which the C library has not.
const ENOTSUPP: i32 = 524;

/// The descriptor of a map of one of these kinds after a look at its sizes.
pub(crate) fn open_checked<K, V>(
    name: &'static str,
    kinds: &[MapType],
    map: &MapData,
) -> Result<OwnedFd, MapError> {
    let open = |source| MapError::Open { map: name, source: Box::new(source) };
    let info = map.info().map_err(open)?;
    let found = info.map_type().map_err(open)?;
    if !kinds.contains(&found) {
        let (ours, theirs) = (kinds[0] as u32, found as u32);
        return Err(MapError::Shape { map: name, what: "type", ours, theirs });
    }
    let (key, value) = (info.key_size(), info.value_size());
    let (our_key, our_value) = (size_of::<K>(), size_of::<V>());
    if key as usize != our_key || value as usize != our_value {
        return Err(MapError::Layout { map: name, key, value, our_key, our_value });
    }
    map.fd().as_fd().try_clone_to_owned().map_err(|source| MapError::Call {
        doing: "duplicate the descriptor of",
        map: name,
        source,
    })
}

/// A walk over the entries of a hash map that may change meanwhile.
///
/// Each bucket of the map is read at once, and buckets one after the other: an entry that stays in
/// the map during the walk comes exactly once; one that is inserted or removed meanwhile comes once
/// or not at all. (A key that is removed and inserted again stays in its bucket.)
#[derive(Debug)]
pub(crate) struct Entries<K, V> {
    map: Hash<K, V>,
    cursor: Option<Cursor>,
    keys: Vec<MaybeUninit<K>>,
    values: Vec<MaybeUninit<V>>,
    len: usize,
    next: usize,
    ended: bool,
}

impl<K: Pod, V: Pod> Entries<K, V> {
    fn new(map: Hash<K, V>, batch: usize) -> Self {
        let mut entries = Self {
            map,
            cursor: None,
            keys: Vec::new(),
            values: Vec::new(),
            len: 0,
            next: 0,
            ended: false,
        };
        entries.make_room(batch.max(1));
        entries
    }

    fn make_room(&mut self, batch: usize) {
        self.keys.resize_with(batch, MaybeUninit::uninit);
        self.values.resize_with(batch, MaybeUninit::uninit);
    }

    /// Reads the next buckets.
    fn fill(&mut self) -> Result<(), MapError> {
        loop {
            let fd = self.map.fd.as_fd();
            match sys::lookup_batch(fd, &mut self.cursor, &mut self.keys, &mut self.values) {
                Ok(batch) => {
                    (self.len, self.next, self.ended) = (batch.len, 0, batch.last);
                    return Ok(());
                }
                // One bucket has more entries than the batch has room for.
                Err(error) if error.raw_os_error() == Some(libc::ENOSPC) => {
                    self.make_room(self.keys.len() * 2);
                }
                Err(error) => {
                    (self.len, self.next, self.ended) = (0, 0, true);
                    return Err(self.map.failed("read", error));
                }
            }
        }
    }
}

impl<K: Pod, V: Pod> Iterator for Entries<K, V> {
    type Item = Result<(K, V), MapError>;

    fn next(&mut self) -> Option<Self::Item> {
        while self.next == self.len {
            if self.ended {
                return None;
            }
            if let Err(error) = self.fill() {
                return Some(Err(error));
            }
        }
        let (key, value) = (self.keys[self.next], self.values[self.next]);
        self.next += 1;
        // SAFETY: the kernel filled in the first `len` keys and values, `next` was below that, and
        // every bit pattern is a key or value (`Pod`).
        Some(Ok(unsafe { (key.assume_init(), value.assume_init()) }))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A map of numbers; `None` where this process may not make one. Tests with root's rights,
    /// which CI runs, read the maps of the programs in the same way.
    fn numbers(entries: u32) -> Option<(OwnedFd, MapData)> {
        let fd = sys::create_hash::<u32, u64>("numbers", entries)
            .inspect_err(|error| eprintln!("skipped: cannot make a map: {error}"))
            .ok()?;
        let map = MapData::from_fd(fd.try_clone().unwrap()).unwrap();
        Some((fd, map))
    }

    #[test]
    fn a_walk_with_too_small_batches_makes_them_larger() {
        let Some((_, map)) = numbers(2000) else { return };
        let hash = Hash::<u32, u64>::open("numbers", &map).unwrap();
        for key in 0..2000 {
            hash.write(&key, &(u64::from(key) * 3), Write::New).unwrap();
        }
        let mut found: Vec<_> = hash.entries(1).collect::<Result<_, _>>().unwrap();
        found.sort_unstable();
        let expected: Vec<_> = (0..2000).map(|key| (key, u64::from(key) * 3)).collect();
        assert_eq!(found, expected);
        let mut walk = hash.entries(1);
        while walk.next().is_some() {}
        assert!(walk.keys.len() > 1, "2000 keys in 2048 buckets, and never two in one?");
    }

    #[test]
    fn entries_come_and_go() {
        let Some((_, map)) = numbers(2) else { return };
        let hash = Hash::<u32, u64>::open("numbers", &map).unwrap();
        assert_eq!(hash.entries(16).count(), 0);
        hash.write(&1, &10, Write::New).unwrap();
        let there = hash.write(&1, &11, Write::New).unwrap_err();
        assert_eq!(there.raw_os_error(), Some(libc::EEXIST));
        hash.write(&1, &12, Write::Any).unwrap();
        hash.write(&2, &20, Write::New).unwrap();
        let full = hash.write(&3, &30, Write::New).unwrap_err();
        assert_eq!(full.raw_os_error(), Some(libc::E2BIG));
        assert_eq!((hash.take(&1).unwrap(), hash.take(&1).unwrap()), (Some(12), None));
        assert_eq!((hash.remove(&2).unwrap(), hash.remove(&2).unwrap()), (true, false));
        assert_eq!(hash.get(&2).unwrap(), None);
    }

    #[test]
    fn a_map_with_a_value_for_each_cpu_is_refused() {
        let per_cpu = [MapType::PerCpuHash, MapType::PerCpuArray, MapType::LruPerCpuHash];
        for kind in per_cpu {
            let Ok(fd) = sys::create_map::<u32, u64>("numbers", kind as u32, 2) else { return };
            let map = MapData::from_fd(fd).unwrap();
            let error = Hash::<u32, u64>::open("numbers", &map).unwrap_err();
            assert!(matches!(error, MapError::Shape { what: "type", .. }), "{error:?}");
        }
    }

    #[test]
    fn a_map_of_another_layout_is_refused() {
        let Some((_, map)) = numbers(2) else { return };
        let error = Hash::<u32, u32>::open("numbers", &map).unwrap_err().to_string();
        assert!(error.contains("keys of 4 and values of 8 bytes, this program uses 4 and 4"));
    }
}
