//! Packets that cannot be parsed, passed or dropped as the policy says at the time.

use ndpi_common::{Action, Hook, Outcome, Reason, Switches};
use testkit::frame::{ACK, Talk, V4, V6, counted};

use crate::forms::{MALFORMED, hooks_for, patched, without_flow};
use crate::harness::{Answer, HOOKS, Settings, kernel};

const DROPS: Settings = Settings { switches: Switches::DROP_UNPARSABLE, ..Settings::SMALL };

/// Packets that are read leniently, with the flow they then have and the reason that they count
/// under while it is undecided.
fn lies() -> [(Talk, Vec<u8>, Reason); 4] {
    let portless = |talk: Talk| Talk { client_port: 0, server_port: 0, ..talk };
    [
        (V4, patched(V4.out(ACK, b"hello"), 16, &[9, 9]), Reason::LengthTooLong),
        (V6, patched(V6.out(ACK, b"hello"), 18, &[9, 9]), Reason::LengthTooLong),
        (portless(V4.udp()), V4.udp().ip(true, &[1, 2, 3, 4, 5]), Reason::TruncatedPorts),
        (portless(V6), V6.ip(true, &[1; 19]), Reason::TruncatedPorts),
    ]
}

#[test]
fn malformed_packets_are_dropped_under_their_own_reason() {
    let Some(mut kernel) = kernel(DROPS) else { return };
    for (at, (frame, reason)) in without_flow().into_iter().enumerate() {
        let (outcome, answer) = if at < MALFORMED {
            (Outcome::Dropped, Answer::Drop)
        } else {
            (Outcome::Passed, Answer::Pass)
        };
        for &hook in hooks_for(&frame) {
            kernel.expect(&[(hook, outcome, reason, 1, counted(&frame))], |kernel| {
                assert_eq!(kernel.run(hook, &frame), answer, "{reason:?}");
            });
        }
    }
    assert!(kernel.shown().is_empty());
}

#[test]
fn a_packet_that_lies_is_dropped_as_long_as_its_flow_is_undecided() {
    let Some(mut kernel) = kernel(DROPS) else { return };
    for (talk, frame, reason) in lies() {
        for hook in HOOKS {
            kernel.expect(&[(hook, Outcome::Dropped, reason, 1, counted(&frame))], |kernel| {
                assert_eq!(kernel.run(hook, &frame), Answer::Drop);
            });
        }
        assert!(kernel.shown().is_empty(), "what is dropped is not shown");
        for (action, reason, outcome) in [
            (Action::Count, Reason::Count, Outcome::Passed),
            (Action::Drop, Reason::Drop, Outcome::Dropped),
        ] {
            kernel.decide(talk.key(), action);
            for hook in HOOKS {
                kernel.expect(&[(hook, outcome, reason, 1, counted(&frame))], |kernel| {
                    kernel.run(hook, &frame)
                });
            }
        }
    }
    assert_eq!(kernel.track(V4.key()), None);
}

#[test]
fn a_length_of_zero_is_no_lie() {
    let Some(mut kernel) = kernel(DROPS) else { return };
    let frame = patched(V4.out(ACK, b"put together by the receiver"), 16, &[0, 0]);
    for hook in HOOKS {
        let shown = (hook, Outcome::Passed, Reason::LengthZero, 1, counted(&frame));
        kernel.expect(&[shown], |kernel| assert_eq!(kernel.run(hook, &frame), Answer::Pass));
    }
    assert_eq!(kernel.shown().len(), 2);
}

#[test]
fn the_switch_is_turned_while_the_programs_run() {
    let Some(mut kernel) = kernel(Settings::SMALL) else { return };
    let (malformed, reason) = without_flow()[3].clone();
    let (_, lie, _) = lies()[0].clone();
    for (switches, answer) in [
        (0, Answer::Pass),
        (Switches::DROP_UNPARSABLE, Answer::Drop),
        (Switches::DROP_UNKNOWN_FRAGMENTS, Answer::Pass),
        (Switches::LIVE, Answer::Drop),
        (0, Answer::Pass),
    ] {
        kernel.switch(switches);
        for hook in HOOKS {
            assert_eq!(kernel.run(hook, &malformed), answer, "{reason:?} at {switches}");
            assert_eq!(kernel.run(hook, &lie), answer, "a lie at {switches}");
        }
    }
    let dropped = (Hook::Xdp as u8, Outcome::Dropped as u8, reason);
    assert_eq!(kernel.stats()[&dropped].0, 2);
}
