//! Packets that belong to no flow, or only just to one.

use ndpi_common::{Action, Hook, Outcome, Reason, SampleFlags, Switches, TenantKind};
use testkit::frame::{ACK, TCP, Talk, UDP, V4, V6, counted, inside};
use testkit::tunnel::of_tenant;

use crate::harness::{Answer, HOOKS, Settings, kernel};

/// Puts VLAN tags in, the outermost first.
fn tagged(mut frame: Vec<u8>, tags: &[u16]) -> Vec<u8> {
    let tag = |tag: &u16| [[0x81, 0], tag.to_be_bytes()].concat();
    let bytes: Vec<u8> = tags.iter().flat_map(tag).collect();
    frame.splice(12..12, bytes);
    frame
}

/// A chain of destination options headers of 8 bytes each, before `last`.
fn extensions(count: usize, last: u8) -> Vec<u8> {
    let next = |at| if at + 1 == count { last } else { 60 };
    (0..count).flat_map(|at| [next(at), 0, 1, 4, 0, 0, 0, 0]).collect()
}

pub(crate) fn patched(mut frame: Vec<u8>, at: usize, bytes: &[u8]) -> Vec<u8> {
    frame[at..at + bytes.len()].copy_from_slice(bytes);
    frame
}

/// Frames without a flow, and why they have none. The first [`MALFORMED`] are broken or made to be
/// misread; a long chain has a switch of its own; the rest is none of our business.
pub(crate) fn without_flow() -> [(Vec<u8>, Reason); 11] {
    let raw = |ethertype: [u8; 2], rest: &[u8]| [&[2; 12][..], &ethertype, rest].concat();
    let plain = V4.out(ACK, b"hello");
    let long_chain = [extensions(9, TCP), V6.transport(true, ACK, b"")].concat();
    [
        (tagged(plain.clone(), &[1, 2, 3, 4, 5]), Reason::TooManyTags),
        (raw([0x81, 0], &[0, 1]), Reason::TruncatedLink),
        (raw([8, 0], &[0x45; 10]), Reason::TruncatedIp),
        (patched(plain.clone(), 14, &[0x65]), Reason::BadVersion),
        (patched(plain.clone(), 14, &[0x44]), Reason::BadHeaderLength),
        (patched(plain.clone(), 14, &[0x40]), Reason::BadHeaderLength),
        (patched(plain, 16, &[0, 19]), Reason::LengthTooShort),
        (V6.ipv6(true, 60, &[TCP, 3, 0, 0, 0, 0, 0, 0]), Reason::TruncatedExtension),
        (V6.ipv6(true, 60, &long_chain), Reason::TooManyExtensions),
        (raw([8, 6], &[0; 28]), Reason::NotIp),
        (raw([0, 38], &[0x42; 38]), Reason::Llc),
    ]
}

/// How many of [`without_flow`] are malformed.
pub(crate) const MALFORMED: usize = 8;

/// The hooks at which a test run takes such a frame: at TC it wants a whole IP header.
pub(crate) fn hooks_for(frame: &[u8]) -> &'static [Hook] {
    if frame.len() < 14 + 20 { &HOOKS[..1] } else { &HOOKS }
}

#[test]
fn what_has_no_flow_passes_under_its_own_reason() {
    let Some(mut kernel) = kernel(Settings::default()) else { return };
    for (frame, reason) in without_flow() {
        for &hook in hooks_for(&frame) {
            kernel.expect(&[(hook, Outcome::Passed, reason, 1, counted(&frame))], |kernel| {
                assert_eq!(kernel.run(hook, &frame), Answer::Pass, "{reason:?}");
            });
        }
    }
    assert!(kernel.shown().is_empty());
}

#[test]
fn long_chains_are_dropped_where_the_setting_says_so() {
    let settings = Settings { switches: Switches::DROP_LONG_CHAINS, ..Settings::default() };
    let Some(mut kernel) = kernel(settings) else { return };
    let frame = V6.ipv6(true, 60, &[extensions(9, TCP), vec![0; 20]].concat());
    let dropped = (Hook::Xdp, Outcome::Dropped, Reason::TooManyExtensions, 1, counted(&frame));
    kernel.expect(&[dropped], |kernel| assert_eq!(kernel.run(Hook::Xdp, &frame), Answer::Drop));
}

#[test]
fn odd_packets_of_an_undecided_flow_are_shown_under_their_reason() {
    let Some(mut kernel) = kernel(Settings::default()) else { return };
    let plain = V4.out(ACK, b"hello");
    let short = V4.udp().ip(true, &[1, 2, 3, 4, 5]);
    for (frame, reason) in [
        (patched(plain.clone(), 16, &[9, 9]), Reason::LengthTooLong),
        (patched(plain.clone(), 16, &[0, 0]), Reason::LengthZero),
        (short, Reason::TruncatedPorts),
    ] {
        kernel.expect(&[(Hook::Xdp, Outcome::Passed, reason, 1, counted(&frame))], |kernel| {
            assert_eq!(kernel.run(Hook::Xdp, &frame), Answer::Pass);
        });
        let shown = kernel.shown();
        assert_eq!((shown.len(), &shown[0].bytes[..]), (1, &frame[14..]));
    }
}

#[test]
fn protocols_without_ports_are_one_flow_between_two_hosts() {
    let Some(mut kernel) = kernel(Settings::default()) else { return };
    for proto in [1, 47, 50, 132, 136] {
        let talk = Talk { proto, ..V4 };
        kernel.run(Hook::Xdp, &talk.ip(true, &[9; 12]));
        kernel.run(Hook::Xdp, &talk.ip(false, &[7; 12]));
        let shown = kernel.shown();
        assert_eq!(shown.len(), 2);
        let key = shown[0].header.key().expect("a key");
        assert_eq!((key.ports(), key.proto()), ((0, 0), proto));
        assert_eq!(shown[1].header.key(), Some(key));
        assert_eq!(shown[1].header.number, 2);
    }
}

#[test]
fn tunnels_are_opened_only_on_request() {
    let inner = V4.out(ACK, b"inner");
    let vxlan = [&[8, 0, 0, 0, 0, 0, 1, 0][..], &inner].concat();
    let mut outer = V4.udp().out(0, &vxlan);
    outer[36..38].copy_from_slice(&4789u16.to_be_bytes());
    let outside = (0, UDP, V4.key(), Answer::Pass);
    let opened = (Switches::TUNNELS, TCP, of_tenant(V4.key(), TenantKind::Vxlan, 1), Answer::Drop);
    for (switches, proto, key, answer) in [outside, opened] {
        let Some(mut kernel) = kernel(Settings { switches, ..Settings::default() }) else { return };
        for hook in HOOKS {
            kernel.run(hook, &outer);
        }
        let mut shown = kernel.shown();
        shown.retain(|sample| sample.header.flags & SampleFlags::OUTER == 0);
        assert_eq!(shown.len(), 2);
        assert!(shown.iter().all(|sample| sample.header.key().unwrap().proto() == proto));
        kernel.decide(key, Action::Drop);
        for hook in HOOKS {
            assert_eq!(kernel.run(hook, &outer), answer);
        }
    }
}

/// A frame around GRE around what the client sends.
fn in_gre(talk: Talk, frame: &[u8]) -> Vec<u8> {
    let gre = Talk { proto: 47, ..talk };
    gre.ip(true, &[&[0, 0][..], &frame[12..]].concat())
}

#[test]
fn a_flow_inside_a_tunnel_is_another_than_the_same_outside() {
    let settings = Settings { switches: Switches::TUNNELS, ..Settings::default() };
    let Some(mut kernel) = kernel(settings) else { return };
    for (talk, hook) in [V4, V6].into_iter().flat_map(|talk| HOOKS.map(|hook| (talk, hook))) {
        let plain = talk.with_port(7 + hook as u16).out(ACK, b"data");
        let once = in_gre(talk, &plain);
        let twice = in_gre(talk, &once);
        let key = talk.with_port(7 + hook as u16).key();
        for (blocked, [outside, one, two]) in
            [(0, [true, false, false]), (1, [false, true, false]), (2, [false, false, true])]
        {
            kernel.decide(inside(key, blocked), Action::Drop);
            for (frame, dropped) in [(&plain, outside), (&once, one), (&twice, two)] {
                let answer = if dropped { Answer::Drop } else { Answer::Pass };
                assert_eq!(kernel.run(hook, frame), answer, "{blocked} {hook:?}");
            }
            kernel.decide(inside(key, blocked), Action::Count);
        }
    }
}

#[test]
fn the_verdict_on_a_tunnel_comes_before_what_is_inside() {
    let settings = Settings { switches: Switches::TUNNELS, ..Settings::default() };
    for (talk, hook) in [V4, V6].into_iter().flat_map(|talk| HOOKS.map(|hook| (talk, hook))) {
        let Some(mut kernel) = kernel(settings) else { return };
        let plain = talk.with_port(7 + hook as u16).out(ACK, b"data");
        let frame = in_gre(talk, &plain);
        let [outer, inner] = [
            Talk { proto: 47, client_port: 0, server_port: 0, ..talk }.key(),
            inside(talk.with_port(7 + hook as u16).key(), 1),
        ];
        let bytes = [counted(&frame), counted(&plain)];
        let left = |outcome, reason, bytes| [(hook, outcome, reason, 1, bytes)];
        // Nothing is known: both are shown, and the packet is counted as what is inside.
        kernel.expect(&left(Outcome::Passed, Reason::Shown, bytes[1]), |kernel| {
            assert_eq!(kernel.run(hook, &frame), Answer::Pass);
        });
        let shown: Vec<_> = kernel
            .shown()
            .iter()
            .map(|sample| (sample.header.key(), sample.header.flags & SampleFlags::OUTER != 0))
            .collect();
        assert_eq!(shown, [(Some(outer), true), (Some(inner), false)]);
        for (of_outer, of_inner, outcome, reason) in [
            (Action::Drop, Action::Count, Outcome::Dropped, Reason::Drop),
            (Action::Reject, Action::Count, Outcome::Dropped, Reason::Reject),
            (Action::Count, Action::Drop, Outcome::Dropped, Reason::Drop),
            (Action::Bypass, Action::Drop, Outcome::Dropped, Reason::Drop),
            (Action::Count, Action::Count, Outcome::Passed, Reason::Count),
        ] {
            kernel.decide(outer, of_outer);
            kernel.decide(inner, of_inner);
            let at = usize::from(!matches!(of_outer, Action::Drop | Action::Reject));
            kernel.expect(&left(outcome, reason, bytes[at]), |kernel| {
                kernel.run(hook, &frame);
            });
        }
    }
}
