//! Packets with another payload than they came with.

use super::segment::{Segment, URG};
use crate::resegment::set_ip_length;

/// The packet `l3` of a segment, with `payload` in place of its own, at `sequence`. Its checksums are
/// not made right: nDPI looks at none.
pub(super) fn with_payload(l3: &[u8], segment: &Segment, sequence: u32, payload: &[u8]) -> Vec<u8> {
    let mut packet = Vec::with_capacity(segment.payload + payload.len());
    packet.extend_from_slice(&l3[..segment.payload]);
    packet.extend_from_slice(payload);
    packet[segment.l4 + 4..segment.l4 + 8].copy_from_slice(&sequence.to_be_bytes());
    packet[segment.l4 + 13] &= !URG;
    let length = packet.len();
    set_ip_length(&mut packet, length);
    packet
}
