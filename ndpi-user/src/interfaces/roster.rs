//! The watched interfaces, as the rest of a session sees them.

use std::collections::{BTreeMap, HashMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard};

use ndpi_text::clean;

use crate::locked::locked;

/// Names of interfaces that are gone and are kept for flows that end later.
const KEPT: usize = 1024;

/// The interfaces that are watched, and where nothing is enforced; cheap to clone.
#[derive(Clone, Debug, Default)]
pub struct Roster(Arc<Mutex<Inner>>);

#[derive(Debug, Default)]
struct Inner {
    names: HashMap<u32, Arc<str>>,
    gone: VecDeque<u32>,
    unenforced: BTreeMap<String, String>,
}

impl Roster {
    /// One with these interfaces, by index.
    pub fn new<'a>(names: impl IntoIterator<Item = (u32, &'a str)>) -> Self {
        let roster = Self::default();
        names.into_iter().for_each(|(index, name)| roster.enter(index, name));
        roster
    }

    /// Enters an interface, or the new name of one.
    pub fn enter(&self, index: u32, name: &str) {
        let mut inner = self.lock();
        inner.gone.retain(|&gone| gone != index);
        inner.names.insert(index, clean(name).into());
    }

    /// Notes that an interface is gone: its name is forgotten when many others have gone after it.
    pub fn leave(&self, index: u32) {
        let mut inner = self.lock();
        inner.gone.push_back(index);
        if inner.gone.len() > KEPT
            && let Some(oldest) = inner.gone.pop_front()
        {
            inner.names.remove(&oldest);
        }
    }

    /// The name of an interface.
    pub fn name(&self, index: u32) -> Option<Arc<str>> {
        self.lock().names.get(&index).cloned()
    }

    /// The interfaces by index, with some that are gone.
    pub fn indices(&self) -> Vec<u32> {
        self.lock().names.keys().copied().collect()
    }

    /// The names of those that are not gone, in order.
    pub fn attached(&self) -> Vec<String> {
        let inner = self.lock();
        let here = inner.names.iter().filter(|(index, _)| !inner.gone.contains(index));
        let mut names: Vec<_> = here.map(|(_, name)| name.to_string()).collect();
        names.sort_unstable();
        names
    }

    /// Notes where nothing is enforced, or not all, and why.
    pub fn set_unenforced(&self, unenforced: BTreeMap<String, String>) {
        self.lock().unenforced = unenforced;
    }

    /// Where nothing is enforced, or not all: the interface or pattern asked for, and why.
    pub fn unenforced(&self) -> BTreeMap<String, String> {
        self.lock().unenforced.clone()
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        // No call in here panics between two writes that belong together.
        locked(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::{KEPT, Roster};

    #[test]
    fn names_outlive_their_interfaces_within_a_bound() {
        let roster = Roster::new([(1, "lo"), (2, "eth0")]);
        roster.leave(2);
        assert_eq!(roster.name(2).as_deref(), Some("eth0"));
        roster.enter(2, "lan0");
        for index in 10..=10 + u32::try_from(KEPT).unwrap() {
            roster.enter(index, "veth");
            roster.leave(index);
        }
        assert_eq!((roster.name(10), roster.name(2).as_deref()), (None, Some("lan0")));
        assert!(roster.name(11).is_some());
        assert_eq!(roster.attached(), ["lan0", "lo"]);
    }
}
