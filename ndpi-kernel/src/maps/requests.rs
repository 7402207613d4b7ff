//! Which packets of decided flows are shown, since they may bring another request.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use ndpi_common::names::map;
use ndpi_common::{Direction, RequestWatch};

use super::MapError;
use super::hash::Hash;
use crate::map_set::MapSet;
use crate::sys::Write;

/// `REQUESTS`: a number that a verdict carries → from which sequence number on the client's packets are shown.
#[derive(Clone, Debug)]
pub struct RequestWatches {
    watches: Hash<u32, RequestWatch>,
    /// What the last one was called.
    last: Arc<AtomicU32>,
}

impl RequestWatches {
    pub(crate) fn open(maps: &MapSet) -> Result<Self, MapError> {
        Ok(Self { watches: maps.hash(map::REQUESTS)?, last: Arc::default() })
    }

    /// Makes a watch on what `client` sends, and returns its number.
    ///
    /// # Errors
    ///
    /// [`MapError::Full`] when the map has no room for it.
    pub fn add(&self, client: Direction, from: u32) -> Result<u32, MapError> {
        let watch = RequestWatch { from, client: client as u32, ..RequestWatch::default() };
        loop {
            let number = self.last.fetch_add(1, Ordering::Relaxed);
            match self.watches.write(&number, &watch, Write::New) {
                Ok(()) => return Ok(number),
                // After four thousand million of them, numbers come again.
                Err(error) if error.raw_os_error() == Some(libc::EEXIST) => {}
                Err(error) if error.raw_os_error() == Some(libc::E2BIG) => {
                    return Err(MapError::Full { map: self.watches.name() });
                }
                Err(error) => return Err(self.watches.failed("write to", error)),
            }
        }
    }

    /// Has packets shown that reach beyond `from`. What the kernel counts in between may be lost.
    ///
    /// # Errors
    ///
    /// What the kernel said.
    pub fn move_to(&self, number: u32, from: u32) -> Result<(), MapError> {
        let Some(before) = self.watches.get(&number)? else { return Ok(()) };
        if before.from == from {
            return Ok(());
        }
        let watch = RequestWatch { from, ..before };
        self.watches
            .write(&number, &watch, Write::Any)
            .map_err(|error| self.watches.failed("write to", error))
    }

    /// The watch of this number.
    ///
    /// # Errors
    ///
    /// What the kernel said.
    pub fn get(&self, number: u32) -> Result<Option<RequestWatch>, MapError> {
        self.watches.get(&number)
    }

    /// Ends a watch: no more packets are shown for it. False when there is none of this number.
    ///
    /// # Errors
    ///
    /// What the kernel said.
    pub fn remove(&self, number: u32) -> Result<bool, MapError> {
        self.watches.remove(&number)
    }

    /// Ends all watches.
    ///
    /// # Errors
    ///
    /// What the kernel said.
    pub fn clear(&self) -> Result<(), MapError> {
        self.watches.clear()
    }
}
