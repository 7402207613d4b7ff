//! The fuzzer's corpora of packets, of streams, of fragments and of what nDPI reads, replayed: seeds, and whatever once went wrong.

use ndpi::Library;
use testkit::tcp::{Connection, Segment, flags};
use testkit::{frame, needs, seed};

mod control;
#[path = "../../../fuzz/cases/fragments.rs"]
mod fragments;
#[path = "../../../fuzz/cases/ndpi.rs"]
mod ndpi_case;
#[path = "../../../fuzz/cases/packet.rs"]
mod packet;
mod quic;
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
    shown(u8::from(!segment.from_client), &l3)
}

/// A packet as the fuzzer's cases read it, with what `bits` say of it.
fn shown(bits: u8, l3: &[u8]) -> Vec<u8> {
    let length = u16::try_from(l3.len()).expect("a small packet").to_be_bytes();
    [&[bits], &length[..], l3].concat()
}

#[test]
fn the_corpus_of_what_ndpi_reads_holds() {
    let Some(library) = needs(Library::load(None)) else { return };
    let engine = library.engine().build().unwrap();
    seed::replay("ndpi", |data| ndpi_case::run(&engine, data));
}

/// What the fuzzer of nDPI begins with: what opens flows of protocols with readers of their own.
#[test]
fn the_seeds_of_what_ndpi_reads_are_in_the_repository() {
    let of = |bits: u8, payloads: &[&[u8]]| -> Vec<u8> {
        payloads.iter().flat_map(|payload| shown(bits, payload)).collect()
    };
    let (udp, answers) = (8, 16);
    let name = [&[1, b'a', 7][..], b"example", &[0, 0, 1, 0, 1]].concat();
    let query = [&[0, 7, 1, 0, 0, 1, 0, 0, 0, 0, 0, 0][..], &name].concat();
    let answer = [
        &[0, 7, 0x81, 0x80, 0, 1, 0, 1, 0, 0, 0, 0][..],
        &name,
        &[0xc0, 12, 0, 1, 0, 1, 0, 0, 0, 9, 0, 4, 198, 18, 0, 9],
    ]
    .concat();
    let server_name = [&[0, 0, 0, 14, 0, 12, 0, 0, 9][..], b"a.example"].concat();
    let hello = [&[3, 3][..], &[7; 32], &[0, 0, 2, 19, 1, 1, 0, 0, 18], &server_name].concat();
    let hello = [&[1, 0, 0, u8::try_from(hello.len()).unwrap()][..], &hello].concat();
    let hello = [&[22, 3, 1, 0, u8::try_from(hello.len()).unwrap()][..], &hello].concat();
    let register = b"REGISTER sip:example SIP/2.0\r\nTo: <sip:a@example>\r\n\r\n";
    let stun = [&[0, 1, 0, 0, 0x21, 0x12, 0xa4, 0x42][..], &[5; 12]].concat();
    for (name, bytes) in [
        ("tls", of(0, &[&hello])),
        ("http", of(1, &[b"GET / HTTP/1.1\r\nHost: a.example\r\nUser-Agent: x\r\n\r\n"])),
        ("dns", [of(udp | 2, &[&query]), of(udp | answers | 2, &[&answer])].concat()),
        ("sip", of(udp | 3, &[register])),
        ("ssh", [of(4, &[b"SSH-2.0-x\r\n"]), of(answers | 4, &[b"SSH-2.0-y\r\n"])].concat()),
        (
            "smtp",
            [of(answers | 5, &[b"220 a.example\r\n"]), of(5, &[b"EHLO b.example\r\n"])].concat(),
        ),
        ("stun", of(udp | 6, &[&stun])),
        ("ntp", of(udp | 7, &[&[&[0x23][..], &[0; 47]].concat()])),
        ("pop3", [of(answers | 7, &[b"+OK a\r\n"]), of(7, &[b"USER a\r\n"])].concat()),
        ("mqtt", of(7, &[&[0x10, 13, 0, 4, b'M', b'Q', b'T', b'T', 4, 2, 0, 60, 0, 1, b'a']])),
        ("nothing-known", of(7, &[&[0xa5; 90]])),
    ] {
        seed::hold("ndpi", name, &bytes);
    }
}

#[test]
fn the_corpus_of_fragments_holds() {
    seed::replay("fragments", fragments::run);
}

/// What the fuzzer of fragments begins with: a datagram of each family, cut in ways that its receiver has a rule
/// for.
#[test]
fn the_seeds_of_fragments_are_in_the_repository() {
    for (talk, family) in [(frame::V4.udp(), 8), (frame::V6.udp(), 12)] {
        let bytes = talk.transport(true, 0, &[b'.'; 64]);
        let all = bytes.len();
        let piece = |start: usize, end: usize| talk.fragment(start, end < all, &bytes[start..end]);
        let (first, last) = (piece(0, 24), piece(24, all));
        let other = talk.fragment(8, true, &[7; 8]);
        let long = |at: usize| talk.fragment(at * 1024, at < 5, &[b'.'; 1024]);
        let name = |what: &str| format!("{what}-v{}", if family == 8 { 4 } else { 6 });
        for (what, bits, frames) in [
            ("in-order", 0, vec![&first, &last]),
            ("disorder", 0, vec![&last, &first]),
            ("overlap", 0, vec![&first, &piece(16, all)]),
            ("differing-copy", 0, vec![&first, &other, &last]),
            ("without-its-flow", 2, vec![&last, &first]),
            ("cut", 16, vec![&first, &last]),
            ("too-old", 0xe0, vec![&first, &first, &first, &first, &first, &last]),
            ("too-long", 0, vec![&long(5), &long(0), &long(2), &long(1), &long(3), &long(4)]),
        ] {
            let record = |frame: &&Vec<u8>| shown(bits | family, &frame[14..]);
            seed::hold(
                "fragments",
                &name(what),
                &frames.iter().flat_map(record).collect::<Vec<_>>(),
            );
        }
    }
}
