//! Packets as captures have them.

use serde::{Deserialize, Serialize};

/// A link-layer type by its number in captures (<https://www.tcpdump.org/linktypes.html>).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct LinkType(pub u16);

/// A packet, lent by the capture until the next one is asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Packet<'a> {
    /// When it was captured: nanoseconds since 1970 (UTC). A pcapng simple packet has no time of
    /// its own and takes that of the packet before it.
    pub time_ns: u64,
    /// What `data` begins with.
    pub link_type: LinkType,
    /// The bytes captured, from the link layer on.
    pub data: &'a [u8],
    /// Bytes that the packet had on the wire, by the capture; may be more than were captured.
    pub wire_len: u32,
}
