//! Maps whose entries go by numbers that verdicts carry.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use ndpi_common::Pod;

use super::MapError;
use super::hash::Hash;
use crate::map_set::MapSet;
use crate::sys::Write;

/// A map with a number for each entry.
#[derive(Debug)]
pub(super) struct Numbered<V> {
    entries: Hash<u32, V>,
    /// What the last entry was called that got a number here.
    last: Arc<AtomicU32>,
}

impl<V> Clone for Numbered<V> {
    fn clone(&self) -> Self {
        Self { entries: self.entries.clone(), last: Arc::clone(&self.last) }
    }
}

impl<V: Pod> Numbered<V> {
    pub(super) fn open(maps: &MapSet, name: &'static str) -> Result<Self, MapError> {
        Ok(Self { entries: maps.hash(name)?, last: Arc::default() })
    }

    /// Adds an entry under a number with the bits `mark`, and returns that; fails with [`MapError::Full`]
    /// where there is no room.
    pub(super) fn add(&self, value: &V, mark: u32) -> Result<u32, MapError> {
        loop {
            let number = mark | self.last.fetch_add(1, Ordering::Relaxed);
            match self.entries.write(&number, value, Write::New) {
                Ok(()) => return Ok(number),
                // After thousands of millions of them, numbers come again.
                Err(error) if error.raw_os_error() == Some(libc::EEXIST) => {}
                Err(error) => return Err(self.failed(error)),
            }
        }
    }

    /// Puts an entry under `number`, in place of the one that is there; fails as [`add`](Self::add) does.
    pub(super) fn set(&self, number: u32, value: &V) -> Result<(), MapError> {
        self.entries.write(&number, value, Write::Any).map_err(|error| self.failed(error))
    }

    pub(super) fn get(&self, number: u32) -> Result<Option<V>, MapError> {
        self.entries.get(&number)
    }

    /// Removes an entry; false when there is none with this number.
    pub(super) fn remove(&self, number: u32) -> Result<bool, MapError> {
        self.entries.remove(&number)
    }

    pub(super) fn numbers(&self) -> Result<Vec<u32>, MapError> {
        self.entries.entries(512).map(|entry| Ok(entry?.0)).collect()
    }

    pub(super) fn clear(&self) -> Result<(), MapError> {
        self.entries.clear()
    }

    fn failed(&self, error: std::io::Error) -> MapError {
        match error.raw_os_error() {
            Some(libc::E2BIG) => MapError::Full { map: self.entries.name() },
            _ => self.entries.failed("write to", error),
        }
    }
}
