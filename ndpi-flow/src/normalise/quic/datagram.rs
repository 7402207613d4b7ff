//! A UDP datagram that is there as a whole.

use ndpi_common::parse::{self, Captured, Fragment, Options, proto};

use super::super::checksum::Checksum;
use super::crypto::Rank;
use crate::sample::Sample;

const IPV6_HEADER: usize = 40;
const HEADER: usize = 8;

/// A datagram.
#[derive(Clone, Copy, Debug)]
pub(super) struct Datagram<'a> {
    /// The IP header and the UDP header.
    pub(super) headers: &'a [u8],
    pub(super) payload: &'a [u8],
    l3: &'a [u8],
}

impl<'a> Datagram<'a> {
    /// Of a packet; nothing where it is another protocol, a fragment, or not there as a whole.
    pub(super) fn of(sample: &Sample<'a>) -> Option<Self> {
        let l3 = sample.l3;
        let wire_len = u32::try_from(l3.len()).ok()?;
        if wire_len < sample.bytes && sample.packets == 1 {
            return None;
        }
        let frame = Captured { bytes: l3, wire_len };
        let packet = parse::from_ip(&frame, 0, Options::LENIENT).ok()?;
        let Fragment::Whole { .. } = packet.fragment else { return None };
        if packet.l3 != 0 || packet.key.proto() != proto::UDP {
            return None;
        }
        let (l4, end) = (packet.l4 as usize, packet.end as usize);
        let (payload, l3) = (l3.get(l4 + HEADER..end)?, &l3[..end]);
        Some(Self { headers: &l3[..l4 + HEADER], payload, l3 })
    }

    /// How likely it is to have reached its receiver.
    pub(super) fn rank(&self) -> Rank {
        let udp = &self.l3[self.headers.len() - HEADER..];
        let ttl = if self.l3[0] >> 4 == 4 { self.l3[8] } else { self.l3[7] };
        Rank { checksum: Checksum::of_udp(self.l3, udp), ttl }
    }
}

/// The packet with these headers, in which `payload` is. Its checksums are not made right: nDPI looks at none.
pub(super) fn with_payload(headers: &[u8], payload: &[u8]) -> Vec<u8> {
    let mut packet = [headers, payload].concat();
    let (field, header) = if headers[0] >> 4 == 4 { (2, 0) } else { (4, IPV6_HEADER) };
    let number = |length: usize| u16::try_from(length).unwrap_or(u16::MAX).to_be_bytes();
    let length = number(packet.len() - header);
    packet[field..field + 2].copy_from_slice(&length);
    let udp = headers.len() - HEADER;
    packet[udp + 4..udp + 6].copy_from_slice(&number(HEADER + payload.len()));
    packet
}
