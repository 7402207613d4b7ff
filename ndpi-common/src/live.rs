//! Settings: those fixed at load, and those that change while the programs run.

/// The programs' writable data, an array map with this one value.
#[repr(C)]
#[derive(Clone, Copy, PartialEq, Eq, Default)]
#[cfg_attr(feature = "user", derive(Debug))]
pub struct Live {
    /// The coarse clock: ticks of [`crate::TICK_NS`] since boot, see [`crate::tick_of`]. User space
    /// advances it; the programs only read it.
    pub tick: u32,
    /// Always 0, which the verifier does not know: the programs add it to a number to keep the
    /// verifier from following every value of it.
    pub zero: u32,
}

/// Bits of the setting `SWITCHES`.
pub struct Switches;

impl Switches {
    /// Look into tunnels: flows are those of the inner packets.
    pub const TUNNELS: u32 = 1;
    /// Drop packets whose IPv6 extension headers go beyond the bound, instead of passing them.
    pub const DROP_LONG_CHAINS: u32 = 2;
    /// Drop later fragments whose first fragment has not been seen, instead of passing them.
    pub const DROP_UNKNOWN_FRAGMENTS: u32 = 4;
    /// Redirect what passes XDP to the interface's peer, see `PEERS`.
    pub const PEERS: u32 = 8;
}

/// The most bytes of a packet that a sample can hold: a jumbo frame's.
pub const MAX_SNAP: u32 = 9216;

const _: () = assert!(size_of::<Live>() == 4 + 4);

// SAFETY: `repr(C)`, integers only, no padding (asserted above): every bit pattern is a value, and
// every byte of a value is initialised.
#[cfg(feature = "user")]
unsafe impl aya::Pod for Live {}
