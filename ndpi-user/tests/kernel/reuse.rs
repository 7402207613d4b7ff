//! Ports that are used again.

use ndpi_common::reopen::Opening;
use ndpi_common::{
    Action, Direction, Hook, Key, Outcome, Reason, SampleFlags, Server, State, Switches,
    VerdictEntry,
};
use testkit::frame::{ACK, FIN, RST, SYN, Talk, V4, V6, counted};

use crate::harness::{Answer, HOOKS, IDLE, Kernel, Lease, NOW, Settings, Shown, kernel};

/// What XDP notes beside what is said of connections.
const INGRESS: u8 = State::INGRESS_LOWER | State::INGRESS_UPPER;

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
    assert_eq!(samples[0].flags(), SampleFlags::REOPENED);
}

#[test]
fn a_finished_flow_that_passes_is_over_when_another_connection_was_agreed_to() {
    for action in [Action::Count, Action::Bypass] {
        for abort in [false, true] {
            let Some(mut kernel) = kernel(Settings::default()) else { return };
            kernel.decide(V4.key(), action);
            // Not before the end.
            assert_eq!(kernel.run(Hook::Xdp, &V4.out(SYN, b"")), Answer::Pass);
            kernel.run(Hook::Xdp, &V4.out(FIN | ACK, b""));
            kernel.run(Hook::Xdp, &V4.out(SYN, b""));
            assert!(kernel.shown().is_empty());
            kernel.run(Hook::Tc, &V4.back(ACK, b""));
            close(&kernel, abort);
            let before = kernel.verdict(V4.key());
            agree(&mut kernel);
            // What follows is tracked, and the old flow's counters stay as they were.
            kernel.run(Hook::Xdp, &V4.out(ACK, b"hello"));
            let numbers: Vec<_> =
                kernel.shown().iter().map(|s| (s.header.number, s.flags())).collect();
            // Until user space has taken the entry away, whatever the result of the first sample.
            assert_eq!(numbers, [(3, SampleFlags::REOPENED)]);
            let after = kernel.verdict(V4.key());
            let state = before.state | State::KNOCKED | State::REOPENED;
            assert!(after.is_over());
            let (opening, asked_at) = (after.opening, after.asked_at);
            assert_eq!(after, VerdictEntry { state, opening, asked_at, ..before });
        }
    }
}

/// Another connection on the ports of a flow that passes, once that is closed or idle: shown from its SYN on, which
/// ends nothing.
fn agree(kernel: &mut Kernel) {
    let syn = V4.segment(true, SYN, [900, 0], b"");
    assert_eq!(kernel.run(Hook::Xdp, &syn), Answer::Pass);
    assert!(!kernel.verdict(V4.key()).is_over(), "anybody can send a SYN");
    assert_eq!(kernel.run(Hook::Tc, &V4.segment(false, SYN | ACK, [5, 901], b"")), Answer::Pass);
    let shown: Vec<_> = kernel.shown().iter().map(|s| (s.header.number, s.flags())).collect();
    assert_eq!(shown, [(1, 0), (2, SampleFlags::REOPENED)]);
}

#[test]
fn a_forged_reset_and_syn_leave_a_flow_that_passes_alone() {
    for action in [Action::Count, Action::Bypass] {
        for abort in [false, true] {
            let Some(mut kernel) = kernel(Settings::default()) else { return };
            kernel.decide(V4.key(), action);
            kernel.run(Hook::Xdp, &V4.out(ACK, b"real"));
            kernel.run(Hook::Tc, &V4.back(ACK, b"real"));
            close(&kernel, abort);
            kernel.run(Hook::Xdp, &V4.segment(true, SYN, [900, 0], b""));
            kernel.shown();
            // The other end holds the connection, and says so.
            for frame in [V4.segment(false, ACK, [5, 6], b""), V4.back(ACK, b"more")] {
                assert_eq!(kernel.run(Hook::Tc, &frame), Answer::Pass);
            }
            kernel.run(Hook::Xdp, &V4.out(ACK, b"a forged request"));
            assert!(kernel.shown().is_empty() && !kernel.verdict(V4.key()).is_over());
        }
    }
}

#[test]
fn where_one_side_is_never_seen_a_syn_on_a_finished_flow_starts_a_new_one() {
    for action in [Action::Count, Action::Bypass] {
        let Some(mut kernel) = kernel(Settings::default()) else { return };
        kernel.decide(V4.key(), action);
        kernel.run(Hook::Xdp, &V4.out(RST | ACK, b""));
        is_new(&mut kernel, &V4.out(SYN, b""));
        kernel.run(Hook::Xdp, &V4.out(ACK, b"hello"));
        assert_eq!(kernel.shown()[0].header.number, 2);
    }
}

/// Frames of the old connection and of who would like to be rid of the verdict on it.
fn tricks(talk: Talk) -> Vec<Vec<u8>> {
    vec![
        talk.out(FIN | ACK, b""),
        talk.back(FIN | ACK, b""),
        talk.out(RST, b""),
        talk.back(RST, b""),
        talk.out(SYN | RST, b""),
        talk.back(SYN | FIN, b""),
        talk.out(SYN, b"with data"),
        // Nobody asked for it.
        talk.back(SYN | ACK, b""),
        talk.out(ACK, b"as if nothing had been"),
        talk.back(ACK, b"indeed"),
    ]
}

#[test]
fn nobody_shakes_off_a_drop_with_packets_of_his_own() {
    for (talk, action) in [(V4, Action::Drop), (V6, Action::Reject), (V4.in_vlan(5), Action::Limit)]
    {
        let Some(mut kernel) = kernel(Settings::default()) else { return };
        kernel.decide(talk.key(), action);
        let answer = if action == Action::Limit { Answer::Pass } else { Answer::Drop };
        let frames = tricks(talk);
        for (frame, hook) in frames.iter().zip(HOOKS.into_iter().cycle()) {
            assert_eq!(kernel.run(hook, frame), answer);
        }
        let verdict = kernel.verdict(talk.key());
        assert_eq!((verdict.state & !INGRESS, verdict.action), (0, action as u8));
        let counted = verdict.lower().packets + verdict.upper().packets;
        assert_eq!(counted, u64::try_from(frames.len()).unwrap());
    }
}

/// A verdict that met a packet before the longest pause, which `before` sends, and SYNs now and then since, which
/// are no traffic that keeps it busy.
fn idle(action: Action, before: impl FnOnce(&Kernel)) -> Option<Lease> {
    let mut kernel = kernel(Settings::default())?;
    kernel.decide(V4.key(), action);
    before(&kernel);
    for tick in [NOW + 1, NOW + IDLE / 2, NOW + IDLE] {
        kernel.set_tick(tick);
        kernel.run(Hook::Xdp, &V4.out(SYN, b""));
    }
    kernel.shown();
    assert_eq!(kernel.verdict(V4.key()).last_seen, NOW);
    kernel.set_tick(NOW + IDLE + 1);
    Some(kernel)
}

#[test]
fn after_a_long_pause_a_connection_that_was_agreed_to_is_a_new_flow() {
    for action in [Action::Count, Action::Bypass] {
        let Some(mut kernel) = idle(action, |kernel| {
            kernel.run(Hook::Tc, &V4.back(ACK, b""));
        }) else {
            return;
        };
        agree(&mut kernel);
    }
}

#[test]
fn where_one_side_is_never_seen_a_syn_after_a_long_pause_starts_a_new_flow() {
    for action in [Action::Count, Action::Bypass] {
        let Some(mut kernel) = idle(action, |_| ()) else { return };
        is_new(&mut kernel, &V4.out(SYN, b""));
    }
}

/// A UDP flow whose verdict drops, idle for longer than a flow may pause.
fn idle_udp(talk: Talk, heartbeat: u32) -> Option<Lease> {
    let mut kernel = kernel(Settings::default())?;
    kernel.decide(talk.key(), Action::Drop);
    kernel.set_heartbeat(heartbeat);
    kernel.set_tick(NOW + IDLE);
    assert_eq!(kernel.run(Hook::Xdp, &talk.out(0, b"x")), Answer::Drop, "not idle yet");
    kernel.set_tick(NOW + 2 * IDLE + 1);
    Some(kernel)
}

#[test]
fn ports_without_a_handshake_can_be_used_again_when_user_space_is_gone() {
    for talk in [V4.udp(), V6.udp()] {
        for hook in HOOKS {
            let Some(mut kernel) = idle_udp(talk, NOW) else { return };
            for _ in 0..3 {
                assert_eq!(kernel.run(hook, &talk.out(0, b"another")), Answer::Pass);
            }
            assert!(kernel.verdict(talk.key()).is_over() && kernel.shown().is_empty());
            let unattended = (hook as u8, Outcome::Passed as u8, Reason::Unattended);
            assert_eq!(kernel.stats()[&unattended].0, 3);
        }
    }
}

#[test]
fn as_long_as_user_space_is_there_it_says_what_is_over() {
    let talk = V4.udp();
    // Heard of just now, or never to be heard of.
    for heartbeat in [NOW + 2 * IDLE, 0] {
        let Some(kernel) = idle_udp(talk, heartbeat) else { return };
        assert_eq!(kernel.run(Hook::Xdp, &talk.out(0, b"x")), Answer::Drop);
    }
}

#[test]
fn a_blocked_connection_does_not_end_by_silence() {
    let Some(mut kernel) = kernel(Settings::default()) else { return };
    kernel.decide(V4.key(), Action::Drop);
    kernel.set_heartbeat(NOW);
    kernel.set_tick(NOW + 10 * IDLE);
    assert_eq!(kernel.run(Hook::Xdp, &V4.out(ACK, b"more of it")), Answer::Drop);
}

#[test]
fn a_blocked_flow_is_over_when_the_other_side_agrees_to_another() {
    let talks = [V4, V6, V4.in_vlan(5), V6.in_vlan(5)];
    for (talk, hooks) in talks.into_iter().zip([HOOKS, [HOOKS[1], HOOKS[0]]].into_iter().cycle()) {
        for action in [Action::Drop, Action::Reject, Action::Limit] {
            let Some(mut kernel) = kernel(Settings::default()) else { return };
            kernel.decide(talk.key(), action);
            kernel.set_tick(NOW + 5);
            let syn = talk.segment(true, SYN, [900, 0], b"");
            // As often as it takes: SYNs get lost.
            for number in 1..=2 {
                assert_eq!(kernel.run(hooks[0], &syn), Answer::Pass);
                let shown = kernel.shown();
                assert_eq!((shown[0].header.number, shown[0].flags()), (number, 0));
            }
            let verdict = kernel.verdict(talk.key());
            let counted = verdict.lower().packets + verdict.upper().packets;
            assert_eq!((verdict.state, counted, verdict.last_seen), (State::KNOCKED, 0, NOW));
            let answer = talk.segment(false, SYN | ACK, [5, 901], b"");
            assert_eq!(kernel.run(hooks[1], &answer), Answer::Pass);
            assert_eq!(kernel.run(hooks[0], &talk.out(ACK, b"hello")), Answer::Pass);
            let flags: Vec<_> = kernel.shown().iter().map(Shown::flags).collect();
            assert_eq!(flags, [SampleFlags::REOPENED; 2]);
        }
    }
}

#[test]
fn a_syn_does_not_shake_off_a_drop() {
    for (action, late) in [(Action::Drop, 0), (Action::Reject, IDLE + 1)] {
        let Some(mut kernel) = kernel(Settings::default()) else { return };
        kernel.decide(V4.key(), action);
        kernel.set_tick(NOW + late);
        assert_eq!(kernel.run(Hook::Xdp, &V4.segment(true, SYN, [900, 0], b"")), Answer::Pass);
        for frame in [
            // Answers to something else.
            V4.segment(false, SYN | ACK, [5, 900], b""),
            V4.segment(false, SYN | ACK | RST, [5, 901], b""),
            // Nobody answers his own SYN.
            V4.segment(true, SYN | ACK, [5, 901], b""),
            V4.segment(true, ACK, [901, 6], b"as if nothing had been"),
            V4.segment(true, RST, [901, 6], b""),
            V4.segment(false, ACK, [6, 901], b"indeed"),
        ] {
            assert_eq!(kernel.run(Hook::Tc, &frame), Answer::Drop);
        }
        let verdict = kernel.verdict(V4.key());
        assert_eq!((verdict.action, verdict.state), (action as u8, State::KNOCKED));
        // A SYN of the other side is another knock, and takes this one's place.
        kernel.run(Hook::Tc, &V4.segment(false, SYN, [70, 0], b""));
        let answer = V4.segment(false, SYN | ACK, [5, 901], b"");
        assert_eq!(kernel.run(Hook::Tc, &answer), Answer::Drop);
    }
}

#[test]
fn nobody_answers_his_own_syn_with_the_others_address() {
    for (talk, hook) in [(V4, Hook::Xdp), (V6, Hook::Tc), (V4.in_vlan(5), Hook::Xdp)] {
        for action in [Action::Drop, Action::Reject, Action::Limit, Action::Count] {
            let Some(mut kernel) = kernel(Settings::default()) else { return };
            kernel.decide(talk.key(), action);
            kernel.run(hook, &talk.segment(true, SYN, [900, 0], b""));
            // From where the SYN came from.
            for flags in [SYN | ACK, ACK] {
                let forged = kernel.run(hook, &talk.segment(false, flags, [5, 901], b""));
                assert_eq!(forged, if action.drops() { Answer::Drop } else { Answer::Pass });
            }
            assert!(!kernel.verdict(talk.key()).is_over());
            // And from where the server is.
            let other = HOOKS[1 - hook as usize];
            kernel.run(other, &talk.segment(false, SYN | ACK, [5, 901], b""));
            assert!(kernel.verdict(talk.key()).is_over());
        }
    }
}

#[test]
fn on_an_interface_that_both_hosts_are_behind_a_port_can_be_used_again() {
    let Some(mut kernel) = kernel(Settings::default()) else { return };
    let verdict = VerdictEntry {
        action: Action::Drop as u8,
        state: State::ONE_PLACE,
        last_seen: NOW,
        ..VerdictEntry::default()
    };
    kernel.set_verdict(V4.key(), verdict);
    for frame in [V4.segment(true, SYN, [900, 0], b""), V4.segment(false, SYN | ACK, [5, 901], b"")]
    {
        assert_eq!(kernel.run(Hook::Xdp, &frame), Answer::Pass);
    }
    assert!(kernel.verdict(V4.key()).is_over());
}

#[test]
fn a_server_that_holds_the_old_connection_learns_that_it_is_over() {
    let Some(mut kernel) = kernel(Settings::default()) else { return };
    kernel.decide(V6.key(), Action::Drop);
    let syn = V6.segment(true, SYN, [900, 0], b"");
    let challenge = V6.segment(false, ACK, [40, 50], b"");
    let reset = V6.segment(true, RST, [50, 0], b"");
    assert_eq!(kernel.run(Hook::Xdp, &challenge), Answer::Drop);
    for (hook, frame, answer) in [
        (Hook::Xdp, &syn, Answer::Pass),
        (Hook::Xdp, &reset, Answer::Drop),
        (Hook::Tc, &challenge, Answer::Pass),
        (Hook::Tc, &challenge, Answer::Drop),
        (Hook::Xdp, &reset, Answer::Pass),
        (Hook::Xdp, &V6.segment(true, ACK, [50, 41], b"more of the old"), Answer::Drop),
        (Hook::Xdp, &syn, Answer::Pass),
        (Hook::Tc, &challenge, Answer::Pass),
        (Hook::Tc, &V6.segment(false, SYN | ACK, [7, 901], b""), Answer::Pass),
    ] {
        assert_eq!(kernel.run(hook, frame), answer);
    }
    assert!(kernel.verdict(V6.key()).is_over());
}

#[test]
fn the_syn_of_the_blocked_connection_itself_does_not_knock() {
    let Some(mut kernel) = kernel(Settings::default()) else { return };
    let entry =
        VerdictEntry { action: Action::Drop as u8, last_seen: NOW, ..VerdictEntry::default() };
    let opening = Opening::new(Direction::FromLower, 900);
    kernel.set_verdict(V4.key(), entry.opened_by(Some(opening)));
    for _ in 0..2 {
        let again = V4.segment(true, SYN, [900, 0], b"");
        assert_eq!(kernel.run(Hook::Xdp, &again), Answer::Drop);
    }
    let answer = V4.segment(false, SYN | ACK, [5, 901], b"");
    assert_eq!(kernel.run(Hook::Tc, &answer), Answer::Drop);
    assert_eq!(kernel.run(Hook::Xdp, &V4.segment(true, SYN, [77, 0], b"")), Answer::Pass);
}

#[test]
fn each_connection_that_is_asked_for_has_a_budget_of_its_own() {
    let settings =
        Settings { budget: 2, switches: Switches::DROP_OVER_BUDGET, ..Settings::default() };
    let Some(mut kernel) = kernel(settings) else { return };
    kernel.decide(V4.key(), Action::Drop);
    for sequence in 100..110 {
        let syn = V4.segment(true, SYN, [sequence, 0], b"");
        assert_eq!(kernel.run(Hook::Xdp, &syn), Answer::Pass);
    }
    assert!(kernel.shown().iter().all(|sample| sample.header.number == 1));
    assert_eq!(kernel.track(V4.key()).unwrap().total().packets, 10);
}

#[test]
fn a_syn_to_a_blocked_server_is_dropped_for_its_sake() {
    let Some(mut kernel) = kernel(Settings::default()) else { return };
    kernel.decide(V4.key(), Action::Drop);
    let Key::V4(key) = V4.key() else { unreachable!() };
    let server = Server { action: Action::Drop as u8, expires: NOW + 9, ..Server::default() };
    kernel.set_server(key.server(Direction::FromLower), server);
    let syn = V4.segment(true, SYN, [900, 0], b"");
    let dropped = (Hook::Xdp, Outcome::Dropped, Reason::Server, 1, counted(&syn));
    kernel.expect(&[dropped], |kernel| kernel.run(Hook::Xdp, &syn));
}

#[test]
fn a_flow_that_passes_is_over_when_another_connection_was_agreed_to() {
    for action in [Action::Count, Action::Bypass] {
        let Some(mut kernel) = kernel(Settings::default()) else { return };
        kernel.decide(V4.key(), action);
        kernel.run(Hook::Xdp, &V4.segment(true, SYN, [900, 0], b""));
        assert!(kernel.shown().is_empty());
        kernel.run(Hook::Tc, &V4.segment(false, SYN | ACK, [5, 901], b""));
        assert_eq!(kernel.shown()[0].flags(), SampleFlags::REOPENED);
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

#[test]
fn the_end_of_an_earlier_entry_at_the_same_place_ends_nothing() {
    let Some(mut kernel) = kernel(Settings::default()) else { return };
    // As a CPU leaves it that ends a verdict which has gone, and whose place is another's by now.
    let (state, decided_ns) = (State::REOPENED, (1 << 40) + 1234);
    let entry = VerdictEntry {
        action: Action::Drop as u8,
        last_seen: NOW,
        decided_ns,
        ..VerdictEntry::default()
    };
    kernel.set_verdict(V4.key(), VerdictEntry { state, opening: 1233, ..entry });
    assert_eq!(kernel.run(Hook::Xdp, &V4.out(ACK, b"still blocked")), Answer::Drop);
    kernel.set_verdict(V4.key(), VerdictEntry { state, opening: 1234, ..entry });
    assert_eq!(kernel.run(Hook::Xdp, &V4.out(ACK, b"over")), Answer::Pass);
}
