//! Servers that are blocked before their flows have a verdict.

use ndpi_common::{Action, Hook, Outcome, Reason, SampleFlags, Server, ServerKey, Total};
use testkit::frame::{ACK, CLIENT, CLIENT_PORT, SERVER, SERVER_PORT, SYN, Talk, V4, V6, counted};

use crate::fragments::pieces;
use crate::harness::{Answer, HOOKS, Kernel, NOW, Settings, kernel};

const DROP: Server = server(Action::Drop);

pub(crate) const fn server(action: Action) -> Server {
    Server {
        action: action as u8,
        reserved: 0,
        rule: 7,
        app: 119,
        master: 91,
        category: 6,
        reserved2: 0,
        expires: NOW + 10,
    }
}

/// The server of a conversation: the end that is not the client's.
pub(crate) fn end(talk: Talk) -> ServerKey {
    let mut address = [0; 16];
    let family = if talk.v6 {
        address[..4].copy_from_slice(&[0x20, 1, 0x0d, 0xb8]);
        address[12..].copy_from_slice(&SERVER);
        6
    } else {
        address[..4].copy_from_slice(&SERVER);
        4
    };
    let (vlan, proto) = (talk.vlan, talk.proto);
    ServerKey { address, port: SERVER_PORT, vlan, proto, family, tunnel: 0, reserved: 0 }
}

fn left(outcome: Outcome, reason: Reason, frame: &[u8]) -> (Hook, Outcome, Reason, u64, u64) {
    (Hook::Xdp, outcome, reason, 1, counted(frame))
}

/// Sends a frame that must be dropped for its server's sake.
#[track_caller]
fn is_dropped(kernel: &mut Kernel, frame: &[u8]) {
    kernel.expect(&[left(Outcome::Dropped, Reason::Server, frame)], |kernel| {
        assert_eq!(kernel.run(Hook::Xdp, frame), Answer::Drop);
    });
}

/// Sends a frame that must pass and be shown as if no server were blocked.
#[track_caller]
fn is_shown(kernel: &mut Kernel, frame: &[u8]) {
    kernel.expect(&[left(Outcome::Passed, Reason::Shown, frame)], |kernel| {
        assert_eq!(kernel.run(Hook::Xdp, frame), Answer::Pass);
    });
    assert_eq!(kernel.shown()[0].flags(), 0);
}

#[test]
fn the_first_packet_to_a_blocked_server_is_dropped_and_shown() {
    let Some(mut kernel) = kernel(Settings::default()) else { return };
    for (port, action) in [(1, Action::Drop), (2, Action::Reject)] {
        for talk in [V4.with_port(port), V6.with_port(port), V4.with_port(port).in_vlan(5)] {
            kernel.set_server(end(talk), server(action));
            // Link headers do not count, and tags are part of them.
            let bytes = counted(&talk.in_vlan(0).out(SYN, b""));
            for hook in HOOKS {
                let again = talk.with_port(10 * port + hook as u16);
                let frame = again.out(SYN, b"");
                let count = (hook, Outcome::Dropped, Reason::Server, 1, bytes);
                kernel.expect(&[count], |kernel| {
                    assert_eq!(kernel.run(hook, &frame), Answer::Drop);
                });
                let shown = kernel.shown();
                let header = &shown[0].header;
                let flags = SampleFlags::SERVER | SampleFlags::EMPTY;
                assert_eq!((header.flags, header.number), (flags, 1));
                assert_eq!((header.key(), header.tcp_flags), (Some(again.key()), SYN));
            }
        }
    }
}

#[test]
fn nothing_else_at_that_address_is_touched() {
    let Some(mut kernel) = kernel(Settings::default()) else { return };
    let there = end(V4);
    for other in [
        ServerKey { port: SERVER_PORT + 1, ..there },
        ServerKey { vlan: 9, ..there },
        ServerKey { tunnel: 1, ..there },
        ServerKey { proto: 17, ..there },
        ServerKey { family: 6, ..there },
        // The client, by the port that it happens to use.
        ServerKey { address: end_of(CLIENT), port: CLIENT_PORT, ..there },
    ] {
        kernel.set_server(other, DROP);
    }
    is_shown(&mut kernel, &V4.out(SYN, b""));
    is_shown(&mut kernel, &V4.back(SYN | ACK, b""));
    is_shown(&mut kernel, &V4.out(ACK, b"x"));
}

fn end_of(address: [u8; 4]) -> [u8; 16] {
    let mut all = [0; 16];
    all[..4].copy_from_slice(&address);
    all
}

#[test]
fn an_entry_ends_by_the_clock_and_by_the_switch() {
    let Some(mut kernel) = kernel(Settings::default()) else { return };
    kernel.set_server(end(V4), DROP);
    is_dropped(&mut kernel, &V4.with_port(1).out(SYN, b""));
    kernel.set_tick(DROP.expires - 1);
    is_dropped(&mut kernel, &V4.with_port(2).out(SYN, b""));
    kernel.set_tick(DROP.expires);
    kernel.shown();
    is_shown(&mut kernel, &V4.with_port(3).out(SYN, b""));

    kernel.set_tick(NOW);
    kernel.set_servers(0);
    is_shown(&mut kernel, &V4.with_port(4).out(SYN, b""));
    kernel.set_servers(1);
    is_dropped(&mut kernel, &V4.with_port(5).out(SYN, b""));
}

#[test]
fn actions_that_pass_are_left_to_user_space() {
    let Some(mut kernel) = kernel(Settings::default()) else { return };
    for (port, action) in
        [(1, Action::Count), (2, Action::Bypass), (3, Action::Limit), (4, Action::None)]
    {
        kernel.set_server(end(V4), server(action));
        is_shown(&mut kernel, &V4.with_port(port).out(SYN, b""));
    }
}

#[test]
fn both_directions_of_a_flow_under_way_are_dropped() {
    let Some(mut kernel) = kernel(Settings::default()) else { return };
    for frame in [V4.out(SYN, b""), V4.back(SYN | ACK, b"")] {
        is_shown(&mut kernel, &frame);
    }
    kernel.set_server(end(V4), DROP);
    let (out, back) = (V4.out(ACK, b"hello"), V4.back(ACK, b"welcome"));
    is_dropped(&mut kernel, &out);
    is_dropped(&mut kernel, &back);
    let track = kernel.track(V4.key()).expect("a track");
    let bytes = counted(&out) + counted(&back);
    assert_eq!((track.total().packets, track.dropped), (4, Total { packets: 2, bytes }));
    assert_eq!((track.shown, track.client), (4, 0));
}

#[test]
fn who_answers_a_syn_is_the_server() {
    let Some(mut kernel) = kernel(Settings::default()) else { return };
    kernel.set_server(end(V4), DROP);
    // The SYN went another way, or came before the program did.
    is_dropped(&mut kernel, &V4.back(SYN | ACK, b""));
    is_dropped(&mut kernel, &V4.out(ACK, b""));
}

#[test]
fn what_is_dropped_is_shown_within_the_budget_and_counted_beyond_it() {
    let Some(mut kernel) = kernel(Settings { budget: 2, ..Settings::default() }) else { return };
    kernel.set_server(end(V4), DROP);
    for _ in 0..5 {
        is_dropped(&mut kernel, &V4.out(SYN, b""));
    }
    let numbers: Vec<_> = kernel.shown().iter().map(|sample| sample.header.number).collect();
    assert_eq!(numbers, [1, 2]);
}

#[test]
fn a_full_ring_is_told_of_dropped_packets_too() {
    let settings = Settings { budget: 1000, ring_bytes: 4096, ..Settings::default() };
    let Some(mut kernel) = kernel(settings) else { return };
    kernel.set_server(end(V4), DROP);
    for _ in 0..100 {
        assert_eq!(kernel.run(Hook::Xdp, &V4.out(SYN, b"")), Answer::Drop);
    }
    let stats = kernel.stats();
    let dropped = |reason| stats[&(Hook::Xdp as u8, Outcome::Dropped as u8, reason)].0;
    let (shown, full) = (dropped(Reason::Server), dropped(Reason::RingFull));
    assert!(shown > 0 && full > 0 && shown + full == 100, "{stats:?}");
    assert_eq!(u64::try_from(kernel.shown().len()).unwrap(), shown);
}

#[test]
fn a_verdict_comes_before_the_server() {
    let Some(mut kernel) = kernel(Settings::default()) else { return };
    kernel.set_server(end(V4), DROP);
    kernel.decide(V4.key(), Action::Count);
    let frame = V4.out(ACK, b"x");
    kernel.expect(&[left(Outcome::Passed, Reason::Count, &frame)], |kernel| {
        assert_eq!(kernel.run(Hook::Xdp, &frame), Answer::Pass);
    });
}

#[test]
fn fragments_to_a_blocked_server_are_dropped() {
    let Some(mut kernel) = kernel(Settings::default()) else { return };
    let talk = V4.udp();
    kernel.set_server(end(talk), DROP);
    for piece in pieces(talk, &[5; 100], 64) {
        is_dropped(&mut kernel, &piece);
    }
    assert_eq!(kernel.shown().len(), 2, "the datagram is put together");
}
