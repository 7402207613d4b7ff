//! The verdict maps of both families and of tenants: written once by user space, counted in by the kernel.

use ndpi_common::names::map;
use ndpi_common::{Key, KeyV4, KeyV6, TenantKey, VerdictEntry};

use super::MapError;
use super::verdict_table::{VerdictTable, Written};
use crate::map_set::MapSet;
use crate::sys::Write;

/// `VERDICTS_V4`, `VERDICTS_V6` and `VERDICTS_TENANT`.
#[derive(Clone, Debug)]
pub struct VerdictMaps {
    v4: VerdictTable<KeyV4>,
    v6: VerdictTable<KeyV6>,
    tenant: VerdictTable<TenantKey>,
}

impl VerdictMaps {
    pub(crate) fn open(maps: &MapSet) -> Result<Self, MapError> {
        Ok(Self {
            v4: VerdictTable::new(maps.hash(map::VERDICTS_V4)?, Key::V4),
            v6: VerdictTable::new(maps.hash(map::VERDICTS_V6)?, Key::V6),
            tenant: VerdictTable::new(maps.hash(map::VERDICTS_TENANT)?, Key::Tenant),
        })
    }

    /// Gives `key` a verdict unless it has one.
    ///
    /// # Errors
    ///
    /// What the kernel said, but for a full map: that is [`Written::Full`].
    pub fn insert(&self, key: &Key, verdict: &VerdictEntry) -> Result<Written, MapError> {
        self.write(key, verdict, Write::New)
    }

    /// Gives `key` this verdict; an earlier one is lost with its counts ([`VerdictMaps::take`] it
    /// first where they matter).
    ///
    /// # Errors
    ///
    /// As for [`VerdictMaps::insert`].
    pub fn replace(&self, key: &Key, verdict: &VerdictEntry) -> Result<Written, MapError> {
        self.write(key, verdict, Write::Any)
    }

    fn write(&self, key: &Key, verdict: &VerdictEntry, write: Write) -> Result<Written, MapError> {
        match key {
            Key::V4(key) => self.v4.write(key, verdict, write),
            Key::V6(key) => self.v6.write(key, verdict, write),
            Key::Tenant(key) => self.tenant.write(key, verdict, write),
        }
    }

    /// The entry of `key`, with its counts so far.
    ///
    /// # Errors
    ///
    /// What the kernel said.
    pub fn get(&self, key: &Key) -> Result<Option<VerdictEntry>, MapError> {
        match key {
            Key::V4(key) => self.v4.map().get(key),
            Key::V6(key) => self.v6.map().get(key),
            Key::Tenant(key) => self.tenant.map().get(key),
        }
    }

    /// Removes the entry of `key` and returns it with its final counts.
    ///
    /// # Errors
    ///
    /// What the kernel said.
    pub fn take(&self, key: &Key) -> Result<Option<VerdictEntry>, MapError> {
        match key {
            Key::V4(key) => self.v4.map().take(key),
            Key::V6(key) => self.v6.map().take(key),
            Key::Tenant(key) => self.tenant.map().take(key),
        }
    }

    /// Removes all entries, with their counts.
    ///
    /// # Errors
    ///
    /// What the kernel said.
    pub fn clear(&self) -> Result<(), MapError> {
        self.v4.map().clear()?;
        self.v6.map().clear()?;
        self.tenant.map().clear()
    }

    /// Entries that each map has room for: of IPv4, and of IPv6.
    pub fn places(&self) -> [u64; 2] {
        [self.v4.map().places(), self.v6.map().places()].map(u64::from)
    }

    /// Entries that the map of tenants has room for; `None` where no tunnel is opened, so that there are none.
    pub fn tenant_places(&self) -> Option<u64> {
        Some(self.tenant.map().places().into()).filter(|places| *places > 1)
    }

    /// All entries of all maps, while the kernel goes on counting in them. An entry that stays
    /// during the walk comes exactly once; one that comes or goes meanwhile, once or not at all.
    pub fn entries(&self) -> impl Iterator<Item = Result<(Key, VerdictEntry), MapError>> + use<> {
        self.v4.entries().chain(self.v6.entries()).chain(self.tenant.entries())
    }
}
