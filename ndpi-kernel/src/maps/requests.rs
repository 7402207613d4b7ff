//! Which packets of decided flows are shown, since they may bring another request.

use ndpi_common::names::map;
use ndpi_common::{Direction, RequestWatch};

use super::MapError;
use super::numbered::Numbered;
use crate::map_set::MapSet;

/// `REQUESTS`: a number that a verdict carries → from which sequence number on the client's packets are shown.
#[derive(Clone, Debug)]
pub struct RequestWatches(Numbered<RequestWatch>);

impl RequestWatches {
    pub(crate) fn open(maps: &MapSet) -> Result<Self, MapError> {
        Ok(Self(Numbered::open(maps, map::REQUESTS)?))
    }

    /// Makes a watch on what `client` sends, and returns its number.
    ///
    /// # Errors
    ///
    /// [`MapError::Full`] when the map has no room for it.
    pub fn add(&self, client: Direction, from: u32) -> Result<u32, MapError> {
        let watch = RequestWatch { from, client: client as u32, ..RequestWatch::default() };
        self.0.add(&watch, 0)
    }

    /// Has packets shown that reach beyond `from`. What the kernel counts in between may be lost.
    ///
    /// # Errors
    ///
    /// What the kernel said.
    pub fn move_to(&self, number: u32, from: u32) -> Result<(), MapError> {
        match self.0.get(number)? {
            Some(before) if before.from != from => {
                self.0.set(number, &RequestWatch { from, ..before })
            }
            _ => Ok(()),
        }
    }

    /// The watch of this number.
    ///
    /// # Errors
    ///
    /// What the kernel said.
    pub fn get(&self, number: u32) -> Result<Option<RequestWatch>, MapError> {
        self.0.get(number)
    }

    /// Ends a watch: no more packets are shown for it. False when there is none of this number.
    ///
    /// # Errors
    ///
    /// What the kernel said.
    pub fn remove(&self, number: u32) -> Result<bool, MapError> {
        self.0.remove(number)
    }

    /// The numbers of all watches.
    ///
    /// # Errors
    ///
    /// What the kernel said.
    pub fn numbers(&self) -> Result<Vec<u32>, MapError> {
        self.0.numbers()
    }

    /// Ends all watches.
    ///
    /// # Errors
    ///
    /// What the kernel said.
    pub fn clear(&self) -> Result<(), MapError> {
        self.0.clear()
    }
}
