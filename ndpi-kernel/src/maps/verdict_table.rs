//! The verdict map of one family, and how room is made in it when it is full.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use ndpi_common::Pod;
use ndpi_common::{Action, Key, Verdict};

use super::MapError;
use super::hash::{Entries, Hash};
use super::verdicts::{Insertion, Written};
use crate::sys::Write;

/// Entries that one batch call brings, unless one bucket has more.
const BATCH: usize = 512;

/// How many entries are looked at for one that may go, per entry that needs room.
const LOOKED_AT: usize = 4096;

/// How many entries that may go are compared: the one that was idle for longest goes.
const COMPARED: usize = 64;

/// How often room is made for one entry: other writers may take it, or change what was found.
const TRIES: usize = 16;

/// What a search for an entry that may go came to.
enum Search {
    /// This entry was removed.
    Removed(Key, Verdict),
    /// The entry found was changed or removed by somebody else meanwhile.
    Changed,
    /// The entries looked at must all stay.
    Nothing,
}

/// A verdict map with keys `K`.
#[derive(Debug)]
pub(super) struct VerdictTable<K> {
    map: Hash<K, Verdict>,
    /// Makes a key of either family of one of this.
    of_family: fn(K) -> Key,
    room: Arc<Room<K>>,
}

/// The search for entries that may go, shared by all handles.
#[derive(Debug)]
struct Room<K> {
    /// Where the last search stopped; the next one goes on from there.
    hand: Mutex<Option<Entries<K, Verdict>>>,
    evicted: AtomicU64,
}

impl<K> Clone for VerdictTable<K> {
    fn clone(&self) -> Self {
        Self { map: self.map.clone(), of_family: self.of_family, room: Arc::clone(&self.room) }
    }
}

impl<K: Pod> VerdictTable<K> {
    pub(super) fn new(map: Hash<K, Verdict>, of_family: fn(K) -> Key) -> Self {
        let room = Room { hand: Mutex::new(None), evicted: AtomicU64::new(0) };
        Self { map, of_family, room: Arc::new(room) }
    }

    pub(super) fn map(&self) -> &Hash<K, Verdict> {
        &self.map
    }

    pub(super) fn evicted(&self) -> u64 {
        self.room.evicted.load(Ordering::Relaxed)
    }

    pub(super) fn entries(
        &self,
    ) -> impl Iterator<Item = Result<(Key, Verdict), MapError>> + use<K> {
        let of_family = self.of_family;
        self.map.entries(BATCH).map(move |entry| entry.map(|(key, value)| (of_family(key), value)))
    }

    pub(super) fn write(
        &self,
        key: &K,
        verdict: &Verdict,
        write: Write,
    ) -> Result<Insertion, MapError> {
        let mut gone = Vec::new();
        for _ in 0..TRIES {
            let Err(error) = self.map.write(key, verdict, write) else {
                return Ok(Insertion { written: Written::Stands, gone });
            };
            match error.raw_os_error() {
                Some(libc::EEXIST) => return Ok(Insertion { written: Written::Already, gone }),
                Some(libc::E2BIG) if !may_go(verdict) => match self.make_room()? {
                    Search::Removed(key, verdict) => gone.push((key, verdict)),
                    Search::Changed => {}
                    Search::Nothing => break,
                },
                Some(libc::E2BIG) => break,
                _ => return Err(self.map.failed("write to", error)),
            }
        }
        Ok(Insertion { written: Written::Full, gone })
    }

    /// Looks for an entry that may go and removes it. The next search goes on where this one
    /// stopped, so that a full map is not searched from the start for every entry.
    fn make_room(&self) -> Result<Search, MapError> {
        let Some(key) = self.find()? else { return Ok(Search::Nothing) };
        // What the search read may be old by now: a flow that passed may be blocked.
        if !self.map.get(&key)?.is_some_and(|verdict| may_go(&verdict)) {
            return Ok(Search::Changed);
        }
        match self.map.take(&key)? {
            Some(verdict) if may_go(&verdict) => {
                self.room.evicted.fetch_add(1, Ordering::Relaxed);
                Ok(Search::Removed((self.of_family)(key), verdict))
            }
            // Changed in the moment between: it goes back with its counts.
            Some(verdict) => match self.map.write(&key, &verdict, Write::New) {
                Ok(()) => Ok(Search::Changed),
                Err(error) if error.raw_os_error() == Some(libc::EEXIST) => Ok(Search::Changed),
                Err(error) => Err(self.map.failed("write to", error)),
            },
            None => Ok(Search::Changed),
        }
    }

    /// An entry that may go, among the next ones.
    fn find(&self) -> Result<Option<K>, MapError> {
        let mut hand = self.room.hand.lock().unwrap_or_else(PoisonError::into_inner);
        let mut entries = hand.take().unwrap_or_else(|| self.map.entries(BATCH));
        let mut found = longest_idle(entries.by_ref().take(LOOKED_AT))?;
        if entries.ended() {
            entries = self.map.entries(BATCH);
            if found.is_none() {
                found = longest_idle(entries.by_ref().take(LOOKED_AT))?;
            }
        }
        *hand = Some(entries);
        Ok(found)
    }
}

/// Whether an entry with this verdict may go: no flow gets through that should not.
fn may_go(verdict: &Verdict) -> bool {
    matches!(
        Action::from_byte(verdict.action),
        None | Some(Action::None | Action::Count | Action::Bypass)
    )
}

/// Of the first entries that may go, the one that was idle for longest.
fn longest_idle<K>(
    entries: impl Iterator<Item = Result<(K, Verdict), MapError>>,
) -> Result<Option<K>, MapError> {
    let mut best: Option<(u32, K)> = None;
    let may_go =
        entries.filter(|entry| entry.as_ref().map_or(true, |(_, verdict)| may_go(verdict)));
    for entry in may_go.take(COMPARED) {
        let (key, verdict) = entry?;
        if best.as_ref().is_none_or(|(last_seen, _)| verdict.last_seen < *last_seen) {
            best = Some((verdict.last_seen, key));
        }
    }
    Ok(best.map(|(_, key)| key))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entry(key: u32, action: Action, last_seen: u32) -> (u32, Verdict) {
        (key, Verdict { action: action as u8, last_seen, ..Verdict::default() })
    }

    #[test]
    fn the_longest_idle_entry_that_may_go_is_chosen() {
        let entries = [
            entry(1, Action::Drop, 1),
            entry(2, Action::Count, 30),
            entry(3, Action::Bypass, 20),
            entry(4, Action::Limit, 2),
            entry(5, Action::Count, 25),
        ];
        assert_eq!(longest_idle(entries.into_iter().map(Ok)).unwrap(), Some(3));
    }

    #[test]
    fn entries_that_block_or_limit_stay() {
        let entries = [Action::Drop, Action::Reject, Action::Limit].map(|a| entry(7, a, 0));
        assert_eq!(longest_idle(entries.into_iter().map(Ok)).unwrap(), None);
    }

    #[test]
    fn only_so_many_are_compared() {
        let oldest_is_last = (0..1000u32).map(|key| Ok(entry(key, Action::Count, 1000 - key)));
        let last_compared = u32::try_from(COMPARED).unwrap() - 1;
        assert_eq!(longest_idle(oldest_is_last).unwrap(), Some(last_compared));
    }

    #[test]
    fn an_error_ends_the_search() {
        let entries = [Ok(entry(1, Action::Count, 1)), Err(MapError::Missing { map: "M" })];
        assert!(longest_idle(entries.into_iter()).is_err());
    }
}
