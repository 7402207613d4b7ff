//! One frame through the parser that the BPF programs share, as the fuzzer and the test that
//! replays its corpus feed it.

use ndpi_common::parse::{Captured, Fragment, Options, Packet, fast, frame, from_ip, quoted};

/// Takes the first byte of `data` as options, the second as what the snapshot length cut off, and
/// the rest as a frame.
///
/// # Panics
/// If the parser does something that it never should.
pub(super) fn run(data: &[u8]) {
    let Some((&[bits, cut], bytes)) = data.split_first_chunk() else { return };
    let options = Options {
        tunnels: bits & 1 != 0,
        zero_length: bits & 2 != 0,
        cut_length: bits & 4 != 0,
        quoted: false,
    };
    let there = u32::try_from(bytes.len()).unwrap_or(u32::MAX);
    let source = Captured { bytes, wire_len: there.saturating_add(cut.into()) };
    for packet in [frame(&source, options), from_ip(&source, 0, options)].iter().flatten() {
        check(packet, source.wire_len);
        if let Some(quoted) = quoted(&source, packet) {
            check(&quoted, source.wire_len);
            assert!(quoted.l3 >= packet.l4 + 8 && quoted.l4 + 8 <= packet.end);
        }
    }
    if let Some(short) = fast(&bytes) {
        let closed = Options { tunnels: false, ..options };
        assert_eq!(frame(bytes, closed), Ok(short), "the short cut says otherwise");
    }
}

fn check(packet: &Packet, wire_len: u32) {
    assert!(packet.l3 < packet.l4 && packet.l4 <= packet.payload);
    assert!(packet.payload <= packet.end && packet.end <= wire_len);
    assert!(packet.tags.count <= 4 && packet.key.vlan() <= 0xfff);
    let (source, destination) = packet.ports();
    if let Fragment::Later { .. } = packet.fragment {
        assert_eq!((source, destination, packet.tcp_flags), (0, 0, 0));
        assert_eq!(packet.with_ports(7, 9).ports(), (7, 9));
    }
    // A key is canonical: joining the ports again changes nothing.
    assert_eq!(packet.with_ports(source, destination).key, packet.key);
}
