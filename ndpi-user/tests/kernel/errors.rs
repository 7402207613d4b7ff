//! ICMP errors, and the flows that they are about.

use ndpi_common::{Action, Hook, Outcome, Reason, State, Switches, Total, VerdictEntry};
use testkit::frame::{ACK, ICMP, ICMPV6, SYN, Talk, V4, V6, counted, inside};

use crate::forms::patched;
use crate::fragments::pieces;
use crate::harness::{Answer, HOOKS, Kernel, NOW, Settings, kernel};

/// The error that one end receives about a packet that it sent: 8 bytes of ICMP and the packet, from its IP
/// header on.
fn error(talk: Talk, to_client: bool, packet: &[u8]) -> Vec<u8> {
    let (proto, kind) = if talk.v6 { (ICMPV6, 1) } else { (ICMP, 3) };
    let quotation = [&[kind, 1, 0, 0, 0, 0, 0, 0][..], packet].concat();
    Talk { proto, ..talk }.ip(!to_client, &quotation)
}

/// The error that one end of `talk` gets about a packet with a little payload, cut after 8 bytes
/// of its transport header as routers used to do.
fn refused(talk: Talk, to_client: bool) -> Vec<u8> {
    let sent = if to_client { talk.out(ACK, b"hello") } else { talk.back(ACK, b"hello") };
    let link = if talk.vlan == 0 { 14 } else { 18 };
    let quoted = if talk.v6 { 48 } else { 28 };
    error(talk, to_client, &sent[link..link + quoted])
}

fn as_icmp(talk: Talk) -> Talk {
    let proto = if talk.v6 { ICMPV6 } else { ICMP };
    Talk { proto, client_port: 0, server_port: 0, ..talk }
}

#[test]
fn an_error_meets_the_verdict_of_the_flow_that_it_quotes() {
    let Some(mut kernel) = kernel(Settings::default()) else { return };
    for talk in [V4, V6, V4.udp(), V6.udp(), V4.in_vlan(5)] {
        for (action, outcome, reason) in [
            (Action::Drop, Outcome::Dropped, Reason::Drop),
            (Action::Count, Outcome::Passed, Reason::Count),
            (Action::Bypass, Outcome::Passed, Reason::Bypass),
            (Action::Reject, Outcome::Dropped, Reason::Reject),
        ] {
            for hook in HOOKS {
                kernel.decide(talk.key(), action);
                let (to_client, to_server) = (refused(talk, true), refused(talk, false));
                let tag = if talk.vlan == 0 { 0 } else { 4 };
                let bytes = |frame| counted(frame) - tag;
                let both = bytes(&to_client) + bytes(&to_server);
                kernel.expect(&[(hook, outcome, reason, 2, both)], |kernel| {
                    kernel.run(hook, &to_client);
                    kernel.run(hook, &to_server);
                });
                let once = |frame| Total { packets: 1, bytes: bytes(frame) };
                let verdict = kernel.verdict(talk.key());
                if action != Action::Bypass {
                    // The client's packet went from the lower end; the error comes back to it.
                    assert_eq!(
                        (verdict.upper(), verdict.lower()),
                        (once(&to_client), once(&to_server))
                    );
                }
            }
        }
    }
    assert!(kernel.shown().is_empty(), "an error is no packet of the flow that could be shown");
}

#[test]
fn an_error_from_a_router_on_the_way_counts_as_well() {
    let Some(mut kernel) = kernel(Settings::default()) else { return };
    kernel.decide(V4.key(), Action::Drop);
    let frame = patched(refused(V4, true), 26, &[198, 18, 77, 1]);
    assert_eq!(kernel.run(Hook::Xdp, &frame), Answer::Drop);
    assert_eq!(kernel.verdict(V4.key()).upper().packets, 1);
}

#[test]
fn an_error_about_an_undecided_flow_belongs_to_its_own() {
    let Some(mut kernel) = kernel(Settings::default()) else { return };
    for talk in [V4, V6] {
        own_flow(&mut kernel, talk, &refused(talk, true));
    }
}

/// Checks that an error is handled as a packet of the ICMP flow between the two ends.
fn own_flow(kernel: &mut Kernel, talk: Talk, frame: &[u8]) {
    for hook in HOOKS {
        let shown = (hook, Outcome::Passed, Reason::Shown, 1, counted(frame));
        kernel.expect(&[shown], |kernel| kernel.run(hook, frame));
        let shown = kernel.shown();
        assert_eq!(shown.len(), 1);
        assert_eq!(shown[0].header.key(), Some(as_icmp(talk).key()));
        assert_eq!(shown[0].bytes, frame[14..]);
    }
}

#[test]
fn an_error_that_cannot_be_about_the_flow_says_nothing_of_it() {
    let Some(mut kernel) = kernel(Settings::default()) else { return };
    kernel.decide(V4.key(), Action::Count);
    let frame = refused(V4, true);
    // To the server, about what the client sent.
    let misdirected = error(V4, false, &V4.out(ACK, b"")[14..]);
    // An answer to a ping that carries the same bytes, and a quotation that ends too early.
    let reply = patched(frame.clone(), 34, &[0]);
    let short = Talk { proto: ICMP, ..V4 }.ip(false, &frame[34..frame.len() - 1]);
    let before = kernel.verdict(V4.key());
    for frame in [misdirected, reply] {
        own_flow(&mut kernel, V4, &frame);
    }
    kernel.run(Hook::Xdp, &short);
    assert_eq!(kernel.verdict(V4.key()), before);
    // The old flow of a verdict that is over gets nothing either.
    kernel.set_verdict(
        V4.key(),
        VerdictEntry {
            action: Action::Drop as u8,
            state: State::REOPENED,
            last_seen: NOW,
            ..before
        },
    );
    assert_eq!(kernel.run(Hook::Xdp, &frame), Answer::Pass);
}

#[test]
fn what_is_quoted_may_be_a_fragment() {
    let Some(mut kernel) = kernel(Settings::default()) else { return };
    for talk in [V4.udp(), V6.udp()] {
        kernel.decide(talk.key(), Action::Drop);
        let frames = pieces(talk, &[5; 600], 304);
        let quoted = frames.iter().map(|frame| error(talk, true, &frame[14..14 + 56]));
        let [about_first, about_later] = quoted.collect::<Vec<_>>().try_into().unwrap();
        assert_eq!(kernel.run(Hook::Xdp, &about_first), Answer::Drop);
        // Whose fragment it is, nobody has said yet.
        assert_eq!(kernel.run(Hook::Xdp, &about_later), Answer::Pass);
        kernel.run(Hook::Xdp, &frames[0]);
        assert_eq!(kernel.run(Hook::Xdp, &about_later), Answer::Drop);
    }
}

#[test]
fn an_error_in_fragments_does_not_get_through() {
    let Some(mut kernel) = kernel(Settings::default()) else { return };
    kernel.decide(V4.key(), Action::Drop);
    let whole = error(V4, true, &V4.out(SYN, b"")[14..]);
    let back = Talk { proto: ICMP, ..V4 };
    let first = back.ipv4(false, &[], 0x2000, &whole[34..74]);
    assert_eq!(kernel.run(Hook::Xdp, &first), Answer::Drop);
    let rest = back.ipv4(false, &[], 5, &whole[74..]);
    assert_eq!(kernel.run(Hook::Xdp, &rest), Answer::Pass, "useless without the first");
}

#[test]
fn an_error_in_a_tunnel_is_about_a_flow_in_the_tunnel() {
    let settings = Settings { switches: Switches::TUNNELS, ..Settings::default() };
    let Some(mut kernel) = kernel(settings) else { return };
    kernel.decide(V4.key(), Action::Count);
    kernel.decide(inside(V4.key(), 1), Action::Drop);
    let tunnel = Talk { proto: 4, ..V4 };
    let frame = tunnel.ip(false, &refused(V4, true)[14..]);
    assert_eq!(kernel.run(Hook::Xdp, &frame), Answer::Drop);
}
