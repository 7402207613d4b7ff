//! Captures of any link layer, and packets beyond those of `packets`.

use testkit::packets::{ipv4, udp};

/// Link types (<https://www.tcpdump.org/linktypes.html>).
pub(crate) const ETHERNET: u32 = 1;

/// A packet of a capture.
#[derive(Clone)]
pub(crate) struct Packet {
    pub(crate) second: u32,
    pub(crate) bytes: Vec<u8>,
    /// How many bytes of it were captured at most.
    pub(crate) snap: usize,
}

/// A packet that was captured as a whole.
pub(crate) fn whole(second: u32, bytes: Vec<u8>) -> Packet {
    Packet { second, bytes, snap: usize::MAX }
}

/// A pcap file of packets with this link layer.
pub(crate) fn capture_of(link_type: u32, packets: &[Packet]) -> Vec<u8> {
    let words =
        |words: &[u32]| words.iter().flat_map(|word| word.to_le_bytes()).collect::<Vec<u8>>();
    let mut file = words(&[0xa1b2_c3d4, 4 << 16 | 2, 0, 0, 1 << 18, link_type]);
    for Packet { second, bytes, snap } in packets {
        let captured = &bytes[..bytes.len().min(*snap)];
        let length = |bytes: &[u8]| u32::try_from(bytes.len()).unwrap();
        file.extend(words(&[*second, 0, length(captured), length(bytes)]));
        file.extend(captured);
    }
    file
}

/// An IPv4 packet behind an Ethernet header.
pub(crate) fn ethernet(packet: &[u8]) -> Vec<u8> {
    [&[2; 12][..], &[8, 0], packet].concat()
}

/// A TCP segment with a payload between 198.18.0.2:`port` and 198.18.0.1:80.
pub(crate) fn tcp_with(port: u16, flags: u8, back: bool, payload: &[u8]) -> Vec<u8> {
    let ports = if back { [80, port] } else { [port, 80] };
    let ports = ports.map(u16::to_be_bytes).concat();
    ipv4(6, back, &[&ports[..], &[0; 8], &[0x50, flags], &[0; 6], payload].concat())
}

/// An ICMP error (port unreachable) from the server about `packet`, which went to it.
pub(crate) fn unreachable(packet: &[u8]) -> Vec<u8> {
    ipv4(1, true, &[&[3, 3, 0, 0, 0, 0, 0, 0][..], packet].concat())
}

/// A UDP datagram in three fragments.
pub(crate) fn fragments(ports: [u16; 2], id: u8) -> Vec<Vec<u8>> {
    let whole = udp(ports, false, &[7; 64 - 8]);
    let fragment = |from: usize, to: usize, more: bool| {
        let mut packet = ipv4(17, false, &whole[20 + from..20 + to]);
        packet[5] = id;
        packet[6] = u8::from(more) << 5;
        packet[7] = u8::try_from(from / 8).unwrap();
        packet
    };
    vec![fragment(0, 24, true), fragment(24, 48, true), fragment(48, 64, false)]
}
