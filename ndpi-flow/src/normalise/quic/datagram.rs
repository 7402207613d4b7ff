//! A UDP datagram that is there as a whole.

use ndpi_common::parse::{self, Captured, Fragment, Options, proto};

use super::super::checksum::Checksum;
use super::super::segment::time_to_live;
use super::crypto::Rank;
use crate::resegment::{set_ip_length, set_u16};
use crate::sample::Sample;

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
        Rank { checksum: Checksum::of_udp(self.l3, udp), ttl: time_to_live(self.l3) }
    }
}

/// The packet with these headers, in which `payload` is. Its checksums are not made right: nDPI looks at none.
pub(super) fn with_payload(headers: &[u8], payload: &[u8]) -> Vec<u8> {
    let mut packet = [headers, payload].concat();
    let length = packet.len();
    set_ip_length(&mut packet, length);
    set_u16(&mut packet, headers.len() - HEADER + 4, HEADER + payload.len());
    packet
}
