//! Which part of a divided table owns a flow.

use std::hash::{BuildHasher, BuildHasherDefault, DefaultHasher};

use super::FlowKey;

/// Which of `shards` parts owns the flow: the same for both directions and in every run.
pub fn shard(key: &FlowKey, shards: usize) -> usize {
    let hash = BuildHasherDefault::<DefaultHasher>::default().hash_one(key);
    usize::try_from(hash % shards.max(1) as u64).unwrap_or_default()
}
