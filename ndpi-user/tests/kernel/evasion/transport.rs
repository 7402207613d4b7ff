//! TCP and UDP headers, ports, tunnels.

use ndpi_common::Reason;
use testkit::frame::{ACK, FIN, RST, SYN, Talk, V4, V6};

use super::{ANOTHER_FLOW, Blocked, Passes, Way, try_all};
use crate::forms::patched;

const PSH: u8 = 0x08;
const URG: u8 = 0x20;

#[test]
fn flags_do_not_end_a_verdict() {
    let ways = |talk: Talk| {
        let data = || talk.out(ACK, b"as if nothing had been");
        let then =
            |frames: Vec<Vec<u8>>| [frames, vec![data(), talk.back(ACK, b"so it is")]].concat();
        [
            Way::all(
                "every combination",
                talk,
                (0..=255).map(|flags| talk.out(flags, b"x")).collect(),
                Blocked,
            ),
            Way::all("no flags at all", talk, then(vec![talk.out(0, b"x")]), Blocked),
            Way::all(
                "a SYN with data",
                talk,
                then(vec![talk.out(SYN, b"GET / HTTP/1.1\r\n")]),
                Blocked,
            ),
            Way::all("a SYN and a FIN", talk, then(vec![talk.out(SYN | FIN, b"")]), Blocked),
            Way::all(
                "everything urgent",
                talk,
                then(vec![talk.out(ACK | PSH | URG, b"x")]),
                Blocked,
            ),
            Way::all("a reset from the client", talk, then(vec![talk.out(RST, b"")]), Blocked),
            Way::all(
                "a reset in the server's name",
                talk,
                then(vec![talk.back(RST | ACK, b"")]),
                Blocked,
            ),
            Way::all(
                "an end on both sides",
                talk,
                then(vec![talk.out(FIN | ACK, b""), talk.back(FIN | ACK, b"")]),
                Blocked,
            ),
        ]
    };
    try_all(&[V4, V6].map(ways).into_iter().flatten().collect::<Vec<_>>());
}

#[test]
fn a_syn_that_nobody_answers_does_not_end_a_verdict() {
    let ways = |talk: Talk| {
        let syn = |out| (talk.segment(out, SYN, [900, 0], b""), Passes(Reason::Shown));
        let blocked = |frame| (frame, Blocked);
        let data =
            || [talk.out(ACK, b"as if nothing had been"), talk.back(ACK, b"so it is")].map(blocked);
        let reset = |out| blocked(talk.out_or_back(out, RST));
        // Acknowledges another SYN, or is sent by who sent this one.
        let wrong = |out| blocked(talk.segment(out, SYN | ACK, [7, 900], b""));
        let own = |out| blocked(talk.segment(out, SYN | ACK, [7, 901], b""));
        // All of these come by at one place, where the other host is not: what has its address is forged.
        let forged = |flags| blocked(talk.segment(false, flags, [7, 901], b""));
        let way = |name, frames: Vec<_>| {
            let frames = frames.into_iter().chain(data()).collect();
            Way { name, talk, frames }
        };
        [
            way("a SYN of the client", vec![syn(true)]),
            way("a SYN of the server", vec![syn(false)]),
            way("a reset and a SYN", vec![reset(true), syn(true), wrong(false), own(true)]),
            way("the same of the server", vec![reset(false), syn(false), wrong(true), own(false)]),
            way("a SYN and a reset", vec![syn(true), reset(true), reset(false)]),
            way("a forged challenge", vec![syn(true), forged(ACK), reset(true), wrong(false)]),
            way("a forged answer", vec![syn(true), forged(SYN | ACK), own(true)]),
        ]
    };
    try_all(&[V4, V6, V4.in_vlan(5)].map(ways).into_iter().flatten().collect::<Vec<_>>());
}

#[test]
fn headers_that_lie_do_not_hide_a_flow() {
    // Where the data offset, the checksum and the urgent pointer are in a frame.
    let (offset, checksum, urgent) = (46, 50, 52);
    let plain = || V4.out(ACK, b"hello");
    let datagram = || V4.udp().out(0, b"hello");
    try_all(&[
        Way::all(
            "any data offset",
            V4,
            (0..16).map(|words| patched(plain(), offset, &[words << 4])).collect(),
            Blocked,
        ),
        Way::new("a wrong checksum", V4, patched(plain(), checksum, &[0xff, 0xff]), Blocked),
        Way::new("an urgent pointer", V4, patched(plain(), urgent, &[0xff, 0xff]), Blocked),
        Way::all(
            "any UDP length",
            V4.udp(),
            [0, 1, 7, 8, 0xffff_u16].map(|len| patched(datagram(), 38, &len.to_be_bytes())).into(),
            Blocked,
        ),
        Way::new("an empty datagram", V4.udp(), V4.udp().out(0, b""), Blocked),
    ]);
}

#[test]
fn other_ports_and_protocols_are_other_flows() {
    let of = |talk: Talk| talk.out(ACK, b"hello");
    try_all(&[
        Way::new("another port", V4, of(V4.with_port(9)), ANOTHER_FLOW),
        Way::new("the same ports of UDP", V4, of(V4.udp()), ANOTHER_FLOW),
        Way::new("the other IP", V4, of(V6), ANOTHER_FLOW),
        // As far as nobody looks into tunnels.
        Way::new("in a tunnel", V4, Talk { proto: 4, ..V4 }.ip(true, &of(V4)[14..]), ANOTHER_FLOW),
    ]);
}
