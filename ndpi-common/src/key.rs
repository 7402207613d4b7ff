//! Flow keys: both directions of one 5-tuple and VLAN.
//!
//! A key is canonical: the endpoint with the lower (address, port) comes first, so the packets of
//! both directions meet in one map entry. [`Direction`] says which way a packet went.

/// Which way a packet of a flow goes, in terms of its canonical key.
#[derive(Clone, Copy, PartialEq, Eq)]
#[cfg_attr(feature = "user", derive(Debug))]
pub enum Direction {
    /// Sent by the lower endpoint.
    FromLower,
    /// Sent by the upper endpoint.
    FromUpper,
}

/// The key of an IPv4 flow: 16 bytes.
#[repr(C)]
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
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
    /// VLAN identifier of the outermost tag (12 bits), 0 when untagged.
    pub vlan: u16,
    /// IP protocol number (IANA).
    pub proto: u8,
    /// Always 0; makes the padding explicit.
    pub reserved: u8,
}

/// The key of an IPv6 flow: 40 bytes.
#[repr(C)]
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
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
    /// VLAN identifier of the outermost tag (12 bits), 0 when untagged.
    pub vlan: u16,
    /// IP protocol number (IANA), of the last header of the chain.
    pub proto: u8,
    /// Always 0; makes the padding explicit.
    pub reserved: u8,
}

const _: () = {
    assert!(size_of::<KeyV4>() == 16 && size_of::<KeyV4>() == 4 + 4 + 2 + 2 + 2 + 1 + 1);
    assert!(size_of::<KeyV6>() == 40 && size_of::<KeyV6>() == 16 + 16 + 2 + 2 + 2 + 1 + 1);
};

// SAFETY: `repr(C)`, integers and byte arrays only, no padding (asserted above): every bit pattern
// is a value, and every byte of a value is initialised.
#[cfg(feature = "user")]
unsafe impl aya::Pod for KeyV4 {}
// SAFETY: as for `KeyV4`.
#[cfg(feature = "user")]
unsafe impl aya::Pod for KeyV6 {}
