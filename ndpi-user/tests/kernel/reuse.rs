//! Ports that are used again.

use ndpi_common::{Action, Hook, Outcome, Reason, SampleFlags, State, Verdict};

use crate::frame::{ACK, FIN, RST, SYN, V4, V6, counted};
use crate::harness::{Answer, IDLE, Kernel, NOW, Settings, kernel};

/// Both sides end the connection.
fn close(kernel: &Kernel, abort: bool) {
    if abort {
        kernel.run(Hook::Xdp, &V4.back(RST, b""));
    } else {
        kernel.run(Hook::Xdp, &V4.out(FIN | ACK, b""));
        kernel.run(Hook::Tc, &V4.back(FIN | ACK, b""));
    }
}

fn is_new(kernel: &mut Kernel, frame: &[u8]) {
    let shown = (Hook::Xdp, Outcome::Passed, Reason::Shown, 1, counted(frame));
    kernel.expect(&[shown], |kernel| {
        assert_eq!(kernel.run(Hook::Xdp, frame), Answer::Pass);
    });
    let samples = kernel.shown();
    assert_eq!(samples.len(), 1);
    assert_eq!(samples[0].header.flags, SampleFlags::REOPENED);
}

#[test]
fn a_syn_on_a_finished_flow_starts_a_new_one() {
    for action in [Action::Count, Action::Bypass] {
        for abort in [false, true] {
            let Some(mut kernel) = kernel(Settings::default()) else { return };
            kernel.decide(V4.key(), action);
            // Not before the end.
            assert_eq!(kernel.run(Hook::Xdp, &V4.out(SYN, b"")), Answer::Pass);
            kernel.run(Hook::Xdp, &V4.out(FIN | ACK, b""));
            kernel.run(Hook::Xdp, &V4.out(SYN, b""));
            assert!(kernel.shown().is_empty());
            close(&kernel, abort);
            let before = kernel.verdict(V4.key());
            is_new(&mut kernel, &V4.out(SYN, b""));
            // What follows is tracked, and the old flow's counters stay as they were.
            kernel.run(Hook::Xdp, &V4.back(SYN | ACK, b""));
            kernel.run(Hook::Xdp, &V4.out(ACK, b"hello"));
            let numbers: Vec<_> =
                kernel.shown().iter().map(|s| (s.header.number, s.header.flags)).collect();
            assert_eq!(numbers, [(2, 0), (3, 0)]);
            let after = kernel.verdict(V4.key());
            assert_eq!(after, Verdict { state: State::REOPENED, ..before });
        }
    }
}

#[test]
fn nobody_shakes_off_a_drop_with_packets_of_his_own() {
    for action in [Action::Drop, Action::Reject, Action::Limit] {
        let Some(mut kernel) = kernel(Settings::default()) else { return };
        kernel.decide(V4.key(), action);
        let frames = [
            V4.out(FIN | ACK, b""),
            V4.back(FIN | ACK, b""),
            V4.out(RST, b""),
            V4.back(RST, b""),
            V4.out(SYN, b""),
            V4.out(ACK, b"as if nothing had been"),
        ];
        for frame in &frames {
            let answer = if action == Action::Limit { Answer::Pass } else { Answer::Drop };
            assert_eq!(kernel.run(Hook::Xdp, frame), answer);
        }
        let verdict = kernel.verdict(V4.key());
        assert_eq!((verdict.state, verdict.action), (0, action as u8));
        assert_eq!(verdict.lower().packets + verdict.upper().packets, 6);
    }
}

/// A flow with this verdict that has been idle for as long as flows may, as far as its kernel knows.
fn idle(action: Action) -> Option<Kernel> {
    let mut kernel = kernel(Settings::default())?;
    kernel.decide(V4.key(), action);
    // Syns that come again and again do not count as traffic that keeps the entry busy.
    for tick in [NOW + 1, NOW + IDLE / 2, NOW + IDLE] {
        kernel.set_tick(tick);
        kernel.run(Hook::Xdp, &V4.out(SYN, b""));
    }
    kernel.shown();
    kernel.set_tick(NOW + IDLE + 1);
    Some(kernel)
}

#[test]
fn a_syn_after_a_long_pause_starts_a_new_flow() {
    for action in [Action::Count, Action::Bypass] {
        let Some(mut kernel) = idle(action) else { return };
        is_new(&mut kernel, &V4.out(SYN, b""));
    }
}

#[test]
fn a_blocked_flow_begins_anew_when_the_other_side_agrees() {
    for action in [Action::Drop, Action::Reject, Action::Limit] {
        let Some(mut kernel) = idle(action) else { return };
        // As often as it takes: SYNs get lost.
        for _ in 0..2 {
            assert_eq!(kernel.run(Hook::Xdp, &V4.out(SYN, b"")), Answer::Pass);
            assert!(kernel.shown().iter().all(|sample| sample.header.flags == 0));
        }
        assert_eq!(kernel.verdict(V4.key()).state, State::KNOCKED_LOWER);
        assert_eq!(kernel.run(Hook::Tc, &V4.back(SYN | ACK, b"")), Answer::Pass);
        let samples = kernel.shown();
        assert_eq!(samples.len(), 1);
        assert_eq!(samples[0].header.flags, SampleFlags::REOPENED);
        assert_eq!(kernel.run(Hook::Xdp, &V4.out(ACK, b"hello")), Answer::Pass);
        assert_eq!(kernel.shown().len(), 1);
    }
}

#[test]
fn a_syn_after_a_long_pause_does_not_shake_off_a_drop() {
    for action in [Action::Drop, Action::Reject] {
        let Some(mut kernel) = idle(action) else { return };
        kernel.run(Hook::Xdp, &V4.out(SYN, b""));
        let frames = [
            // Of the server, which has the old connection.
            (Hook::Tc, V4.back(ACK, b"")),
            // Nobody answers his own SYN.
            (Hook::Xdp, V4.out(SYN | ACK, b"")),
            (Hook::Xdp, V4.out(ACK, b"as if nothing had been")),
            (Hook::Tc, V4.back(ACK, b"indeed")),
        ];
        for (hook, frame) in &frames {
            assert_eq!(kernel.run(*hook, frame), Answer::Drop);
        }
        let verdict = kernel.verdict(V4.key());
        assert_eq!((verdict.action, verdict.state), (action as u8, State::KNOCKED_LOWER));
    }
}

#[test]
fn only_a_syn_opens() {
    let Some(mut kernel) = kernel(Settings::default()) else { return };
    kernel.decide(V4.key(), Action::Drop);
    kernel.decide(V6.udp().key(), Action::Drop);
    kernel.set_tick(NOW + 10 * IDLE);
    for frame in [V4.out(ACK, b"late"), V4.back(SYN | ACK, b""), V6.udp().out(0, b"late")] {
        assert_eq!(kernel.run(Hook::Xdp, &frame), Answer::Drop);
    }
}

#[test]
fn an_undecided_flow_starts_again_with_a_new_connection() {
    let Some(mut kernel) = kernel(Settings { budget: 2, ..Settings::default() }) else { return };
    for flags in [SYN, ACK, FIN | ACK, SYN, ACK] {
        kernel.run(Hook::Xdp, &V4.out(flags, b""));
    }
    let numbers: Vec<_> = kernel.shown().iter().map(|sample| sample.header.number).collect();
    assert_eq!(numbers, [1, 2, 1, 2]);
}
