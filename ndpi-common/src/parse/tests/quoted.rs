use super::build::{
    CLIENT_PORT, CLIENT_V4, CLIENT_V6, Frame, SERVER_PORT, SERVER_V4, SERVER_V6, SYN, TCP, UDP,
};
use super::parse;
use crate::parse::{Captured, Fragment, Packet, Source, quoted};
use crate::{Direction, Key};

const ICMP: u8 = 1;
const ICMPV6: u8 = 58;
const ROUTER_V4: [u8; 4] = [198, 18, 9, 9];
/// Where the addresses are in a frame without tags.
const SOURCE_V4: usize = 26;
const SOURCE_V6: usize = 22;

/// What a router tells the client about the packet that `quote` puts in its place: `length` bytes.
fn error(kind: u8, length: u16, quote: impl FnOnce(Frame) -> Frame) -> Frame {
    let frame = Frame::ethernet().ipv4(ICMP, &[], 8 + length);
    let frame = frame.patch(SOURCE_V4, &ROUTER_V4).patch(SOURCE_V4 + 4, &CLIENT_V4);
    quote(frame.with(&[kind, 1, 0, 0, 0, 0, 0, 0]))
}

fn error_v6(kind: u8, length: u16, quote: impl FnOnce(Frame) -> Frame) -> Frame {
    let frame = Frame::ethernet().ipv6(ICMPV6, 8 + length);
    let frame = frame.patch(SOURCE_V6, &SERVER_V6).patch(SOURCE_V6 + 16, &CLIENT_V6);
    quote(frame.with(&[kind, 1, 0, 0, 0, 0, 0, 0]))
}

fn find(frame: &Frame) -> Option<Packet> {
    let found = quoted(frame.bytes(), &parse(frame).ok().unwrap());
    cut(frame);
    found
}

/// Whatever the snapshot length leaves of it, nothing is found beyond its end.
fn cut(frame: &Frame) {
    let bytes = frame.bytes();
    for len in 14..bytes.len() {
        let source = Captured { bytes: &bytes[..len], wire_len: Source::len(bytes) };
        if let Ok(packet) = crate::parse::frame(&source, crate::parse::Options::default())
            && let Some(found) = quoted(&source, &packet)
        {
            assert!(found.l3 == packet.l4 + 8 && found.l4 + 8 <= packet.end);
        }
    }
}

fn is_the_clients(packet: &Packet, proto: u8) -> bool {
    packet.key.proto() == proto
        && packet.ports() == (CLIENT_PORT, SERVER_PORT)
        && packet.direction == Direction::FromLower
}

#[test]
fn every_kind_of_error_quotes() {
    // Eight bytes behind the header are all that RFC 792 asks for, whatever the length says.
    let syn = |frame: Frame| {
        let whole = frame.bare_ipv4(TCP, &[], 20).tcp(SYN);
        whole.shortened(12)
    };
    for kind in [3, 4, 5, 11, 12] {
        let found = find(&error(kind, 28, syn)).unwrap();
        assert!(is_the_clients(&found, TCP) && found.tcp_flags == 0);
    }
    for kind in [0, 8, 9, 10, 13, 14, 15, 42] {
        assert!(find(&error(kind, 28, syn)).is_none());
    }
    let syn = |frame: Frame| frame.bare_ipv6(TCP, 20).tcp(SYN);
    for kind in 1..=4 {
        let found = find(&error_v6(kind, 60, syn)).unwrap();
        assert!(is_the_clients(&found, TCP) && found.tcp_flags == SYN);
    }
    for kind in [0, 5, 100, 127, 128, 129, 133, 135, 137] {
        assert!(find(&error_v6(kind, 60, syn)).is_none());
    }
}

#[test]
fn headers_of_any_length_are_stepped_over() {
    for words in 0..=10_usize {
        let options = &[1; 40][..words * 4];
        let length = u16::try_from(options.len()).unwrap() + 28;
        let frame =
            error(3, length, |frame| frame.bare_ipv4(UDP, options, 300).udp(SERVER_PORT, 292));
        assert!(is_the_clients(&find(&frame).unwrap(), UDP));
    }
    let chained = error_v6(1, 56, |frame| {
        frame.bare_ipv6(0, 16).with(&[UDP, 0, 1, 4, 0, 0, 0, 0]).udp(SERVER_PORT, 0)
    });
    assert!(is_the_clients(&find(&chained).unwrap(), UDP));
}

#[test]
fn a_quoted_later_fragment_has_no_ports() {
    let later = error(11, 28, |frame| {
        let at = frame.bytes().len();
        frame.bare_ipv4(UDP, &[], 8).with(b"the rest").patch(at + 6, &[0, 9])
    });
    let found = find(&later).unwrap();
    assert!(found.fragment == Fragment::Later { id: 0xabcd } && found.ports() == (0, 0));
    let first = error(11, 28, |frame| {
        let at = frame.bytes().len();
        frame.bare_ipv4(UDP, &[], 8).udp(SERVER_PORT, 0).patch(at + 6, &[0x20, 0])
    });
    let first = find(&first).unwrap();
    assert!(is_the_clients(&first, UDP) && first.fragment == Fragment::First { id: 0xabcd });
}

#[test]
fn protocols_without_ports_are_quoted_too() {
    let ping = error(3, 28, |frame| frame.bare_ipv4(ICMP, &[], 8).with(&[8, 0, 0, 0, 0, 1, 0, 1]));
    let found = find(&ping).unwrap();
    assert!(found.key.proto() == ICMP && found.ports() == (0, 0));
}

#[test]
fn what_is_cut_or_not_for_its_receiver_quotes_nothing() {
    let syn = |frame: Frame| frame.bare_ipv4(TCP, &[], 20).tcp(SYN);
    let whole = error(3, 40, syn);
    assert!(find(&whole).is_some());
    // The server did not send what the client sent.
    assert!(find(&whole.patch(SOURCE_V4 + 4, &SERVER_V4)).is_none());
    // Seven bytes behind the quoted header, by the error's own length.
    assert!(find(&error(3, 27, syn)).is_none());
    // IPv6 in ICMP, and a quoted header that is none.
    assert!(find(&error(3, 60, |frame| frame.bare_ipv6(TCP, 20).tcp(SYN))).is_none());
    assert!(find(&error(3, 40, |frame| syn(frame).patch(42, &[0x44]))).is_none());
    // A later fragment of an error has no ICMP header.
    assert!(find(&whole.patch(20, &[0, 9])).is_none());
    assert!(find(&whole.patch(20, &[0x20, 0])).is_some());
}

#[test]
fn a_quotation_keeps_the_tags() {
    let inner = Frame::ethernet().be16(0x8100).be16(7).ipv4(ICMP, &[], 36);
    let frame = inner.patch(SOURCE_V4 + 4, &ROUTER_V4).patch(SOURCE_V4 + 8, &CLIENT_V4);
    let frame = frame.with(&[3; 8]).bare_ipv4(UDP, &[], 8).udp(SERVER_PORT, 0);
    let found = find(&frame).unwrap();
    assert!(matches!(found.key, Key::V4(key) if key.vlan == 7 && key.upper == SERVER_V4));
}
