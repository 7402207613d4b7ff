//! Which part of a divided table owns a flow.

use std::hash::{BuildHasher as _, RandomState};

use ndpi_common::Division;

use crate::key::FlowKey;

/// A division of flows into parts.
#[derive(Clone, Copy, Debug)]
pub struct Shards(Division);

impl Shards {
    /// A division that nobody else can foresee: who chooses ports cannot aim all flows at one part.
    pub fn seeded(count: usize) -> Self {
        Self(Division { seed: RandomState::new().hash_one(0), ..Self::fixed(count).0 })
    }

    /// The same division in every run.
    pub fn fixed(count: usize) -> Self {
        let parts = u32::try_from(count.max(1)).unwrap_or(u32::MAX);
        Self(Division { parts, seed: 0 })
    }

    /// The division that the kernel makes.
    pub fn of(division: Division) -> Self {
        Self(division)
    }

    /// The same for the kernel.
    pub fn division(&self) -> Division {
        self.0
    }

    /// How many parts there are.
    pub fn count(&self) -> usize {
        self.0.parts as usize
    }

    /// Which part owns the flow: the same for both directions.
    #[inline]
    pub fn owner(&self, key: &FlowKey) -> usize {
        self.0.owner(key.words()) as usize
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
