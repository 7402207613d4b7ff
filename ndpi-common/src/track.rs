//! Tracks: the kernel's note of a flow that has no verdict yet.

use crate::Total;

/// An entry of `TRACK_V4` and `TRACK_V6`.
///
/// The maps are LRU: an entry may be lost, and the flow is then shown again from the start.
#[repr(C)]
#[derive(Clone, Copy, PartialEq, Eq, Default)]
#[cfg_attr(feature = "user", derive(Debug))]
pub struct Track {
    /// Packets shown to user space; a packet the ring had no room for is not one of them.
    pub shown: u32,
    /// The TCP flags seen in packets of both endpoints, combined by OR.
    pub tcp_flags: u32,
    /// Packets seen while there was no verdict; segments count one each.
    pub packets: u64,
    /// Their bytes, from the IP header on, as on the wire.
    pub bytes: u64,
    /// The tick of the coarse clock at the last packet.
    pub last_seen: u32,
    /// A [`crate::Direction`]: which way the client's packets go.
    pub client: u32,
    /// What of `packets` and `bytes` was dropped, because of the flow's server or
    /// [`crate::Switches::DROP_OVER_BUDGET`].
    pub dropped: Total,
}

const _: () = assert!(size_of::<Track>() == 4 + 4 + 8 + 8 + 4 + 4 + 16);

// SAFETY: `repr(C)`, integers only, no padding (asserted above): every bit pattern is a value, and
// every byte of a value is initialised.
#[cfg(feature = "user")]
unsafe impl aya::Pod for Track {}
