//! Sets of rules, a bit each.

use std::collections::HashMap;

/// A set of rules: as many words as all rules need.
pub(super) type Words = [u64];

/// Sets stored side by side, equal ones once.
#[derive(Debug, Default)]
pub(super) struct Pool {
    width: usize,
    words: Vec<u64>,
}

/// A set of a [`Pool`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) struct SetId(u32);

impl Pool {
    pub(super) fn get(&self, set: SetId) -> &Words {
        &self.words[set.0 as usize * self.width..][..self.width]
    }

    /// Adds the rules of a set to `union`.
    pub(super) fn add_to(&self, set: SetId, union: &mut Words) {
        for (union, word) in union.iter_mut().zip(self.get(set)) {
            *union |= word;
        }
    }
}

/// A [`Pool`] being filled.
pub(super) struct PoolBuilder {
    pool: Pool,
    known: HashMap<Box<Words>, SetId>,
    /// What a set becomes with one rule more: of long lists, every entry asks for the same.
    grown: HashMap<(SetId, u16), SetId>,
}

impl PoolBuilder {
    pub(super) fn new(width: usize) -> Self {
        Self {
            pool: Pool { width, words: Vec::new() },
            known: HashMap::new(),
            grown: HashMap::new(),
        }
    }

    pub(super) fn width(&self) -> usize {
        self.pool.width
    }

    pub(super) fn set(&mut self, words: &Words) -> SetId {
        if let Some(known) = self.known.get(words) {
            return *known;
        }
        let count = self.pool.words.len() / self.pool.width.max(1);
        let set = SetId(u32::try_from(count).expect("fewer sets than 4 billion"));
        self.pool.words.extend_from_slice(words);
        self.known.insert(words.into(), set);
        set
    }

    /// The set of the rules given.
    pub(super) fn of(&mut self, rules: &[u16]) -> SetId {
        let mut words = vec![0; self.pool.width];
        for rule in rules {
            insert(&mut words, *rule);
        }
        self.set(&words)
    }

    /// The rules of `set`, and `rule`.
    pub(super) fn with(&mut self, set: SetId, rule: u16) -> SetId {
        if let Some(grown) = self.grown.get(&(set, rule)) {
            return *grown;
        }
        let mut words = self.pool.get(set).to_vec();
        insert(&mut words, rule);
        let grown = self.set(&words);
        self.grown.insert((set, rule), grown);
        grown
    }

    pub(super) fn finish(self) -> Pool {
        self.pool
    }
}

pub(super) fn insert(set: &mut Words, rule: u16) {
    set[usize::from(rule / 64)] |= 1 << (rule % 64);
}

pub(super) fn remove(set: &mut Words, rule: u16) {
    set[usize::from(rule / 64)] &= !(1 << (rule % 64));
}

/// The rules of a set, in file order.
pub(super) fn members(set: &Words) -> impl Iterator<Item = u16> {
    (0_u16..).zip(set).flat_map(|(word, bits)| {
        let mut left = *bits;
        std::iter::from_fn(move || {
            let bit = (left != 0).then(|| left.trailing_zeros())?;
            left &= left - 1;
            // A word has 64 bits: the number of one fits.
            Some(word * 64 + u16::try_from(bit).unwrap_or(0))
        })
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn members_come_in_order() {
        let mut set = [0; 3];
        for rule in [130, 0, 63, 64] {
            insert(&mut set, rule);
        }
        assert_eq!(members(&set).collect::<Vec<_>>(), [0, 63, 64, 130]);
        remove(&mut set, 63);
        assert_eq!(members(&set).collect::<Vec<_>>(), [0, 64, 130]);
    }

    #[test]
    fn equal_sets_are_stored_once() {
        let mut pool = PoolBuilder::new(1);
        let (a, b, c) = (pool.of(&[1, 2]), pool.of(&[2, 1]), pool.of(&[3]));
        let pool = pool.finish();
        assert_eq!(pool.get(a), pool.get(b));
        assert_eq!(pool.words.len(), 2);
        let mut union = [0];
        pool.add_to(a, &mut union);
        pool.add_to(c, &mut union);
        assert_eq!(members(&union).collect::<Vec<_>>(), [1, 2, 3]);
    }
}
