//! The token buckets that verdicts with the action `limit` take from.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use ndpi_common::names::map;
use ndpi_common::{Bucket, OWN_BUCKET};

use super::MapError;
use super::hash::Hash;
use crate::map_set::MapSet;
use crate::sys::Write;

/// `LIMITS`: a number → the token bucket of the verdicts that carry it.
#[derive(Clone, Debug)]
pub struct Limits {
    buckets: Hash<u32, Bucket>,
    /// What the last bucket of one flow was called.
    last: Arc<AtomicU32>,
}

impl Limits {
    pub(crate) fn open(maps: &MapSet) -> Result<Self, MapError> {
        Ok(Self { buckets: maps.hash(map::LIMITS)?, last: Arc::default() })
    }

    /// Puts a bucket under `number`, in place of the one that is there.
    ///
    /// # Errors
    ///
    /// [`MapError::Full`] when the map has no room for it.
    pub fn set(&self, number: u32, bucket: &Bucket) -> Result<(), MapError> {
        self.buckets.write(&number, bucket, Write::Any).map_err(|error| self.failed(error))
    }

    /// Makes a bucket for one flow, and returns its number.
    ///
    /// # Errors
    ///
    /// As [`Limits::set`].
    pub fn add_own(&self, bucket: &Bucket) -> Result<u32, MapError> {
        loop {
            let number = OWN_BUCKET | self.last.fetch_add(1, Ordering::Relaxed);
            match self.buckets.write(&number, bucket, Write::New) {
                Ok(()) => return Ok(number),
                // After two thousand million of them, numbers come again.
                Err(error) if error.raw_os_error() == Some(libc::EEXIST) => {}
                Err(error) => return Err(self.failed(error)),
            }
        }
    }

    /// The bucket with this number.
    ///
    /// # Errors
    ///
    /// What the kernel said.
    pub fn get(&self, number: u32) -> Result<Option<Bucket>, MapError> {
        self.buckets.get(&number)
    }

    /// Removes a bucket; false when there is none with this number.
    ///
    /// # Errors
    ///
    /// What the kernel said.
    pub fn remove(&self, number: u32) -> Result<bool, MapError> {
        self.buckets.remove(&number)
    }

    /// Removes all buckets.
    ///
    /// # Errors
    ///
    /// What the kernel said.
    pub fn clear(&self) -> Result<(), MapError> {
        self.buckets.clear()
    }

    fn failed(&self, error: std::io::Error) -> MapError {
        match error.raw_os_error() {
            Some(libc::E2BIG) => MapError::Full { map: self.buckets.name() },
            _ => self.buckets.failed("write to", error),
        }
    }
}
