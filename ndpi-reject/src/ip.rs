//! IP headers (RFC 791, RFC 8200) and the Internet checksum (RFC 1071).

use crate::address::Ends;

pub(crate) const TCP: u8 = 6;
pub(crate) const ICMP: u8 = 1;
pub(crate) const ICMPV6: u8 = 58;

pub(crate) const V4_HEADER: usize = 20;
pub(crate) const V6_HEADER: usize = 40;

/// The TTL that Linux gives packets of its own; an answer is one.
const HOP_LIMIT: u8 = 64;

/// What the IP header of an answer says.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Header {
    pub(crate) ends: Ends,
    pub(crate) proto: u8,
    /// DSCP and ECN: the byte after the version.
    pub(crate) traffic_class: u8,
    /// 20 bits, IPv6 only.
    pub(crate) flow_label: u32,
    /// IPv4 only.
    pub(crate) dont_fragment: bool,
}

impl Header {
    /// The packet of this header and `body`, which holds zeros where its checksum belongs: at
    /// `checksum_at`.
    pub(crate) fn wrap(&self, mut body: Vec<u8>, checksum_at: usize) -> Vec<u8> {
        let sum = checksum(&[&self.pseudo_header(body.len()), &body]);
        body[checksum_at..checksum_at + 2].copy_from_slice(&sum.to_be_bytes());
        let mut packet = match self.ends {
            Ends::V4 { source, destination } => {
                self.v4(body.len(), source.octets(), destination.octets()).to_vec()
            }
            Ends::V6 { source, destination } => {
                self.v6(body.len(), source.octets(), destination.octets()).to_vec()
            }
        };
        packet.append(&mut body);
        packet
    }

    /// What the checksum covers beside the body: addresses, length and protocol, but for ICMP over
    /// IPv4, which covers itself alone (RFC 792; RFC 9293, section 3.1; RFC 8200, section 8.1).
    fn pseudo_header(&self, length: usize) -> Vec<u8> {
        if self.proto == ICMP {
            return Vec::new();
        }
        let mut pseudo = match self.ends {
            Ends::V4 { source, destination } => [source.octets(), destination.octets()].concat(),
            Ends::V6 { source, destination } => [source.octets(), destination.octets()].concat(),
        };
        pseudo.extend([0, self.proto]);
        pseudo.extend(short(length));
        pseudo
    }

    /// The identification stays 0: the stack chooses one where the packet may be fragmented, and
    /// needs none where it may not (RFC 6864).
    fn v4(&self, length: usize, source: [u8; 4], destination: [u8; 4]) -> [u8; V4_HEADER] {
        const DONT_FRAGMENT: u8 = 0x40;
        let mut header = [0; V4_HEADER];
        header[..2].copy_from_slice(&[0x45, self.traffic_class]);
        header[2..4].copy_from_slice(&short(V4_HEADER + length));
        header[6] = if self.dont_fragment { DONT_FRAGMENT } else { 0 };
        header[8..10].copy_from_slice(&[HOP_LIMIT, self.proto]);
        header[12..16].copy_from_slice(&source);
        header[16..].copy_from_slice(&destination);
        set_v4_checksum(&mut header);
        header
    }

    fn v6(&self, length: usize, source: [u8; 16], destination: [u8; 16]) -> [u8; V6_HEADER] {
        let first = 6 << 28 | u32::from(self.traffic_class) << 20 | self.flow_label;
        let mut header = [0; V6_HEADER];
        header[..4].copy_from_slice(&first.to_be_bytes());
        header[4..6].copy_from_slice(&short(length));
        header[6..8].copy_from_slice(&[self.proto, HOP_LIMIT]);
        header[8..24].copy_from_slice(&source);
        header[24..].copy_from_slice(&destination);
        header
    }
}

/// Puts the right checksum into a whole IPv4 header.
pub(crate) fn set_v4_checksum(header: &mut [u8]) {
    header[10..12].fill(0);
    let sum = checksum(&[header]);
    header[10..12].copy_from_slice(&sum.to_be_bytes());
}

/// The checksum over `parts`; all but the last are of even length.
fn checksum(parts: &[&[u8]]) -> u16 {
    let words = parts.iter().flat_map(|part| part.chunks(2));
    let sum: u32 = words
        .map(|word| (u32::from(word[0]) << 8) + word.get(1).map_or(0, |&low| u32::from(low)))
        .sum();
    let folded = (sum >> 16) + (sum & 0xffff);
    let folded = (folded >> 16) + (folded & 0xffff);
    // Folded twice, a sum of up to 2^16 words is below 2^16.
    !u16::try_from(folded).unwrap_or(u16::MAX)
}

/// A length in network byte order; answers are below 1281 bytes.
fn short(length: usize) -> [u8; 2] {
    u16::try_from(length).unwrap_or(u16::MAX).to_be_bytes()
}
