//! Names of the rules by which verdicts were made.

use std::collections::HashSet;

use ndpi_common::names::map;
use ndpi_common::{RuleKey, RuleName};

use super::MapError;
use super::hash::Hash;
use crate::map_set::MapSet;
use crate::sys::Write;

/// Entries that one batch call brings, unless one bucket has more.
const BATCH: usize = 512;

/// `RULES`: a policy's revision and a rule's place in it → the rule's name.
#[derive(Clone, Debug)]
pub struct RuleNames(Hash<RuleKey, RuleName>);

impl RuleNames {
    pub(crate) fn open(maps: &MapSet) -> Result<Self, MapError> {
        Ok(Self(maps.hash(map::RULES)?))
    }

    /// Gives a rule its name.
    ///
    /// # Errors
    ///
    /// What the kernel said: `E2BIG` where there is no room for more names.
    pub fn set(&self, key: &RuleKey, name: &RuleName) -> Result<(), MapError> {
        self.0.write(key, name, Write::Any).map_err(|source| self.0.failed("write to", source))
    }

    /// Forgets the name of a rule.
    ///
    /// # Errors
    ///
    /// What the kernel said.
    pub fn remove(&self, key: &RuleKey) -> Result<(), MapError> {
        self.0.remove(key).map(drop)
    }

    /// The name of a rule; `None` where none was written.
    ///
    /// # Errors
    ///
    /// What the kernel said.
    pub fn get(&self, key: &RuleKey) -> Result<Option<RuleName>, MapError> {
        self.0.get(key)
    }

    /// The last revision of which there is a name; 0 where there is none.
    ///
    /// # Errors
    ///
    /// What the kernel said.
    pub fn last_revision(&self) -> Result<u32, MapError> {
        let mut last = 0;
        for entry in self.0.entries(BATCH) {
            last = last.max(entry?.0.revision);
        }
        Ok(last)
    }

    /// Removes the names of all policies whose revision is not among these.
    ///
    /// # Errors
    ///
    /// What the kernel said.
    pub fn retain(&self, revisions: &HashSet<u32>) -> Result<(), MapError> {
        for entry in self.0.entries(BATCH) {
            let (key, _) = entry?;
            if !revisions.contains(&key.revision) {
                self.0.remove(&key)?;
            }
        }
        Ok(())
    }
}
