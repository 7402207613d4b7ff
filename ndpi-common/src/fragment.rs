//! Fragments: how later fragments, which carry no ports, find their flow.

use crate::parse::Packet;
use crate::{Direction, Key};

/// What identifies the fragments of one datagram (RFC 791, RFC 8200): a key of `FRAGMENTS`.
///
/// Both families share the map; IPv4 addresses take the first four bytes.
#[repr(C, align(8))]
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "user", derive(Debug))]
pub struct FragmentKey {
    /// Address of the lower endpoint.
    pub lower: [u8; 16],
    /// Address of the upper endpoint.
    pub upper: [u8; 16],
    /// The IP identification: 16 bits in IPv4, 32 bits in IPv6, host byte order.
    pub id: u32,
    /// The innermost VLAN identifier.
    pub vlan: u16,
    /// IP protocol number; 0 for IPv6, whose later fragments need not tell the truth about it.
    pub proto: u8,
    /// Bit 0: sent by the upper endpoint. Bit 1: IPv6. From bit 2 on: how many tunnels the datagram is
    /// inside of.
    pub kind: u8,
}

/// What only a datagram's first fragment tells of its flow; the ports from the sender's point of
/// view. One word: the map gives the place of a value to another datagram's at any time, and what is
/// read must be of one of them.
#[repr(C, align(8))]
#[derive(Clone, Copy, PartialEq, Eq, Default)]
#[cfg_attr(feature = "user", derive(Debug))]
pub struct FragmentPorts {
    /// Source port.
    pub source: u16,
    /// Destination port.
    pub destination: u16,
    /// IP protocol number, of the last header of the chain.
    pub proto: u8,
    /// The [`FragmentKey::check`] of the datagram.
    pub check: [u8; 3],
}

impl FragmentPorts {
    /// What `first` tells, a first fragment of the datagram `key`.
    #[inline(always)]
    pub fn of(first: &Packet, key: &FragmentKey) -> Self {
        let (source, destination) = first.ports();
        Self { source, destination, proto: first.key.proto(), check: key.check() }
    }

    /// Whether this was written for the datagram `key`.
    #[inline(always)]
    pub fn is_of(&self, key: &FragmentKey) -> bool {
        self.check == key.check()
    }
}

impl FragmentKey {
    /// A digest of the key: tells a value from one of another key, of which some CPU may still hold the
    /// address.
    #[inline(always)]
    pub fn check(&self) -> [u8; 3] {
        let Self { id, vlan, proto, kind, .. } = *self;
        let last = u64::from(id) << 32 | u64::from(vlan) << 16 | u64::from(proto) << 8;
        let mix =
            |sum: u64, word: u64| (sum ^ word).wrapping_mul(0x9e37_79b9_7f4a_7c15).rotate_left(29);
        let mut sum = last | u64::from(kind);
        for address in [&self.lower, &self.upper] {
            for half in address.as_chunks::<8>().0 {
                sum = mix(sum, u64::from_ne_bytes(*half));
            }
        }
        let [.., x, y, z] = mix(sum, 0).to_le_bytes();
        [x, y, z]
    }

    /// The key under which the fragments of a datagram meet. `key` may carry ports or not.
    #[inline(always)]
    pub fn new(key: &Key, direction: Direction, id: u32) -> Self {
        let (mut lower, mut upper) = ([0; 16], [0; 16]);
        let (family, proto) = match key {
            Key::V4(key) => {
                lower[..4].copy_from_slice(&key.lower);
                upper[..4].copy_from_slice(&key.upper);
                (0, key.proto)
            }
            Key::V6(key) => {
                lower = key.lower;
                upper = key.upper;
                (2, 0)
            }
        };
        // A host that talks to itself: only ports would tell the directions apart, and a later
        // fragment has none.
        let from_upper = lower != upper && matches!(direction, Direction::FromUpper);
        let kind = key.tunnel() << 2 | family | u8::from(from_upper);
        Self { lower, upper, id, vlan: key.vlan(), proto, kind }
    }
}

const _: () = {
    assert!(size_of::<FragmentKey>() == 16 + 16 + 4 + 2 + 1 + 1);
    assert!(size_of::<FragmentPorts>() == 2 + 2 + 1 + 3);
};

// SAFETY: `repr(C)`, integers and byte arrays only, no padding (asserted above): every bit pattern
// is a value, and every byte of a value is initialised.
unsafe impl crate::Pod for FragmentKey {}
// SAFETY: as for `FragmentKey`.
unsafe impl crate::Pod for FragmentPorts {}
