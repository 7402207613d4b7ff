//! A TCP segment, as its receiver reads its headers.

use ndpi_common::parse::{self, Captured, Fragment, Options, proto, tcp};

use super::options::TcpOptions;

/// The flag that says that the urgent pointer counts.
pub(super) const URG: u8 = 0x20;

/// A TCP segment in a packet that is there as a whole.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Segment {
    /// Where the TCP header begins, in bytes from the IP header.
    pub(super) l4: usize,
    /// Where its payload begins.
    pub(super) payload: usize,
    /// Where the packet ends by its IP length.
    pub(super) end: usize,
    /// Its sequence number.
    pub(super) sequence: u32,
    /// Its acknowledgement number, which means something with the flag ACK.
    pub(super) acknowledged: u32,
    /// Its flags.
    pub(super) flags: u8,
    /// How much its sender offers to take, before it is scaled (RFC 7323, section 2.2).
    pub(super) window: u16,
    /// How many of its bytes are urgent, with the flag URG.
    pub(super) urgent: u16,
    /// The time to live (IPv4), or the hop limit (IPv6).
    pub(super) ttl: u8,
}

/// What a packet is to the receiver's TCP.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Reading {
    /// A segment.
    Segment(Segment),
    /// A segment that every receiver discards: its header contradicts its length.
    Malformed,
    /// Not to be judged: another protocol, a fragment, or not there as a whole.
    Other,
}

impl Reading {
    /// Of the packet `l3`, which begins at its IP header.
    pub(super) fn of(l3: &[u8]) -> Self {
        let Ok(wire_len) = u32::try_from(l3.len()) else { return Self::Other };
        let frame = Captured { bytes: l3, wire_len };
        let Ok(packet) = parse::from_ip(&frame, 0, Options::LENIENT) else { return Self::Other };
        let Fragment::Whole { .. } = packet.fragment else { return Self::Other };
        if packet.l3 != 0 || packet.key.proto() != proto::TCP {
            return Self::Other;
        }
        let (l4, end) = (packet.l4 as usize, packet.end as usize);
        let Some(header) = l3.get(l4..).and_then(|tcp| tcp.first_chunk::<20>()) else {
            return Self::Other;
        };
        if end > l3.len() {
            return Self::Other;
        }
        let payload = l4 + usize::from(header[12] >> 4) * 4;
        if payload < l4 + 20 || payload > end {
            return Self::Malformed;
        }
        Self::Segment(Segment::new(header, l4, payload, end, time_to_live(l3)))
    }
}

impl Segment {
    fn new(header: &[u8; 20], l4: usize, payload: usize, end: usize, ttl: u8) -> Self {
        let word = |at: usize| u16::from_be_bytes([header[at], header[at + 1]]);
        let long = |at: usize| u32::from(word(at)) << 16 | u32::from(word(at + 2));
        Self {
            l4,
            payload,
            end,
            sequence: long(4),
            acknowledged: long(8),
            flags: header[13],
            window: word(14),
            urgent: word(18),
            ttl,
        }
    }

    /// How many bytes of payload it has.
    pub(super) fn len(&self) -> u32 {
        number(self.end - self.payload)
    }

    /// The sequence number of its first byte of payload, which follows that of a SYN.
    pub(super) fn first(&self) -> u32 {
        self.sequence.wrapping_add(u32::from(self.has(tcp::SYN)))
    }

    /// The sequence number behind its payload.
    pub(super) fn behind(&self) -> u32 {
        self.first().wrapping_add(self.len())
    }

    /// Whether it has one of these flags.
    pub(super) fn has(&self, flags: u8) -> bool {
        self.flags & flags != 0
    }

    /// Its options, in the packet `l3` that it is in.
    pub(super) fn options(&self, l3: &[u8]) -> TcpOptions {
        TcpOptions::read(&l3[self.l4 + 20..self.payload])
    }

    /// Its payload, in the packet `l3` that it is in.
    pub(super) fn bytes<'a>(&self, l3: &'a [u8]) -> &'a [u8] {
        &l3[self.payload..self.end]
    }
}

/// The time to live (IPv4), or the hop limit (IPv6), of the packet `l3`.
pub(super) fn time_to_live(l3: &[u8]) -> u8 {
    if l3[0] >> 4 == 4 { l3[8] } else { l3[7] }
}

/// A number of bytes as sequence numbers count them.
pub(super) fn number(bytes: usize) -> u32 {
    u32::try_from(bytes).unwrap_or(u32::MAX)
}
