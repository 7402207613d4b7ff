//! Ethernet frames, as a driver would have handed captured packets to the kernel.

use ndpi_common::parse::{self, Captured, ETHERNET_LEN, Notes, Options, ethertype};

use super::Skip;
use super::types::{self, Under};
use crate::packet::Packet;

const HEADER: usize = ETHERNET_LEN as usize;

/// The longest frame: an IPv6 packet with the longest payload its length field can tell, behind an
/// Ethernet header, tags, labels and PPPoE.
const LONGEST: usize = HEADER + 64 + 40 + 65_535;

/// A frame that starts with an Ethernet header.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Frame<'a> {
    /// Its bytes.
    pub bytes: &'a [u8],
    /// How many of them were captured. Those behind, up to the end of the packet, are zeros: the
    /// frame has the length that it had on the wire.
    pub captured: usize,
}

/// Makes frames, with one buffer for all of them.
#[derive(Debug, Default)]
pub struct Framer(Vec<u8>);

impl Framer {
    /// The frame that a captured packet was. One of another link layer gets an Ethernet header,
    /// without addresses, in front of what its link layer carries: the IP header, or tags before it.
    ///
    /// # Errors
    /// Why there is no frame: the link layer cannot be read, or carries what has no EtherType; or
    /// it is shorter or longer than any frame.
    pub fn frame<'a>(&'a mut self, packet: &Packet<'a>) -> Result<Frame<'a>, Skip> {
        let (under, data) = types::find(packet.link_type, packet.data)?;
        let header = match under {
            Under::Ethernet => None,
            Under::EtherType(ethertype) => Some(header(ethertype)),
            Under::Ip => Some(header(of_version(data))),
        };
        let captured = data.len() + header.map_or(0, |header| header.len());
        match captured {
            0..HEADER => return Err(Skip::ShortFrame),
            HEADER..=LONGEST => {}
            _ => return Err(Skip::LongFrame),
        }
        let missing = (packet.wire_len as usize).saturating_sub(packet.data.len());
        if header.is_none() && missing == 0 {
            return Ok(Frame { bytes: data, captured });
        }
        self.0.clear();
        self.0.extend(header.into_iter().flatten());
        self.0.extend_from_slice(data);
        let end = end_on_the_wire(&self.0, missing).unwrap_or_default();
        self.0.resize(captured.max(end), 0);
        Ok(Frame { bytes: &self.0, captured })
    }
}

fn header(ethertype: u16) -> [u8; HEADER] {
    let mut header = [0; HEADER];
    header[HEADER - 2..].copy_from_slice(&ethertype.to_be_bytes());
    header
}

/// The EtherType of an IP packet. What is of no known version is called IPv4, which it is not
/// either: the kernel's parser then says so.
fn of_version(packet: &[u8]) -> u16 {
    match packet.first().map(|first| first >> 4) {
        Some(6) => ethertype::IPV6,
        _ => ethertype::IPV4,
    }
}

/// Where the packet in a frame ended of which `missing` bytes were not captured. `None` where that
/// is not known or a header is not whole: zeros in its place would say what it did not.
fn end_on_the_wire(bytes: &[u8], missing: usize) -> Option<usize> {
    let wire_len = u32::try_from(bytes.len().saturating_add(missing)).unwrap_or(u32::MAX);
    let packet = parse::frame(&Captured { bytes, wire_len }, Options::LENIENT).ok()?;
    let says = packet.notes & Notes::TRUNCATED_PORTS == 0;
    says.then_some((packet.end as usize).min(LONGEST))
}

#[cfg(test)]
mod tests {
    use super::{Frame, Framer, HEADER, LONGEST};
    use crate::link::Skip;
    use crate::packet::{LinkType, Packet};

    /// UDP with four bytes of payload.
    const IPV4: [u8; 32] = [
        0x45, 0, 0, 32, 0, 0, 0, 0, 64, 17, 0, 0, 198, 18, 0, 2, 198, 18, 0, 1, 0x0f, 0xa0, 0, 53,
        0, 12, 0, 0, b'a', b'b', b'c', b'd',
    ];

    fn packet(link_type: u16, data: &[u8], wire_len: usize) -> Packet<'_> {
        let wire_len = u32::try_from(wire_len).unwrap();
        Packet { time_ns: 7, link_type: LinkType(link_type), data, wire_len }
    }

    #[track_caller]
    fn check(link_type: u16, data: &[u8], wire_len: usize, wanted: &[u8], captured: usize) {
        let mut framer = Framer::default();
        let frame = framer.frame(&packet(link_type, data, wire_len)).unwrap();
        assert_eq!(frame, Frame { bytes: wanted, captured });
    }

    fn ethernet(ethertype: [u8; 2], rest: &[u8]) -> Vec<u8> {
        [&[0; HEADER - 2][..], &ethertype, rest].concat()
    }

    #[test]
    fn other_link_layers_get_an_ethernet_header() {
        check(101, &IPV4, 32, &ethernet([8, 0], &IPV4), 46);
        let mut v6 = [0; 40];
        v6[0] = 0x60;
        check(101, &v6, 40, &ethernet([0x86, 0xdd], &v6), 54);
        check(9, &[&[0, 0x21][..], &IPV4].concat(), 34, &ethernet([8, 0], &IPV4), 46);
        // No IP at all is for the kernel to say.
        check(101, &[0x70], 1, &ethernet([8, 0], &[0x70]), 15);
        // A cooked capture of a tagged frame: the tag stays.
        let cooked = [&[0, 0, 0, 1, 0, 6, 1, 2, 3, 4, 5, 6, 0, 0, 0x81, 0, 0, 5, 8, 0][..], &IPV4];
        let tagged = ethernet([0x81, 0], &[&[0, 5, 8, 0][..], &IPV4].concat());
        check(113, &cooked.concat(), 52, &tagged, 50);
    }

    #[test]
    fn ethernet_stays_as_it_is() {
        let mut frame = ethernet([8, 0], &IPV4);
        frame[..6].copy_from_slice(&[2, 4, 6, 8, 10, 12]);
        frame.extend([9; 14]);
        check(1, &frame, frame.len(), &frame, frame.len());
    }

    #[test]
    fn what_was_not_captured_is_zeros_up_to_the_end_of_the_packet() {
        let frame = ethernet([8, 0], &IPV4);
        let whole = [&frame[..HEADER + 28], &[0; 4]].concat();
        check(1, &whole[..HEADER + 28], HEADER + 32, &whole, HEADER + 28);
        check(1, &whole[..HEADER + 28], HEADER + 9000, &whole, HEADER + 28);
        check(101, &IPV4[..28], 32, &whole, HEADER + 28);
        // Cut within a header.
        for length in [0, 10, 19, 23, 27] {
            let cut = &frame[..HEADER + length];
            check(1, cut, frame.len(), cut, cut.len());
        }
    }

    #[test]
    fn what_is_no_frame_is_named() {
        let long = vec![0; LONGEST + 1];
        for (data, wanted) in [(&long[..HEADER - 1], "short_frame"), (&long, "long_frame")] {
            let skip = Framer::default().frame(&packet(1, data, data.len())).unwrap_err();
            assert_eq!(skip.to_string(), wanted);
        }
        let skip = Framer::default().frame(&packet(189, &IPV4, 32)).unwrap_err();
        assert_eq!(skip, Skip::LinkType(LinkType(189)));
    }
}
