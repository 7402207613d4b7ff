//! Which part of a divided table owns a flow.

use std::hash::{Hash, Hasher};

use super::FlowKey;

/// Which of `shards` parts owns the flow: the same for both directions and in every run.
#[inline]
pub fn shard(key: &FlowKey, shards: usize) -> usize {
    let mut hasher = WordHasher(0);
    key.hash(&mut hasher);
    usize::try_from(hasher.finish() % shards.max(1) as u64).unwrap_or_default()
}

/// Multiplies words together: enough to spread keys over a few parts, for a nanosecond or two.
struct WordHasher(u64);

impl Hasher for WordHasher {
    #[inline]
    fn write_u64(&mut self, word: u64) {
        // 2^64 divided by the golden ratio. The upper half of the product is folded into the lower:
        // a multiplication alone carries no bit downwards.
        const SPREAD: u64 = 0x9e37_79b9_7f4a_7c15;
        let (low, high) = (self.0 ^ word).carrying_mul(SPREAD, 0);
        self.0 = low ^ high;
    }

    fn write(&mut self, bytes: &[u8]) {
        for &byte in bytes {
            self.write_u64(byte.into());
        }
    }

    #[inline]
    fn finish(&self) -> u64 {
        self.0
    }
}

#[cfg(test)]
mod tests {
    use ndpi_common::KeyV4;

    use super::{FlowKey, shard};

    #[test]
    fn keys_are_spread_evenly_and_always_the_same_way() {
        for shards in [1, 2, 3, 8] {
            let mut flows = vec![0; shards];
            for port in 0..8000_u16 {
                let ends = (([198, 18, 0, 1], 1024 + port), ([198, 18, 0, 2], 443));
                let key = FlowKey::V4(KeyV4::new(ends.0, ends.1, 0, 6).0);
                let back = FlowKey::V4(KeyV4::new(ends.1, ends.0, 0, 6).0);
                assert_eq!(shard(&key, shards), shard(&back, shards));
                flows[shard(&key, shards)] += 1;
            }
            let share = 8000 / shards;
            assert!(flows.iter().all(|n| n * 10 > share * 8 && n * 10 < share * 12), "{flows:?}");
        }
    }
}
