//! Tracks of flows that nobody has answered, apart from the others.

use ndpi_common::Hook;
use testkit::frame::{ACK, RST, SYN, Talk, V4, V6};

use crate::harness::{Kernel, Settings, kernel};

/// Packets of a flow's track, where it was answered and where not.
fn packets(kernel: &mut Kernel, talk: Talk) -> [Option<u64>; 2] {
    [kernel.answered(talk.key()), kernel.unanswered(talk.key())]
        .map(|track| track.map(|track| track.total().packets))
}

#[test]
fn a_track_moves_with_the_first_answer_and_loses_nothing() {
    let Some(mut kernel) = kernel(Settings { budget: 4, ..Settings::default() }) else { return };
    for talk in [V4, V6] {
        for _ in 0..2 {
            kernel.run(Hook::Xdp, &talk.out(SYN, b""));
        }
        assert_eq!(packets(&mut kernel, talk), [None, Some(2)]);
        kernel.run(Hook::Tc, &talk.back(RST | ACK, b""));
        assert_eq!(packets(&mut kernel, talk), [None, Some(3)], "a reset is no answer");
        kernel.run(Hook::Tc, &talk.back(SYN | ACK, b""));
        assert_eq!(packets(&mut kernel, talk), [Some(4), Some(0)]);
        kernel.run(Hook::Xdp, &talk.out(ACK, b"beyond the budget"));
        let track = kernel.track(talk.key()).expect("a track");
        assert_eq!((track.total().packets, track.shown), (5, 4));
        assert_eq!(kernel.shown().len(), 4);
    }
}

#[test]
fn a_datagram_back_is_an_answer() {
    let Some(mut kernel) = kernel(Settings::default()) else { return };
    let talk = V4.udp();
    kernel.run(Hook::Xdp, &talk.out(0, b"ping"));
    assert_eq!(packets(&mut kernel, talk), [None, Some(1)]);
    kernel.run(Hook::Tc, &talk.back(0, b"pong"));
    assert_eq!(packets(&mut kernel, talk), [Some(2), Some(0)]);
}

#[test]
fn who_sent_a_syn_ack_first_does_not_answer_himself() {
    let Some(mut kernel) = kernel(Settings::default()) else { return };
    for talk in [V4, V6] {
        for flags in [SYN | ACK, ACK, SYN | ACK] {
            kernel.run(Hook::Xdp, &talk.back(flags, b""));
        }
        assert_eq!(packets(&mut kernel, talk), [None, Some(3)]);
        kernel.run(Hook::Tc, &talk.out(RST, b""));
        assert_eq!(packets(&mut kernel, talk), [None, Some(4)], "a reset is no answer");
        kernel.run(Hook::Tc, &talk.out(ACK, b""));
        assert_eq!(packets(&mut kernel, talk), [Some(5), Some(0)]);
    }
}

#[test]
fn a_flood_of_what_nobody_answers_displaces_only_its_like() {
    let Some(mut kernel) = kernel(Settings { budget: 2, ..Settings::default() }) else { return };
    for talk in [V4, V6] {
        kernel.run(Hook::Xdp, &talk.out(SYN, b""));
        kernel.run(Hook::Tc, &talk.back(SYN | ACK, b""));
        for port in 2000..8000 {
            kernel.run(Hook::Xdp, &talk.with_port(port).out(SYN, b""));
        }
        assert_eq!(packets(&mut kernel, talk)[0], Some(2));
        let kept = |kernel: &mut Kernel, port| kernel.unanswered(talk.with_port(port).key());
        assert!(kept(&mut kernel, 2000).is_none(), "there is room for a thousand");
        assert!(kept(&mut kernel, 7999).is_some());
        kernel.shown();
    }
}

#[test]
fn who_answers_himself_displaces_only_his_like() {
    let Some(mut kernel) = kernel(Settings { budget: 2, ..Settings::default() }) else { return };
    for talk in [V4, V6] {
        kernel.run(Hook::Xdp, &talk.out(SYN, b""));
        kernel.run(Hook::Tc, &talk.back(SYN | ACK, b""));
        for port in 2000..8000 {
            let forged = talk.with_port(port);
            kernel.run(Hook::Xdp, &forged.out(SYN, b""));
            kernel.run(Hook::Xdp, &forged.back(SYN | ACK, b""));
            kernel.run(Hook::Xdp, &forged.out(ACK, b""));
        }
        assert_eq!(packets(&mut kernel, talk)[0], Some(2));
        let last = talk.with_port(7999);
        assert_eq!(
            packets(&mut kernel, last),
            [None, Some(3)],
            "the answer came in as the question did"
        );
        kernel.run(Hook::Tc, &last.back(ACK, b""));
        assert_eq!(packets(&mut kernel, last)[0], Some(4));
        kernel.shown();
    }
}
