//! The token buckets that verdicts with the action `limit` take from.

use ndpi_common::names::map;
use ndpi_common::{Bucket, OWN_BUCKET};

use super::MapError;
use super::numbered::Numbered;
use crate::map_set::MapSet;

/// `LIMITS`: a number → the token bucket of the verdicts that carry it.
#[derive(Clone, Debug)]
pub struct Limits(Numbered<Bucket>);

impl Limits {
    pub(crate) fn open(maps: &MapSet) -> Result<Self, MapError> {
        Ok(Self(Numbered::open(maps, map::LIMITS)?))
    }

    /// Puts a bucket under `number`, in place of the one that is there.
    ///
    /// # Errors
    ///
    /// [`MapError::Full`] when the map has no room for it.
    pub fn set(&self, number: u32, bucket: &Bucket) -> Result<(), MapError> {
        self.0.set(number, bucket)
    }

    /// Makes a bucket for one flow, and returns its number.
    ///
    /// # Errors
    ///
    /// As [`Limits::set`].
    pub fn add_own(&self, bucket: &Bucket) -> Result<u32, MapError> {
        self.0.add(bucket, OWN_BUCKET)
    }

    /// The bucket with this number.
    ///
    /// # Errors
    ///
    /// What the kernel said.
    pub fn get(&self, number: u32) -> Result<Option<Bucket>, MapError> {
        self.0.get(number)
    }

    /// Removes a bucket; false when there is none with this number.
    ///
    /// # Errors
    ///
    /// What the kernel said.
    pub fn remove(&self, number: u32) -> Result<bool, MapError> {
        self.0.remove(number)
    }

    /// The numbers of all buckets.
    ///
    /// # Errors
    ///
    /// What the kernel said.
    pub fn numbers(&self) -> Result<Vec<u32>, MapError> {
        self.0.numbers()
    }

    /// Removes all buckets.
    ///
    /// # Errors
    ///
    /// What the kernel said.
    pub fn clear(&self) -> Result<(), MapError> {
        self.0.clear()
    }
}
