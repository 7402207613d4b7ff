//! Which part of a divided table owns a flow.

use std::hash::{BuildHasher as _, Hash, Hasher, RandomState};

use crate::key::FlowKey;

/// 2^64 divided by the golden ratio.
const SPREAD: u64 = 0x9e37_79b9_7f4a_7c15;

/// A division of flows into parts.
#[derive(Clone, Copy, Debug)]
pub struct Shards {
    count: u64,
    start: u64,
    /// Odd.
    factor: u64,
}

impl Shards {
    /// A division that nobody else can foresee: who chooses ports cannot aim all flows at one part.
    pub fn seeded(count: usize) -> Self {
        let random = RandomState::new();
        let (start, factor) = (random.hash_one(0), random.hash_one(1) | 1);
        Self { start, factor, ..Self::fixed(count) }
    }

    /// The same division in every run.
    pub fn fixed(count: usize) -> Self {
        Self { count: count.max(1) as u64, start: 0, factor: SPREAD }
    }

    /// How many parts there are.
    pub fn count(&self) -> usize {
        usize::try_from(self.count).unwrap_or(usize::MAX)
    }

    /// Which part owns the flow: the same for both directions.
    #[inline]
    pub fn owner(&self, key: &FlowKey) -> usize {
        let mut hasher = WordHasher { state: self.start, factor: self.factor };
        key.hash(&mut hasher);
        usize::try_from(hasher.finish() % self.count).unwrap_or_default()
    }
}

/// Multiplies words together: enough to spread keys over a few parts, for a nanosecond or two.
struct WordHasher {
    state: u64,
    factor: u64,
}

impl Hasher for WordHasher {
    #[inline]
    fn write_u64(&mut self, word: u64) {
        // The upper half of the product is folded into the lower: a multiplication alone carries no bit
        // downwards.
        let (low, high) = (self.state ^ word).carrying_mul(self.factor, 0);
        self.state = low ^ high;
    }

    fn write(&mut self, bytes: &[u8]) {
        for &byte in bytes {
            self.write_u64(byte.into());
        }
    }

    #[inline]
    fn finish(&self) -> u64 {
        self.state
    }
}

#[cfg(test)]
mod tests {
    use ndpi_common::KeyV4;

    use super::Shards;
    use crate::key::FlowKey;

    /// Connections of one client, and their other directions.
    fn keys() -> impl Iterator<Item = (FlowKey, FlowKey)> {
        (0..8000_u16).map(|port| {
            let ends = (([198, 18, 0, 1], 1024 + port), ([198, 18, 0, 2], 443));
            let key = |one, other| FlowKey::V4(KeyV4::new(one, other, 0, 6).0);
            (key(ends.0, ends.1), key(ends.1, ends.0))
        })
    }

    #[test]
    fn keys_are_spread_evenly_and_both_directions_to_one_part() {
        for count in [1, 2, 3, 8] {
            for shards in [Shards::fixed(count), Shards::seeded(count)] {
                let mut flows = vec![0; count];
                for (key, back) in keys() {
                    assert_eq!(shards.owner(&key), shards.owner(&back));
                    flows[shards.owner(&key)] += 1;
                }
                let share = 8000 / count;
                let even = |n: &usize| *n * 10 > share * 8 && *n * 10 < share * 12;
                assert!(flows.iter().all(even), "{flows:?} by {shards:?}");
            }
        }
    }

    #[test]
    fn flows_aimed_at_one_part_of_a_division_are_spread_by_another() {
        let known = Shards::seeded(8);
        let aimed: Vec<_> =
            keys().map(|(key, _)| key).filter(|key| known.owner(key) == 0).collect();
        let mut flows = vec![0; 8];
        let other = Shards::seeded(8);
        for key in &aimed {
            flows[other.owner(key)] += 1;
        }
        assert!(flows.iter().all(|n| *n < aimed.len() / 4), "{flows:?} of {}", aimed.len());
        let fixed =
            keys().all(|(key, _)| Shards::fixed(8).owner(&key) == Shards::fixed(8).owner(&key));
        assert!(fixed);
    }
}
