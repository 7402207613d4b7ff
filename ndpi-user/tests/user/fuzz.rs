//! The fuzzer's corpora of packets and of streams, replayed: seeds, and whatever once went wrong.

use testkit::tcp::{Connection, Segment, flags};
use testkit::{frame, seed};

#[path = "../../../fuzz/cases/packet.rs"]
mod packet;
#[path = "../../../fuzz/cases/stream.rs"]
mod stream;

#[test]
fn the_corpus_of_packets_holds() {
    seed::replay("packet", packet::run);
}

/// What the fuzzer of packets begins with: forms of packets that the parser knows.
#[test]
fn the_seeds_of_packets_are_in_the_repository() {
    let tcp = frame::V4.transport(true, frame::SYN, b"hello");
    let chain = [&[60, 0, 1, 4, 0, 0, 0, 0, 6, 0, 1, 4, 0, 0, 0, 0][..], &tcp].concat();
    let fragment = [&[6, 0, 0, 9, 1, 2, 3, 4][..], &tcp].concat();
    let vxlan = [&[8, 0, 0, 0, 0, 0, 1, 0][..], &frame::V4.out(frame::SYN, b"")].concat();
    let mut outer = frame::V4.udp().out(0, &vxlan);
    outer[36..38].copy_from_slice(&4789_u16.to_be_bytes());
    let mut labels = frame::V4.out(frame::ACK, b"x");
    labels.splice(12..14, [0x88, 0x47, 0, 1, 0, 64, 0, 2, 1, 64]);
    let mut session = frame::V4.out(frame::ACK, b"x");
    session.splice(12..14, [0x88, 0x64, 0x11, 0, 0, 1, 0, 43, 0, 0x21]);
    let (tcp_v4, tcp_v6) = (frame::V4.out(frame::SYN, b""), frame::V6.out(frame::SYN, b""));
    let error = |kind, frame: &[u8]| [&[kind, 0, 0, 0, 0, 0, 0, 0], &frame[14..]].concat();
    for (name, options, bytes) in [
        ("tcp-v4", 0, frame::V4.out(frame::SYN, b"")),
        ("tcp-v6", 0, frame::V6.out(frame::ACK, b"hello")),
        ("udp-v4", 0, frame::V4.udp().out(0, b"hello")),
        ("vlan", 0, frame::V6.in_vlan(9).out(frame::SYN, b"")),
        ("options", 6, frame::V4.ipv4(true, &[1; 12], 0, &tcp)),
        ("first-fragment", 0, frame::V4.ipv4(true, &[], 0x2000, &tcp)),
        ("later-fragment", 0, frame::V4.ipv4(true, &[], 0x2001, &tcp)),
        ("chain-v6", 0, frame::V6.ipv6(true, 0, &chain)),
        ("fragment-v6", 0, frame::V6.ipv6(true, 44, &fragment)),
        ("vxlan", 1, outer),
        ("gre", 1, frame::Talk { proto: 47, ..frame::V4 }.ip(true, &[0x20, 0, 8, 0, 0, 0, 0, 1])),
        ("icmp-error", 0, frame::Talk { proto: 1, ..frame::V4 }.ip(false, &error(3, &tcp_v4))),
        ("icmpv6-error", 0, frame::Talk { proto: 58, ..frame::V6 }.ip(false, &error(1, &tcp_v6))),
        ("mpls", 0, labels),
        ("pppoe", 0, session),
    ] {
        seed::hold("packet", name, &[&[options, 0], &bytes[..]].concat());
    }
}

#[test]
fn the_corpus_of_streams_holds() {
    seed::replay("stream", stream::run);
}

/// What the fuzzer of streams begins with: connections sent in the ways that a stream has a rule for.
#[test]
fn the_seeds_of_streams_are_in_the_repository() {
    let to = Connection::new(40_000, 443);
    let fake = to.data(0, b"innocent");
    let real = to.data(0, b"abcdefgh");
    let request = "\r\nGET http://a.example/ HTTP/1.1\nHost:b.example\n\n";
    let hello = [22, 3, 1, 0, 3, 1, 0, 0, 22, 3, 1, 0, 4, 3, 3, 3, 7, 23, 3, 3, 0, 1, 9];
    let signature = [&[19, 18][..], &[0; 16], &[1, 1]].concat();
    let early = [to.data(4, b"efgh"), to.data(2, b"cdXX"), to.data(0, b"abcd")];
    for (name, sent) in [
        ("plain", vec![real.clone()]),
        ("early", early.into()),
        ("bad-checksum", vec![Segment { damage: 1, ..fake.clone() }, real.clone()]),
        ("far-away", vec![Segment { ttl: 2, ..fake.clone() }, real.clone()]),
        ("signed", vec![Segment { options: signature, ..fake.clone() }, real.clone()]),
        ("no-flags", vec![Segment { flags: 0, ..fake.clone() }, real.clone()]),
        ("urgent", vec![Segment { flags: flags::ACK | flags::URG, urgent: 3, ..real.clone() }]),
        (
            "another-syn",
            vec![Segment { sequence: 9, payload: vec![7; 9], ..to.syn() }, real.clone()],
        ),
        ("reset", vec![Segment { flags: flags::RST, ..real.clone() }, real.clone()]),
        (
            "request",
            vec![to.data(0, &request.as_bytes()[..9]), to.data(9, &request.as_bytes()[9..])],
        ),
        ("records", vec![to.data(0, &hello)]),
        ("far-ahead", (1..12).map(|at| to.data(at * 1000, &[7; 1000])).collect()),
    ] {
        let answer = to.answer(8, b"answer");
        let all = to.handshake().into_iter().chain(sent).chain([answer]);
        let bytes: Vec<u8> = all.flat_map(|segment| record(&segment)).collect();
        seed::hold("stream", name, &bytes);
    }
}

/// A segment as the fuzzer's case reads it.
fn record(segment: &Segment) -> Vec<u8> {
    let l3 = segment.l3();
    let length = u16::try_from(l3.len()).expect("a small segment").to_be_bytes();
    [&[u8::from(!segment.from_client)], &length[..], &l3].concat()
}
