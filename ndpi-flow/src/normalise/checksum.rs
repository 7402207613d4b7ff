//! The TCP checksum (RFC 9293, section 3.1) of a packet that may be on its way to the hardware.

use super::segment::Segment;

/// What a TCP checksum says, from what proves least to what proves most.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Checksum {
    /// It fits nothing: a receiver discards the segment.
    Bad,
    /// It is the sum over the pseudo-header alone: the rest is left to the hardware.
    Partial,
    /// It fits the bytes.
    Valid,
}

impl Checksum {
    /// Of a segment in the packet `l3`, which begins at its IP header and is whole.
    pub(super) fn of(l3: &[u8], segment: &Segment) -> Self {
        let Some(tcp) = l3.get(segment.l4..segment.end) else { return Self::Bad };
        let pseudo = pseudo_header(l3, tcp.len());
        if fold(pseudo + sum(tcp)) == u16::MAX {
            return Self::Valid;
        }
        let field = u16::from_be_bytes([tcp[16], tcp[17]]);
        if field == fold(pseudo) { Self::Partial } else { Self::Bad }
    }
}

fn pseudo_header(l3: &[u8], length: usize) -> u64 {
    let addresses = if l3[0] >> 4 == 4 { 12..20 } else { 8..40 };
    sum(&l3[addresses]) + 6 + length as u64
}

/// The sum of the 16-bit words. Those of 32 bits have the same one once it is folded.
fn sum(bytes: &[u8]) -> u64 {
    let (words, rest) = bytes.as_chunks::<4>();
    let sum: u64 = words.iter().map(|&word| u64::from(u32::from_be_bytes(word))).sum();
    let mut last = [0; 4];
    last[..rest.len()].copy_from_slice(rest);
    sum + u64::from(u32::from_be_bytes(last))
}

fn fold(sum: u64) -> u16 {
    u16::try_from(sum).unwrap_or_else(|_| fold((sum & 0xffff) + (sum >> 16)))
}
