//! Answers of servers that are held back while their flows have no verdict.

use ndpi_common::{Action, HOLD_TICKS, Hook, Outcome, Reason, Switches, Total};
use testkit::frame::{ACK, FIN, RST, SYN, Talk, V4, V6, counted};

use crate::fragments::pieces;
use crate::harness::{Answer, HOOKS, Kernel, NOW, Settings, kernel};

const HOLD: Settings = Settings { budget: 32, switches: Switches::HOLD, ..Settings::SMALL };

/// Runs a frame that is counted like this, and is shown.
fn expect(kernel: &mut Kernel, hook: Hook, outcome: Outcome, frame: &[u8]) {
    let (reason, answer) = match outcome {
        Outcome::Dropped => (Reason::Held, Answer::Drop),
        _ => (Reason::Shown, Answer::Pass),
    };
    kernel.expect(&[(hook, outcome, reason, 1, counted(frame))], |kernel| {
        assert_eq!(kernel.run(hook, frame), answer);
    });
    assert_eq!(kernel.shown().len(), 1);
}

/// A connection that its client opens at `hook`, which asks something.
fn ask(kernel: &mut Kernel, hook: Hook, talk: Talk) {
    let back = HOOKS[1 - hook as usize];
    expect(kernel, hook, Outcome::Passed, &talk.out(SYN, b""));
    expect(kernel, back, Outcome::Passed, &talk.back(SYN | ACK, b""));
    expect(kernel, hook, Outcome::Passed, &talk.out(ACK, b""));
    expect(kernel, hook, Outcome::Passed, &talk.out(ACK, b"hello"));
}

#[test]
fn an_answer_is_held_until_there_is_a_verdict_or_the_time_is_up() {
    for (talk, hook) in [(V4, Hook::Xdp), (V6, Hook::Tc)] {
        for decided in [true, false] {
            let Some(mut kernel) = kernel(HOLD) else { return };
            let back = HOOKS[1 - hook as usize];
            ask(&mut kernel, hook, talk);
            expect(&mut kernel, back, Outcome::Passed, &talk.back(ACK, b""));
            let answer = talk.back(ACK, b"answer");
            for tick in [NOW, NOW + 1, NOW + HOLD_TICKS - 1] {
                kernel.set_tick(tick);
                expect(&mut kernel, back, Outcome::Dropped, &answer);
            }
            expect(&mut kernel, hook, Outcome::Passed, &talk.out(ACK, b"more of the hello"));
            let track = kernel.track(talk.key()).expect("a track");
            let held = Total { packets: 3, bytes: 3 * counted(&answer) };
            assert_eq!((track.dropped, track.total().packets), (held, 9));
            if decided {
                kernel.decide(talk.key(), Action::Count);
            } else {
                // The time begins with what the client said last.
                kernel.set_tick(NOW + HOLD_TICKS);
                expect(&mut kernel, back, Outcome::Dropped, &answer);
                kernel.set_tick(NOW + 2 * HOLD_TICKS - 1);
            }
            assert_eq!(kernel.run(back, &answer), Answer::Pass);
        }
    }
}

#[test]
fn a_client_may_ask_in_its_syn_or_in_fragments() {
    let Some(mut kernel) = kernel(HOLD) else { return };
    let (there, back) = (Hook::Xdp, Hook::Tc);
    for talk in [V4.with_port(1), V6.with_port(1)] {
        expect(&mut kernel, there, Outcome::Passed, &talk.out(SYN, b"hello"));
        expect(&mut kernel, back, Outcome::Passed, &talk.back(SYN | ACK, b""));
        expect(&mut kernel, back, Outcome::Dropped, &talk.back(ACK, b"answer"));
    }
    for talk in [V4.with_port(2), V6.with_port(2)] {
        expect(&mut kernel, there, Outcome::Passed, &talk.out(SYN, b""));
        expect(&mut kernel, back, Outcome::Passed, &talk.back(SYN | ACK, b""));
        for fragment in pieces(talk, &[5; 100], 64) {
            assert_eq!(kernel.run(there, &fragment), Answer::Pass);
        }
        kernel.shown();
        expect(&mut kernel, back, Outcome::Dropped, &talk.back(ACK, b"answer"));
    }
}

#[test]
fn nothing_is_held_but_what_answers_a_client_that_spoke_first() {
    let Some(mut kernel) = kernel(HOLD) else { return };
    let (there, back) = (Hook::Xdp, Hook::Tc);
    // A server that greets.
    let greeted = V4.with_port(1);
    expect(&mut kernel, there, Outcome::Passed, &greeted.out(SYN, b""));
    expect(&mut kernel, back, Outcome::Passed, &greeted.back(SYN | ACK, b""));
    expect(&mut kernel, back, Outcome::Passed, &greeted.back(ACK, b"220 hello"));
    expect(&mut kernel, there, Outcome::Passed, &greeted.out(ACK, b"EHLO"));
    expect(&mut kernel, back, Outcome::Passed, &greeted.back(ACK, b"250 hello"));
    // A connection that was open before.
    let open = V4.with_port(2);
    expect(&mut kernel, there, Outcome::Passed, &open.out(ACK, b""));
    expect(&mut kernel, there, Outcome::Passed, &open.out(ACK, b"ls"));
    expect(&mut kernel, back, Outcome::Passed, &open.back(ACK, b"files"));
    // Not TCP.
    let datagrams = V4.udp();
    expect(&mut kernel, there, Outcome::Passed, &datagrams.out(0, b"question"));
    expect(&mut kernel, back, Outcome::Passed, &datagrams.back(0, b"answer"));
    // An end.
    let ended = V4.with_port(3);
    ask(&mut kernel, there, ended);
    expect(&mut kernel, back, Outcome::Passed, &ended.back(FIN | ACK, b""));
    expect(&mut kernel, back, Outcome::Passed, &ended.back(RST, b""));
}

/// A connection whose client sends something with its server's address, before or after the server accepts it, and
/// only then its hello.
fn forge(kernel: &mut Kernel, talk: Talk, early: &[Vec<u8>], late: &[Vec<u8>]) {
    let (there, back) = (Hook::Xdp, Hook::Tc);
    // Nobody waits for these.
    let forge = |kernel: &mut Kernel, frames: &[Vec<u8>]| {
        for frame in frames {
            kernel.run(there, frame);
            assert_eq!(kernel.shown().len(), 1);
        }
    };
    forge(kernel, early);
    expect(kernel, there, Outcome::Passed, &talk.out(SYN, b""));
    expect(kernel, back, Outcome::Passed, &talk.back(SYN | ACK, b""));
    forge(kernel, late);
    expect(kernel, there, Outcome::Passed, &talk.out(ACK, b"hello"));
    expect(kernel, back, Outcome::Dropped, &talk.back(ACK, b"answer"));
}

#[test]
fn a_client_forges_no_greeting_of_its_server() {
    let Some(mut kernel) = kernel(HOLD) else { return };
    for talk in [V4, V6] {
        let forged: [&dyn Fn(Talk) -> Vec<u8>; 6] = [
            &|talk| talk.back(ACK, b"220 hello"),
            &|talk| talk.back(ACK, b""),
            &|talk| talk.back(SYN, b""),
            &|talk| talk.back(SYN, b"hello"),
            &|talk| talk.back(SYN | ACK, b""),
            &|talk| talk.back(SYN | ACK, b"220 hello"),
        ];
        for (forged, port) in forged.iter().zip(10..) {
            let talk = talk.with_port(port);
            forge(&mut kernel, talk, &[forged(talk), talk.back(ACK, b"220 hello")], &[]);
            let talk = talk.with_port(port + 10);
            let syns = [talk.out(SYN, b""), forged(talk), talk.back(ACK, b"220 hello")];
            forge(&mut kernel, talk, &syns, &[]);
            let talk = talk.with_port(port + 20);
            forge(&mut kernel, talk, &[], &[forged(talk), talk.back(ACK, b"220 hello")]);
        }
    }
}

#[test]
fn no_forged_answer_is_taken_for_what_a_client_has_asked_for() {
    let Some(mut kernel) = kernel(HOLD) else { return };
    ask(&mut kernel, Hook::Xdp, V4);
    kernel.set_tick(NOW + HOLD_TICKS);
    expect(&mut kernel, Hook::Xdp, Outcome::Passed, &V4.back(ACK, b"answer"));
    expect(&mut kernel, Hook::Xdp, Outcome::Passed, &V4.out(ACK, b"the rest of the hello"));
    expect(&mut kernel, Hook::Tc, Outcome::Dropped, &V4.back(ACK, b"answer"));
}

#[test]
fn numbers_that_contradict_each_other_hide_no_server() {
    let Some(mut kernel) = kernel(HOLD) else { return };
    let (there, back) = (Hook::Xdp, Hook::Tc);
    let taken = [(there, true, SYN, [9, 0]), (there, false, SYN | ACK, [5, 10])];
    let real = [(there, true, SYN, [1, 0]), (back, false, SYN | ACK, [7, 2])];
    for (hook, out, flags, numbers) in taken.into_iter().chain(real) {
        expect(&mut kernel, hook, Outcome::Passed, &V4.segment(out, flags, numbers, b""));
    }
    expect(&mut kernel, there, Outcome::Passed, &V4.back(ACK, b"220 hello"));
    expect(&mut kernel, there, Outcome::Passed, &V4.out(ACK, b"hello"));
    expect(&mut kernel, back, Outcome::Dropped, &V4.back(ACK, b"answer"));
}

#[test]
fn a_server_greets_on_a_router_with_one_interface_as_well() {
    let Some(mut kernel) = kernel(HOLD) else { return };
    for talk in [V4, V6] {
        for (frame, answered) in [
            (talk.out(SYN, b""), talk.back(SYN | ACK, b"")),
            (talk.out(ACK, b""), talk.back(ACK, b"220 hello")),
            (talk.out(ACK, b"EHLO"), talk.back(ACK, b"250 hello")),
        ] {
            expect(&mut kernel, Hook::Xdp, Outcome::Passed, &frame);
            expect(&mut kernel, Hook::Xdp, Outcome::Passed, &answered);
        }
    }
    // And what its client asks first is held.
    let asked = V4.with_port(9);
    for frame in [asked.out(SYN, b""), asked.back(SYN | ACK, b""), asked.out(ACK, b"hello")] {
        expect(&mut kernel, Hook::Xdp, Outcome::Passed, &frame);
    }
    expect(&mut kernel, Hook::Xdp, Outcome::Dropped, &asked.back(ACK, b"answer"));
}

#[test]
fn what_is_beyond_the_budget_is_held_for_as_long_as_what_was_shown_last() {
    let Some(mut kernel) = kernel(Settings { budget: 5, ..HOLD }) else { return };
    ask(&mut kernel, Hook::Xdp, V4);
    let (more, answer) = (V4.out(ACK, b"more"), V4.back(ACK, b"answer"));
    expect(&mut kernel, Hook::Tc, Outcome::Dropped, &answer);
    for (hook, frame) in [(Hook::Xdp, &more), (Hook::Tc, &answer)] {
        let held = (hook, Outcome::Dropped, Reason::Held, 1, counted(frame));
        kernel.expect(&[held], |kernel| assert_eq!(kernel.run(hook, frame), Answer::Drop));
    }
    // Nobody prolongs it by what nobody is shown.
    kernel.set_tick(NOW + HOLD_TICKS - 1);
    assert_eq!(kernel.run(Hook::Xdp, &more), Answer::Drop);
    kernel.set_tick(NOW + HOLD_TICKS);
    let passed = (Hook::Tc, Outcome::Passed, Reason::OverBudget, 1, counted(&answer));
    kernel.expect(&[passed], |kernel| {
        assert_eq!(kernel.run(Hook::Tc, &answer), Answer::Pass);
    });
    assert!(kernel.shown().is_empty());
}

#[test]
fn nothing_is_held_where_the_policy_does_not_say_so() {
    let Some(mut kernel) = kernel(Settings::default()) else { return };
    ask(&mut kernel, Hook::Xdp, V4);
    expect(&mut kernel, Hook::Tc, Outcome::Passed, &V4.back(ACK, b"answer"));
}
