//! The token buckets of rules with the action `limit`.

use ndpi_common::Bucket;
use ndpi_common::names::map;

use super::MapError;
use super::hash::Hash;
use crate::kernel::map_set::MapSet;
use crate::kernel::sys::Write;

/// `LIMITS`: a rule's index → its token bucket.
#[derive(Clone, Debug)]
pub struct Limits(Hash<u32, Bucket>);

impl Limits {
    pub(in crate::kernel) fn open(maps: &MapSet) -> Result<Self, MapError> {
        maps.hash(map::LIMITS).map(Self)
    }

    /// Gives the rule a bucket, in place of the one it has.
    ///
    /// # Errors
    ///
    /// [`MapError::Full`] when more rules limit than the map has entries.
    pub fn set(&self, rule: u16, bucket: &Bucket) -> Result<(), MapError> {
        self.0.write(&u32::from(rule), bucket, Write::Any).map_err(|error| {
            match error.raw_os_error() {
                Some(libc::E2BIG) => MapError::Full { map: self.0.name() },
                _ => self.0.failed("write to", error),
            }
        })
    }

    /// The rule's bucket.
    ///
    /// # Errors
    ///
    /// What the kernel said.
    pub fn get(&self, rule: u16) -> Result<Option<Bucket>, MapError> {
        self.0.get(&u32::from(rule))
    }

    /// Removes the rule's bucket; false when it had none.
    ///
    /// # Errors
    ///
    /// What the kernel said.
    pub fn remove(&self, rule: u16) -> Result<bool, MapError> {
        self.0.remove(&u32::from(rule))
    }
}
