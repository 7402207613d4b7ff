//! From a value to the rules that name it.

use std::hash::Hash;

use hashbrown::{Equivalent, HashMap};

use super::sets::{Pool, PoolBuilder, SetId, Words};

/// Rules by equal key.
#[derive(Debug)]
pub(super) struct ByKey<K> {
    sets: HashMap<K, SetId>,
    pool: Pool,
}

impl<K: Hash + Eq> ByKey<K> {
    pub(super) fn new(width: usize, entries: impl Iterator<Item = (K, u16)>) -> Self {
        let mut rules: HashMap<K, Vec<u16>> = HashMap::new();
        for (key, rule) in entries {
            rules.entry(key).or_default().push(rule);
        }
        let mut pool = PoolBuilder::new(width);
        let sets = rules.into_iter().map(|(key, rules)| (key, pool.of(&rules))).collect();
        Self { sets, pool: pool.finish() }
    }

    /// Adds the rules that name `key` to `union`.
    pub(super) fn add_to<Q: Hash + Equivalent<K> + ?Sized>(&self, key: &Q, union: &mut Words) {
        if let Some(set) = self.sets.get(key) {
            self.pool.add_to(*set, union);
        }
    }
}
