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
    /// Bit 0: sent by the upper endpoint. Bit 1: IPv6.
    pub kind: u8,
}

/// What only a datagram's first fragment tells of its flow; the ports from the sender's point of
/// view.
#[repr(C)]
#[derive(Clone, Copy, PartialEq, Eq, Default)]
#[cfg_attr(feature = "user", derive(Debug))]
pub struct FragmentPorts {
    /// Source port.
    pub source: u16,
    /// Destination port.
    pub destination: u16,
    /// IP protocol number, of the last header of the chain.
    pub proto: u8,
    /// Always 0; makes the padding explicit.
    pub reserved: [u8; 3],
}

impl FragmentPorts {
    /// What `first` tells, a first fragment.
    #[inline(always)]
    pub fn of(first: &Packet) -> Self {
        let (source, destination) = first.ports();
        Self { source, destination, proto: first.key.proto(), reserved: [0; 3] }
    }
}

impl FragmentKey {
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
        let kind = family | u8::from(from_upper);
        Self { lower, upper, id, vlan: key.vlan(), proto, kind }
    }
}

const _: () = {
    assert!(size_of::<FragmentKey>() == 16 + 16 + 4 + 2 + 1 + 1);
    assert!(size_of::<FragmentPorts>() == 2 + 2 + 1 + 3);
};

// SAFETY: `repr(C)`, integers and byte arrays only, no padding (asserted above): every bit pattern
// is a value, and every byte of a value is initialised.
#[cfg(feature = "user")]
unsafe impl aya::Pod for FragmentKey {}
// SAFETY: as for `FragmentKey`.
#[cfg(feature = "user")]
unsafe impl aya::Pod for FragmentPorts {}
