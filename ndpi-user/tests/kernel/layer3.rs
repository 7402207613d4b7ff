//! Packets without a link header: the programs for interfaces that have none.

use ndpi_common::{Action, Outcome, Reason};
use testkit::frame::{ACK, SYN, Talk, V4, V6, counted};

use crate::harness::{Answer, HOOKS, Settings, kernel};

const ETHERNET: usize = 14;

#[test]
fn packets_that_begin_with_their_ip_header_meet_the_same_verdicts() {
    let Some(mut kernel) = kernel(Settings::default()) else { return };
    for hook in HOOKS {
        for (port, action, answer, outcome, reason) in [
            (2001, Action::Drop, Answer::Drop, Outcome::Dropped, Reason::Drop),
            (2002, Action::Count, Answer::Pass, Outcome::Passed, Reason::Count),
        ] {
            for talk in [V4, V6, V4.udp(), V6.udp()] {
                let talk = talk.with_port(port);
                kernel.decide(talk.key(), action);
                let frame = talk.out(ACK, b"question");
                kernel.expect(&[(hook, outcome, reason, 1, counted(&frame))], |kernel| {
                    assert_eq!(kernel.run_l3(hook, &frame[ETHERNET..]), answer, "{hook:?}");
                });
            }
        }
    }
}

#[test]
fn what_is_shown_of_them_is_the_packet() {
    let Some(mut kernel) = kernel(Settings::default()) else { return };
    for hook in HOOKS {
        for (talk, frame) in forms() {
            let packet = &frame[ETHERNET..];
            let counts = [(hook, Outcome::Passed, Reason::Shown, 1, counted(&frame))];
            kernel.forget();
            kernel.expect(&counts, |kernel| kernel.run_l3(hook, packet));
            let shown = kernel.shown();
            assert_eq!(shown.len(), 1);
            assert_eq!((shown[0].header.key(), &shown[0].bytes[..]), (Some(talk.key()), packet));
        }
    }
}

/// Common packets, and those with IPv4 options and IPv6 extension headers.
fn forms() -> Vec<(Talk, Vec<u8>)> {
    let extended = [&[6, 0, 0, 0, 0, 0, 0, 0][..], &V6.transport(true, SYN, b"hello")].concat();
    vec![
        (V4, V4.out(SYN, b"hello")),
        (V6, V6.out(SYN, b"hello")),
        (V4, V4.ipv4(true, &[1; 4], 0x4000, &V4.transport(true, SYN, b"hello"))),
        (V6, V6.ipv6(true, 60, &extended)),
    ]
}

#[test]
fn an_ethernet_header_that_ipsec_made_anew_is_stepped_over() {
    let Some(mut kernel) = kernel(Settings::default()) else { return };
    for hook in HOOKS {
        for talk in [V4, V6] {
            kernel.decide(talk.key(), Action::Drop);
            let frame = talk.out(ACK, b"question");
            let counts = [(hook, Outcome::Dropped, Reason::Drop, 1, counted(&frame))];
            kernel.expect(&counts, |kernel| {
                assert_eq!(kernel.run_l3(hook, &frame), Answer::Drop);
            });
        }
    }
}

#[test]
fn an_address_like_an_ethertype_hides_nothing() {
    let Some(mut kernel) = kernel(Settings::default()) else { return };
    // From 8.0.69.0 to 0.45.x.x, with what could be an IP header behind it.
    let mut packet = V4.udp().out(0, &[0; 60]).split_off(ETHERNET);
    packet[12..18].copy_from_slice(&[8, 0, 0x45, 0, 0, 45]);
    for hook in HOOKS {
        kernel.run_l3(hook, &packet);
        let shown = kernel.shown();
        assert_eq!(shown[0].bytes, packet, "the packet itself, not what is inside of it");
        packet.push(0);
        kernel.run_l3(hook, &packet);
        let shown = kernel.shown();
        assert_eq!(shown[0].bytes, packet[..packet.len() - 1], "nor with bytes behind it");
        packet.pop();
        packet[21] ^= 1;
    }
}

#[test]
fn what_is_no_ip_is_counted() {
    let Some(mut kernel) = kernel(Settings::default()) else { return };
    for hook in HOOKS {
        let other = [&[0xff; 12][..], &[8, 6], &[1; 28]].concat();
        let counts = [(hook, Outcome::Passed, Reason::BadVersion, 1, 42)];
        kernel.expect(&counts, |kernel| {
            assert_eq!(kernel.run_l3(hook, &other), Answer::Pass);
        });
    }
}
