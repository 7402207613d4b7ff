//! The servers whose flows are dropped before they have a verdict.

use std::sync::{Arc, Mutex, PoisonError};

use ndpi_common::names::map;
use ndpi_common::{Server, ServerKey};

use super::hash::Hash;
use super::{MapError, RuntimeConfig};
use crate::map_set::MapSet;
use crate::sys::Write;

/// `SERVERS`: a server → what is done to new flows to it. Handles are cheap to clone.
#[derive(Clone, Debug)]
pub struct ServerMap {
    map: Hash<ServerKey, Server>,
    live: RuntimeConfig,
    /// How many there are, as the programs read it.
    count: Arc<Mutex<u32>>,
}

impl ServerMap {
    /// Opens the map, and has the programs look in it where it has entries.
    pub(crate) fn open(maps: &MapSet, live: RuntimeConfig) -> Result<Self, MapError> {
        let map: Hash<ServerKey, Server> = maps.hash(map::SERVERS)?;
        let mut count = 0;
        for entry in map.entries(512) {
            entry?;
            count += 1;
        }
        live.set_servers(count)?;
        Ok(Self { map, live, count: Arc::new(Mutex::new(count)) })
    }

    /// Has the programs drop new flows to a server, in place of what stood for it before.
    ///
    /// # Errors
    ///
    /// [`MapError::Full`] when the map has no room for one more.
    pub fn set(&self, key: &ServerKey, server: &Server) -> Result<(), MapError> {
        let mut count = self.count.lock().unwrap_or_else(PoisonError::into_inner);
        let written = self.map.write(key, server, Write::New);
        match written.map_err(|error| (error.raw_os_error(), error)) {
            Ok(()) => {
                *count += 1;
                self.live.set_servers(*count)
            }
            Err((Some(libc::EEXIST), _)) => {
                let replaced = self.map.write(key, server, Write::Any);
                replaced.map_err(|error| self.map.failed("write to", error))
            }
            Err((Some(libc::E2BIG), _)) => Err(MapError::Full { map: self.map.name() }),
            Err((_, error)) => Err(self.map.failed("write to", error)),
        }
    }

    /// Lets new flows to a server pass again; false when they did already.
    ///
    /// # Errors
    ///
    /// What the kernel said.
    pub fn remove(&self, key: &ServerKey) -> Result<bool, MapError> {
        let mut count = self.count.lock().unwrap_or_else(PoisonError::into_inner);
        let removed = self.map.remove(key)?;
        if removed {
            *count = count.saturating_sub(1);
            self.live.set_servers(*count)?;
        }
        Ok(removed)
    }

    /// What stands for a server.
    ///
    /// # Errors
    ///
    /// What the kernel said.
    pub fn get(&self, key: &ServerKey) -> Result<Option<Server>, MapError> {
        self.map.get(key)
    }

    /// Removes all of them.
    ///
    /// # Errors
    ///
    /// What the kernel said.
    pub fn clear(&self) -> Result<(), MapError> {
        let mut count = self.count.lock().unwrap_or_else(PoisonError::into_inner);
        self.map.clear()?;
        *count = 0;
        self.live.set_servers(0)
    }
}
