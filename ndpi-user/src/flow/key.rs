//! The key of a flow of either family.

use std::hash::{BuildHasher, BuildHasherDefault, DefaultHasher};
use std::net::IpAddr;

use ndpi_common::{Direction, KeyV4, KeyV6};

/// A canonical flow key: the lower endpoint first, so that both directions have one key.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum FlowKey {
    /// An IPv4 flow.
    V4(KeyV4),
    /// An IPv6 flow.
    V6(KeyV6),
}

/// One end of a flow: an address, and a port (0 for protocols without ports).
pub type Endpoint = (IpAddr, u16);

impl FlowKey {
    /// The IP protocol number (IANA).
    pub fn proto(&self) -> u8 {
        match self {
            Self::V4(key) => key.proto,
            Self::V6(key) => key.proto,
        }
    }

    /// The outermost VLAN identifier, 0 when untagged.
    pub fn vlan(&self) -> u16 {
        match self {
            Self::V4(key) => key.vlan,
            Self::V6(key) => key.vlan,
        }
    }

    /// The endpoint that comes first in the key.
    pub fn lower(&self) -> Endpoint {
        match self {
            Self::V4(key) => (key.lower.into(), key.lower_port),
            Self::V6(key) => (key.lower.into(), key.lower_port),
        }
    }

    /// The endpoint that comes second in the key.
    pub fn upper(&self) -> Endpoint {
        match self {
            Self::V4(key) => (key.upper.into(), key.upper_port),
            Self::V6(key) => (key.upper.into(), key.upper_port),
        }
    }

    /// Sender and receiver of a packet that goes `direction`.
    pub fn endpoints(&self, direction: Direction) -> (Endpoint, Endpoint) {
        match direction {
            Direction::FromLower => (self.lower(), self.upper()),
            Direction::FromUpper => (self.upper(), self.lower()),
        }
    }

    /// Which of `shards` parts owns this flow: the same for both directions and for every run.
    pub fn shard(&self, shards: usize) -> usize {
        let hash = BuildHasherDefault::<DefaultHasher>::default().hash_one(self);
        usize::try_from(hash % shards.max(1) as u64).unwrap_or_default()
    }
}

impl From<ndpi_common::Key> for FlowKey {
    fn from(key: ndpi_common::Key) -> Self {
        match key {
            ndpi_common::Key::V4(key) => Self::V4(key),
            ndpi_common::Key::V6(key) => Self::V6(key),
        }
    }
}

/// The other way.
pub(crate) fn opposite(direction: Direction) -> Direction {
    match direction {
        Direction::FromLower => Direction::FromUpper,
        Direction::FromUpper => Direction::FromLower,
    }
}
