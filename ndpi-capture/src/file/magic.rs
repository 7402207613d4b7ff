//! By which bytes a capture begins.

use pcap_parser::{BOM_MAGIC, SHB_MAGIC};

/// The magic numbers of pcap: microseconds, nanoseconds, and Kuznetzov's variant.
const PCAP: [u32; 3] = [0xa1b2_c3d4, 0xa1b2_3c4d, 0xa1b2_cd34];
/// The version of pcap since 1998 is 2.4; others with a 2 in front are read alike.
const MAJOR_VERSION: u16 = 2;

/// Whether a pcap file begins with these bytes.
#[inline]
pub(super) fn begins_pcap(bytes: [u8; 6]) -> bool {
    let [magic @ .., first, second] = bytes;
    let (magic, version) = (u32::from_le_bytes(magic), u16::from_le_bytes([first, second]));
    let little = PCAP.contains(&magic) && version == MAJOR_VERSION;
    little || PCAP.contains(&magic.swap_bytes()) && version.swap_bytes() == MAJOR_VERSION
}

/// Whether a section of pcapng begins with these bytes.
#[inline]
pub(super) fn begins_section(bytes: &[u8; 12]) -> bool {
    let order = bytes.last_chunk().map_or(0, |order| u32::from_le_bytes(*order));
    bytes.starts_with(&SHB_MAGIC.to_le_bytes())
        && (order == BOM_MAGIC || order.swap_bytes() == BOM_MAGIC)
}
