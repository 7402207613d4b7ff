//! Packets with another payload than they came with.

use super::segment::{Segment, URG};

const IPV6_HEADER: usize = 40;

/// The packet `l3` of a segment, with `payload` in place of its own, at `sequence`. Its checksums are
/// not made right: nDPI looks at none.
pub(super) fn with_payload(l3: &[u8], segment: &Segment, sequence: u32, payload: &[u8]) -> Vec<u8> {
    let mut packet = Vec::with_capacity(segment.payload + payload.len());
    packet.extend_from_slice(&l3[..segment.payload]);
    packet.extend_from_slice(payload);
    packet[segment.l4 + 4..segment.l4 + 8].copy_from_slice(&sequence.to_be_bytes());
    packet[segment.l4 + 13] &= !URG;
    let (field, header) = if l3[0] >> 4 == 4 { (2, 0) } else { (4, IPV6_HEADER) };
    let length = u16::try_from(packet.len() - header).unwrap_or(u16::MAX);
    packet[field..field + 2].copy_from_slice(&length.to_be_bytes());
    packet
}
