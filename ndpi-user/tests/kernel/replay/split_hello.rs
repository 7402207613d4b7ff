//! A TLS hello in pieces: the name in it is read, and the flow blocked, however it is cut.

use testkit::packets::{capture, ipv4};
use testkit::program::file;
use testkit::tls::hello;

use crate::replay::setup::{can_replay, replay};

const RULE: &str =
    "[[rule]]\nname = \"the rule\"\napp = \"Facebook\"\nstate = \"partial\"\naction = \"drop\"\n";
const NAME: &str = "www.facebook.com";

/// A segment between 198.18.0.2:40000 and 198.18.0.1:443 whose first byte is number `sequence`.
fn segment(back: bool, flags: u8, sequence: u32, acknowledged: u32, payload: &[u8]) -> Vec<u8> {
    let ports: [u16; 2] = if back { [443, 40_000] } else { [40_000, 443] };
    let numbers = [sequence, acknowledged].map(u32::to_be_bytes).concat();
    let ports = ports.map(u16::to_be_bytes).concat();
    let header = [&ports[..], &numbers, &[0x50, flags, 0xff, 0xff, 0, 0, 0, 0]].concat();
    ipv4(6, back, &[&header[..], payload].concat())
}

/// A connection whose client says hello in pieces of these lengths; then each end says one thing
/// more. A packet a second.
fn connection(pieces: &[usize]) -> Vec<(u32, Vec<u8>)> {
    const SYN: u8 = 0x02;
    const PSH: u8 = 0x08;
    const ACK: u8 = 0x10;
    let mut packets = vec![
        segment(false, SYN, 99, 0, b""),
        segment(true, SYN | ACK, 499, 100, b""),
        segment(false, ACK, 100, 500, b""),
    ];
    let (whole, mut sequence) = (hello(NAME), 100);
    let mut rest = &whole[..];
    for &length in pieces {
        let (piece, after) = rest.split_at(length.min(rest.len()));
        packets.push(segment(false, ACK | PSH, sequence, 500, piece));
        sequence += u32::try_from(piece.len()).unwrap();
        rest = after;
    }
    assert!(rest.is_empty(), "the pieces are the whole hello");
    packets.push(segment(true, ACK | PSH, 500, sequence, &[22, 3, 3, 0, 1, 2]));
    packets.push(segment(false, ACK, sequence, 506, b"more"));
    (1..).zip(packets).collect()
}

#[test]
fn a_hello_in_pieces_names_its_flow() {
    if !can_replay() {
        return;
    }
    let length = hello(NAME).len();
    let in_name =
        hello(NAME).windows(NAME.len()).position(|bytes| bytes == NAME.as_bytes()).unwrap() + 6;
    for (test, pieces) in [
        ("whole", vec![length]),
        ("cut-in-the-name", vec![in_name, length]),
        ("a-byte-first", vec![1, length]),
        ("the-record-header-first", vec![5, length]),
        ("cut-before-the-last-byte", vec![length - 1, 1]),
        ("in-small-pieces", vec![16; length.div_ceil(16)]),
    ] {
        let policy = file(test, "policy.toml", RULE.as_bytes());
        let path = file(test, "hello.pcap", &capture(&connection(&pieces)));
        let run = replay(&["--json", "--packets", "--policy", &policy, &path]);
        assert_eq!(run.code, Some(0), "{}", run.stderr);
        let flow = &run.flows()[0];
        assert_eq!((&flow["app"], &flow["action"]), (&"TLS.Facebook".into(), &"drop".into()));
        let reasons: Vec<_> =
            run.records("packet").iter().map(|packet| packet["reason"].clone()).collect();
        let (hello, after) = reasons.split_at(reasons.len() - 2);
        assert_eq!(after, ["drop", "drop"], "{test}");
        assert!(hello.iter().all(|reason| reason == "shown"), "{test}: {hello:?}");
    }
}
