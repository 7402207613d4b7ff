//! A table of bounded size.

use std::collections::{BTreeMap, HashMap};
use std::hash::Hash;

/// A table that, when it is full, lets go of what was not used for longest.
#[derive(Debug)]
pub(crate) struct Lru<K, V> {
    most: usize,
    /// Counts uses.
    clock: u64,
    entries: HashMap<K, (u64, V)>,
    /// By the time of the last use.
    order: BTreeMap<u64, K>,
}

impl<K: Copy + Eq + Hash, V: Default> Lru<K, V> {
    /// A table with room for `most` entries, at least one.
    pub(crate) fn new(most: usize) -> Self {
        let most = most.max(1);
        Self { most, clock: 0, entries: HashMap::new(), order: BTreeMap::new() }
    }

    /// The value of `key`, as it was last left or new, and the entry that had to go for it.
    pub(crate) fn enter(&mut self, key: K) -> (&mut V, Option<V>) {
        let is_full = self.entries.len() >= self.most && !self.entries.contains_key(&key);
        let gone = if is_full { self.oldest().and_then(|key| self.remove(&key)) } else { None };
        self.clock += 1;
        let now = self.clock;
        let (used, value) = self.entries.entry(key).or_insert_with(|| (now, V::default()));
        self.order.remove(used);
        self.order.insert(now, key);
        *used = now;
        (value, gone)
    }

    /// The value of `key`, which counts as used.
    pub(crate) fn use_one(&mut self, key: &K) -> Option<&V> {
        if !self.entries.contains_key(key) {
            return None;
        }
        Some(self.enter(*key).0)
    }

    /// Keeps the entries that `keep` says, after it has changed them.
    pub(crate) fn retain(&mut self, mut keep: impl FnMut(&mut V) -> bool) {
        let order = &mut self.order;
        self.entries.retain(|_, (used, value)| {
            let kept = keep(value);
            if !kept {
                order.remove(used);
            }
            kept
        });
    }

    /// All values.
    pub(crate) fn values(&self) -> impl Iterator<Item = &V> {
        self.entries.values().map(|(_, value)| value)
    }

    fn oldest(&self) -> Option<K> {
        self.order.first_key_value().map(|(_, key)| *key)
    }

    fn remove(&mut self, key: &K) -> Option<V> {
        let (used, value) = self.entries.remove(key)?;
        self.order.remove(&used);
        Some(value)
    }
}

#[cfg(test)]
mod tests {
    use super::Lru;

    #[test]
    fn what_was_not_used_for_longest_goes_first() {
        let mut table = Lru::<u8, Vec<u8>>::new(2);
        for key in [1, 2] {
            let (value, gone) = table.enter(key);
            value.push(key);
            assert_eq!(gone, None);
        }
        assert_eq!(table.use_one(&1), Some(&vec![1]));
        let (value, gone) = table.enter(3);
        assert_eq!((value, gone), (&mut vec![], Some(vec![2])));
        assert_eq!(table.use_one(&2), None);
        assert_eq!(table.values().count(), 2);
    }

    #[test]
    fn an_entry_that_is_there_sends_none_away() {
        let mut table = Lru::<u8, u8>::new(1);
        *table.enter(7).0 = 1;
        let (value, gone) = table.enter(7);
        assert_eq!((*value, gone), (1, None));
    }

    #[test]
    fn entries_that_are_not_kept_leave_nothing_behind() {
        let mut table = Lru::<u8, u8>::new(8);
        for key in 0..8 {
            *table.enter(key).0 = key;
        }
        table.retain(|value| *value % 2 == 0);
        assert_eq!((table.entries.len(), table.order.len()), (4, 4));
        assert!(table.order.values().all(|key| key % 2 == 0));
    }
}
