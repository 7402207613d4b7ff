//! The checksum of TCP (RFC 9293, section 3.1) and UDP (RFC 768) of a packet that may be on its way to the
//! hardware, and that of the IPv4 header around it (RFC 791, section 3.1).

use ndpi_common::parse::proto;

use super::segment::Segment;
use crate::ipv4_header::HeaderChecksum;

/// What a TCP checksum says, from what proves least to what proves most.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Checksum {
    /// It fits nothing, or that of the IPv4 header does not: a receiver discards the segment.
    Bad,
    /// It is the sum over the pseudo-header alone, or that of the IPv4 header was not made: the rest is left to the
    /// hardware.
    Partial,
    /// It fits the bytes.
    Valid,
}

impl Checksum {
    /// Of a segment in the packet `l3`, which begins at its IP header and is whole.
    pub(super) fn of(l3: &[u8], segment: &Segment) -> Self {
        let Some(tcp) = l3.get(segment.l4..segment.end) else { return Self::Bad };
        Self::over(l3, tcp, proto::TCP, [tcp[16], tcp[17]])
    }

    /// Of the datagram `udp` in the packet `l3`, which begins at its IP header and is whole. One that was not
    /// made is as good as one that fits.
    pub(super) fn of_udp(l3: &[u8], udp: &[u8]) -> Self {
        match [udp[6], udp[7]] {
            [0, 0] => Self::Valid,
            field => Self::over(l3, udp, proto::UDP, field),
        }
    }

    fn over(l3: &[u8], l4: &[u8], proto: u8, field: [u8; 2]) -> Self {
        let best = match HeaderChecksum::of(l3) {
            HeaderChecksum::Right => Self::Valid,
            HeaderChecksum::Unmade => Self::Partial,
            HeaderChecksum::Wrong => return Self::Bad,
        };
        let pseudo = pseudo_header(l3, proto, l4.len());
        if fold(pseudo + sum(l4)) == u16::MAX {
            return best;
        }
        if u16::from_be_bytes(field) == fold(pseudo) { Self::Partial } else { Self::Bad }
    }
}

fn pseudo_header(l3: &[u8], proto: u8, length: usize) -> u64 {
    let addresses = if l3[0] >> 4 == 4 { 12..20 } else { 8..40 };
    sum(&l3[addresses]) + u64::from(proto) + length as u64
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
