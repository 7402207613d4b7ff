//! Flow keys: both directions of one 5-tuple and VLAN, on the wire or inside a tunnel; of tenants see [`TenantKey`].
//!
//! A key is canonical: the endpoint with the lower (address, port) comes first, so the packets of
//! both directions meet in one map entry. [`Direction`] says which way a packet went.

use core::hash::{Hash, Hasher};

/// Which way a packet of a flow goes, in terms of its canonical key.
#[repr(u8)]
#[derive(Clone, Copy, PartialEq, Eq)]
#[cfg_attr(feature = "user", derive(Debug, Hash))]
pub enum Direction {
    /// Sent by the lower endpoint.
    FromLower = 0,
    /// Sent by the upper endpoint.
    FromUpper = 1,
}

impl Direction {
    /// The other way.
    #[inline(always)]
    #[must_use]
    pub const fn opposite(self) -> Self {
        match self {
            Self::FromLower => Self::FromUpper,
            Self::FromUpper => Self::FromLower,
        }
    }
}

/// The key of an IPv4 flow: 16 bytes.
#[repr(C, align(8))]
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
#[cfg_attr(feature = "user", derive(Debug))]
pub struct KeyV4 {
    /// Address of the lower endpoint, as on the wire.
    pub lower: [u8; 4],
    /// Address of the upper endpoint, as on the wire.
    pub upper: [u8; 4],
    /// Port of the lower endpoint, host byte order; 0 for protocols without ports.
    pub lower_port: u16,
    /// Port of the upper endpoint, host byte order.
    pub upper_port: u16,
    /// VLAN identifier of the innermost tag (12 bits), 0 when untagged.
    pub vlan: u16,
    /// IP protocol number (IANA).
    pub proto: u8,
    /// How many tunnels the packets were taken out of: 0 for flows as they are on the wire. Who can
    /// send a tunnel's packets to anybody can put any addresses inside, so what is inside never meets
    /// what is not.
    pub tunnel: u8,
}

/// The key of an IPv6 flow: 40 bytes.
#[repr(C, align(8))]
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
#[cfg_attr(feature = "user", derive(Debug))]
pub struct KeyV6 {
    /// Address of the lower endpoint, as on the wire.
    pub lower: [u8; 16],
    /// Address of the upper endpoint, as on the wire.
    pub upper: [u8; 16],
    /// Port of the lower endpoint, host byte order; 0 for protocols without ports.
    pub lower_port: u16,
    /// Port of the upper endpoint, host byte order.
    pub upper_port: u16,
    /// VLAN identifier of the innermost tag (12 bits), 0 when untagged.
    pub vlan: u16,
    /// IP protocol number (IANA), of the last header of the chain.
    pub proto: u8,
    /// How many tunnels the packets were taken out of: 0 for flows as they are on the wire. Who can
    /// send a tunnel's packets to anybody can put any addresses inside, so what is inside never meets
    /// what is not.
    pub tunnel: u8,
}

impl KeyV4 {
    /// The key as it lies in memory.
    #[inline(always)]
    pub const fn words(&self) -> &[u64; 2] {
        // SAFETY: `repr(C)`, 16 bytes without padding, aligned to 8.
        unsafe { &*core::ptr::from_ref(self).cast() }
    }

    /// What the key has beside addresses, as it lies in memory.
    #[inline(always)]
    pub const fn last_word(&self) -> u64 {
        last_word(self.lower_port, self.upper_port, self.vlan, self.proto, self.tunnel)
    }

    /// The key of the flow that a packet from `source` to `destination` (address, port) belongs to,
    /// and which way the packet goes. An endpoint that talks to itself is the lower one.
    #[inline(always)]
    pub fn new(
        source: ([u8; 4], u16),
        destination: ([u8; 4], u16),
        vlan: u16,
        proto: u8,
    ) -> (Self, Direction) {
        let rank = |(address, port): ([u8; 4], u16)| {
            u64::from(u32::from_be_bytes(address)) << 16 | u64::from(port)
        };
        if rank(source) <= rank(destination) {
            (Self::ordered(source, destination, vlan, proto), Direction::FromLower)
        } else {
            (Self::ordered(destination, source, vlan, proto), Direction::FromUpper)
        }
    }

    #[inline(always)]
    fn ordered(lower: ([u8; 4], u16), upper: ([u8; 4], u16), vlan: u16, proto: u8) -> Self {
        Self {
            lower: lower.0,
            upper: upper.0,
            lower_port: lower.1,
            upper_port: upper.1,
            vlan,
            proto,
            tunnel: 0,
        }
    }
}

impl KeyV6 {
    /// The key as it lies in memory.
    #[inline(always)]
    pub const fn words(&self) -> &[u64; 5] {
        // SAFETY: `repr(C)`, 40 bytes without padding, aligned to 8.
        unsafe { &*core::ptr::from_ref(self).cast() }
    }

    /// As [`KeyV4::last_word`].
    #[inline(always)]
    pub const fn last_word(&self) -> u64 {
        last_word(self.lower_port, self.upper_port, self.vlan, self.proto, self.tunnel)
    }

    /// As [`KeyV4::new`].
    #[inline(always)]
    pub fn new(
        source: ([u8; 16], u16),
        destination: ([u8; 16], u16),
        vlan: u16,
        proto: u8,
    ) -> (Self, Direction) {
        if is_ordered(source, destination) {
            (Self::ordered(source, destination, vlan, proto), Direction::FromLower)
        } else {
            (Self::ordered(destination, source, vlan, proto), Direction::FromUpper)
        }
    }

    #[inline(always)]
    fn ordered(lower: ([u8; 16], u16), upper: ([u8; 16], u16), vlan: u16, proto: u8) -> Self {
        Self {
            lower: lower.0,
            upper: upper.0,
            lower_port: lower.1,
            upper_port: upper.1,
            vlan,
            proto,
            tunnel: 0,
        }
    }
}

/// Whether `a` is not above `b`. Spelled out in 64-bit words: the `bpf` target has no 128-bit
/// compare.
#[inline(always)]
fn is_ordered(a: ([u8; 16], u16), b: ([u8; 16], u16)) -> bool {
    let ((a_high, a_low), (b_high, b_low)) = (halves(a.0), halves(b.0));
    if a_high != b_high {
        a_high < b_high
    } else if a_low != b_low {
        a_low < b_low
    } else {
        a.1 <= b.1
    }
}

#[inline(always)]
#[expect(clippy::cast_possible_truncation, reason = "takes the number's halves apart")]
fn halves(address: [u8; 16]) -> (u64, u64) {
    let number = u128::from_be_bytes(address);
    ((number >> 64) as u64, number as u64)
}

// Hashed in words: user space looks flows up for every packet, and the derived implementations
// would hash byte by byte.

impl Hash for KeyV4 {
    #[inline(always)]
    fn hash<H: Hasher>(&self, state: &mut H) {
        let [lower, upper] = [self.lower, self.upper].map(u32::from_ne_bytes);
        state.write_u64(u64::from(lower) << 32 | u64::from(upper));
        state.write_u64(self.last_word());
    }
}

impl Hash for KeyV6 {
    #[inline(always)]
    fn hash<H: Hasher>(&self, state: &mut H) {
        for address in [self.lower, self.upper] {
            let (high, low) = halves(address);
            state.write_u64(high);
            state.write_u64(low);
        }
        state.write_u64(self.last_word());
    }
}

/// What a key has beside addresses, as it lies in memory.
#[inline(always)]
#[expect(clippy::many_single_char_names, reason = "bytes in a row")]
const fn last_word(lower_port: u16, upper_port: u16, vlan: u16, proto: u8, tunnel: u8) -> u64 {
    let ([a, b], [c, d]) = (lower_port.to_ne_bytes(), upper_port.to_ne_bytes());
    let [e, f] = vlan.to_ne_bytes();
    u64::from_ne_bytes([a, b, c, d, e, f, proto, tunnel])
}

const _: () = {
    assert!(size_of::<KeyV4>() == 16 && size_of::<KeyV4>() == 4 + 4 + 2 + 2 + 2 + 1 + 1);
    assert!(size_of::<KeyV6>() == 40 && size_of::<KeyV6>() == 16 + 16 + 2 + 2 + 2 + 1 + 1);
};

// SAFETY: `repr(C)`, integers and byte arrays only, no padding (asserted above): every bit pattern
// is a value, and every byte of a value is initialised.
unsafe impl crate::Pod for KeyV4 {}
// SAFETY: as for `KeyV4`.
unsafe impl crate::Pod for KeyV6 {}

#[cfg(test)]
mod tests {
    use super::{Direction, KeyV4, KeyV6};

    const A: [u8; 4] = [198, 18, 0, 1];
    const B: [u8; 4] = [198, 18, 1, 0];

    fn v6(last: u8) -> [u8; 16] {
        let mut address = [0; 16];
        address[..4].copy_from_slice(&[0x20, 1, 0x0d, 0xb8]);
        address[15] = last;
        address
    }

    #[test]
    fn both_directions_have_one_key() {
        let (there, to) = KeyV4::new((A, 40000), (B, 443), 7, 6);
        let (back, from) = KeyV4::new((B, 443), (A, 40000), 7, 6);
        assert!(there == back && to == Direction::FromLower && from == Direction::FromUpper);
        assert!(there.lower == A && there.lower_port == 40000 && there.upper_port == 443);

        let (there, to) = KeyV6::new((v6(1), 40000), (v6(2), 443), 7, 6);
        let (back, from) = KeyV6::new((v6(2), 443), (v6(1), 40000), 7, 6);
        assert!(there == back && to == Direction::FromLower && from == Direction::FromUpper);
    }

    #[test]
    fn the_last_word_is_the_end_of_the_key() {
        let (key, _) = KeyV4::new((A, 40000), (B, 443), 0xabc, 17);
        let key = KeyV4 { tunnel: 2, ..key };
        let bytes = key.last_word().to_ne_bytes();
        let parts = [key.lower_port, key.upper_port, key.vlan].map(u16::to_ne_bytes);
        assert!(bytes[..6] == *parts.as_flattened() && bytes[6..] == [key.proto, key.tunnel]);
    }

    #[test]
    fn equal_addresses_are_ordered_by_port() {
        let (key, direction) = KeyV4::new((A, 9), (A, 8), 0, 17);
        assert!(key.lower_port == 8 && direction == Direction::FromUpper);
        let (key, direction) = KeyV6::new((v6(1), 9), (v6(1), 8), 0, 17);
        assert!(key.lower_port == 8 && direction == Direction::FromUpper);
        assert!(KeyV4::new((A, 8), (A, 8), 0, 17).1 == Direction::FromLower);
    }

    #[test]
    fn the_high_half_of_an_address_decides_first() {
        let (mut low, mut high) = (v6(0xff), v6(1));
        (low[0], high[0]) = (1, 2);
        assert!(KeyV6::new((high, 1), (low, 2), 0, 6).0.lower == low);
    }
}
