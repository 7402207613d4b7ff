//! TCP's sequence numbers: what samples say of those that came before.

use std::cell::RefCell;

use ndpi_common::reopen::Header;
use ndpi_common::{Action, Direction, Hook, SequenceNumbers, SideNumbers};
use proptest::prelude::*;
use proptest::test_runner::{Config, TestCaseError, TestRunner};
use testkit::frame::{ACK, FIN, RST, SYN, Talk, V4, V6};

use crate::fragments::pieces;
use crate::harness::{HOOKS, Kernel, Settings, kernel};

/// A SYN, its answer, what acknowledges that, and the first data; the client's numbers begin at 1000.
const CONNECTION: [(bool, u8, [u32; 2], &[u8]); 4] = [
    (true, SYN, [1000, 0], b""),
    (false, SYN | ACK, [77, 1001], b""),
    (true, ACK, [1001, 78], b""),
    (true, ACK, [1001, 78], b"hello"),
];

/// Runs one segment, and says what its sample says of client and server.
fn told(kernel: &mut Kernel, hook: Hook, frame: &[u8]) -> (SideNumbers, SideNumbers) {
    kernel.run(hook, frame);
    let shown = kernel.shown();
    assert_eq!(shown.len(), 1);
    let SequenceNumbers { lower, upper } = shown[0].header.sequence;
    (lower, upper)
}

fn segment(talk: Talk, (out, flags, numbers, data): (bool, u8, [u32; 2], &[u8])) -> Vec<u8> {
    talk.segment(out, flags, numbers, data)
}

#[test]
fn samples_say_where_a_connection_began_and_what_arrived() {
    let Some(mut kernel) = kernel(Settings::default()) else { return };
    for (talk, port) in [(V4, 1), (V6, 1), (V4.in_vlan(5), 1), (V6.in_vlan(5), 1)] {
        for hook in HOOKS {
            let talk = talk.with_port(port + hook as u16);
            let told = CONNECTION.map(|part| told(&mut kernel, hook, &segment(talk, part)));
            let numbers = told.map(|(client, server)| (client.initial(), server.initial()));
            assert_eq!(numbers[0], (Some(1000), None));
            assert_eq!(numbers[1..], [(Some(1000), Some(77)); 3]);
            let arrived =
                told.map(|(client, server)| (client.acknowledged(), server.acknowledged()));
            assert_eq!(arrived[..2], [(None, None), (None, Some(1001))]);
            assert_eq!(arrived[2..], [(Some(78), Some(1001)); 2]);
            let (client, server) = told[3];
            assert!(client.is_confirmed() && !client.is_disputed() && !server.is_disputed());
            assert_eq!(kernel.track(talk.key()).unwrap().sequence.lower, client);
        }
    }
}

#[test]
fn an_answer_that_comes_by_elsewhere_is_told_from_one_that_may_be_forged() {
    let Some(mut kernel) = kernel(Settings::default()) else { return };
    for (talk, port) in [(V4, 1), (V6, 1)] {
        for (hook, is_answered) in [(Hook::Tc, true), (Hook::Xdp, false)] {
            let talk = talk.with_port(port + hook as u16);
            told(&mut kernel, Hook::Xdp, &segment(talk, CONNECTION[0]));
            let (client, _) = told(&mut kernel, hook, &segment(talk, CONNECTION[1]));
            assert!(client.is_confirmed());
            assert_eq!(client.is_answered(), is_answered);
            let later = told(&mut kernel, Hook::Xdp, &segment(talk, CONNECTION[3])).0;
            assert_eq!(later.is_answered(), is_answered);
        }
        // What came first was the server's: by elsewhere than that is where the client may be.
        let talk = talk.with_port(port + 4);
        let old = (false, ACK, [500, 600], &b"old"[..]);
        told(&mut kernel, Hook::Tc, &segment(talk, old));
        let forged = [CONNECTION[0], CONNECTION[1]];
        let told = forged.map(|part| told(&mut kernel, Hook::Xdp, &segment(talk, part)).0);
        assert!(told[1].is_confirmed() && !told[1].is_answered());
    }
}

#[test]
fn a_second_syn_does_not_replace_the_first() {
    let Some(mut kernel) = kernel(Settings { budget: 20, ..Settings::default() }) else { return };
    for (talk, accepted) in [(V4, 1000), (V6, 1000), (V4.with_port(1), 9), (V6.with_port(1), 9)] {
        let mut tell = |part| told(&mut kernel, Hook::Xdp, &segment(talk, part)).0;
        assert!(!tell(CONNECTION[0]).is_disputed());
        for forged in [(true, SYN, [9, 0], &b""[..]), CONNECTION[0], (true, SYN, [9, 0], b"data")] {
            let client = tell(forged);
            assert_eq!((client.initial(), client.is_disputed()), (Some(1000), true));
        }
        let client = tell((false, SYN | ACK, [77, accepted + 1], b""));
        assert_eq!((client.initial(), client.is_disputed()), (Some(accepted), false));
        assert!(client.is_confirmed());
        // Too late.
        assert_eq!(tell((true, SYN, [5, 0], b"")), client);
        assert_eq!(tell((true, ACK, [5, 78], b"hello")).initial(), Some(accepted));
    }
}

#[test]
fn without_a_handshake_only_what_arrived_is_known() {
    let Some(mut kernel) = kernel(Settings::default()) else { return };
    let (client, server) = told(&mut kernel, Hook::Xdp, &segment(V4, CONNECTION[3]));
    assert_eq!((client.initial(), client.acknowledged()), (None, Some(78)));
    assert_eq!(server, SideNumbers::UNKNOWN);
    // A SYN+ACK says both.
    let (client, server) = told(&mut kernel, Hook::Tc, &segment(V6, CONNECTION[1]));
    assert_eq!((client.initial(), server.initial()), (Some(1000), Some(77)));
}

#[test]
fn another_connection_begins_with_nothing() {
    let Some(mut kernel) = kernel(Settings { budget: 20, ..Settings::default() }) else { return };
    for end in [RST, FIN | ACK] {
        for part in CONNECTION {
            kernel.run(Hook::Xdp, &segment(V4, part));
        }
        kernel.run(Hook::Xdp, &V4.segment(false, end, [78, 1006], b""));
        kernel.shown();
        let (client, server) = told(&mut kernel, Hook::Xdp, &V4.segment(true, SYN, [5, 0], b""));
        assert_eq!((client.initial(), client.is_disputed()), (Some(5), false));
        assert_eq!(server, SideNumbers::UNKNOWN);
    }
    // On the ports of a blocked one: the SYN that may begin another is the first that counts.
    kernel.forget();
    kernel.decide(V6.key(), Action::Drop);
    for sequence in [5, 6] {
        let (client, _) = told(&mut kernel, Hook::Xdp, &V6.segment(true, SYN, [sequence, 0], b""));
        assert_eq!((client.initial(), client.is_disputed()), (Some(sequence), false));
    }
}

#[test]
fn what_is_no_segment_of_a_tracked_flow_tells_nothing_and_repeats_nothing() {
    let Some(mut kernel) = kernel(Settings::default()) else { return };
    kernel.decide(V6.key(), Action::Reject);
    for hook in HOOKS {
        let others = [V4.udp().out(0, b"query"), V6.out(ACK, b"rejected"), V6.back(RST, b"")];
        for frame in others.iter().take(2 + usize::from(hook == Hook::Xdp)) {
            // The entries in which it is noted are used again.
            told(&mut kernel, hook, &V4.with_port(hook as u16).out(ACK, b"before"));
            kernel.run(hook, frame);
            for sample in kernel.shown() {
                assert_eq!(sample.header.sequence, SequenceNumbers::UNKNOWN);
            }
        }
    }
    let first = &pieces(V4.with_port(7), b"hello", 1)[0];
    let (client, _) = told(&mut kernel, Hook::Xdp, first);
    assert_eq!(client, SideNumbers::UNKNOWN);
}

/// Segments of one connection, whatever they say.
fn segments() -> impl Strategy<Value = Vec<(bool, u8, [u32; 2])>> {
    const FLAGS: [u8; 7] = [SYN, SYN | ACK, ACK, ACK, RST, FIN | ACK, SYN | FIN];
    let number = prop_oneof![0_u32..4, (0_u32..3).prop_map(|back| u32::MAX - back)];
    let one = (any::<bool>(), prop::sample::select(&FLAGS[..]), [number.clone(), number]);
    prop::collection::vec(one, 1..20)
}

#[test]
fn the_programs_note_what_the_same_code_does_here() {
    let Some(kernel) = kernel(Settings { budget: 40, ..Settings::default() }) else { return };
    let kernel = RefCell::new(kernel);
    let config = Config { cases: 60, failure_persistence: None, ..Config::default() };
    let result = TestRunner::new(config).run(&segments(), |segments| {
        let mut kernel = kernel.borrow_mut();
        kernel.forget();
        let (mut wanted, mut ended) = (SequenceNumbers::UNKNOWN, false);
        for (out, flags, [sequence, acknowledged]) in segments {
            let direction = if out { Direction::FromLower } else { Direction::FromUpper };
            // An end lets a SYN begin another connection.
            if ended && flags & (SYN | ACK) == SYN {
                (wanted, ended) = (SequenceNumbers::UNKNOWN, false);
            }
            ended |= flags & (FIN | RST) != 0;
            let header = Header { direction, flags, has_payload: false, sequence, acknowledged };
            wanted = wanted.after(&header);
            let frame = V4.segment(out, flags, [sequence, acknowledged], b"");
            let (lower, upper) = told(&mut kernel, Hook::Xdp, &frame);
            let known = |side: SideNumbers| {
                (side.initial(), side.acknowledged(), side.is_confirmed(), side.is_disputed())
            };
            prop_assert_eq!([lower, upper].map(known), [wanted.lower, wanted.upper].map(known));
        }
        Ok::<_, TestCaseError>(())
    });
    result.unwrap();
}
