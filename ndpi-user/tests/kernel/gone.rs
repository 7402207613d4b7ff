//! Flows without a verdict when user space is gone.

use ndpi_common::{Action, Hook, Outcome, Reason, SILENCE_TICKS, Switches, Total};
use testkit::frame::{ACK, SYN, V4, V6, counted};

use crate::harness::{Answer, HOOKS, Kernel, Lease, NOW, Settings, kernel};
use crate::servers::{end, server};

/// Longer than nothing is shown after.
const AFTER: u32 = 3 * SILENCE_TICKS;

/// Programs with this switched on, whose user space was last heard of [`AFTER`] ticks ago.
fn alone(switches: u32) -> Option<Lease> {
    let mut kernel = kernel(Settings { budget: 2, switches, ..Settings::SMALL })?;
    kernel.set_gone_after(AFTER);
    kernel.set_heartbeat(NOW - AFTER);
    Some(kernel)
}

/// Sends a frame, which is to be counted as one that met this.
#[track_caller]
fn meets(kernel: &mut Kernel, hook: Hook, frame: &[u8], (outcome, reason): (Outcome, Reason)) {
    let answer = if outcome == Outcome::Dropped { Answer::Drop } else { Answer::Pass };
    kernel.expect(&[(hook, outcome, reason, 1, counted(frame))], |kernel| {
        assert_eq!(kernel.run(hook, frame), answer, "{reason:?} at {hook:?}");
    });
}

#[test]
fn undecided_flows_are_what_was_asked_for_once_user_space_is_gone() {
    let policy = Switches::DROP_OVER_BUDGET;
    let unattended = (Outcome::Passed, Reason::Unattended);
    for (switches, met) in [
        (0, unattended),
        (policy, (Outcome::Dropped, Reason::Unattended)),
        (Switches::GONE_OPEN, (Outcome::Passed, Reason::GoneOpen)),
        (Switches::GONE_OPEN | policy, (Outcome::Passed, Reason::GoneOpen)),
        (Switches::GONE_CLOSED, (Outcome::Dropped, Reason::GoneClosed)),
        (Switches::GONE_CLOSED | Switches::DRY_RUN, (Outcome::Passed, Reason::GoneClosed)),
    ] {
        let Some(mut kernel) = alone(switches) else { return };
        for (hook, talk) in HOOKS.into_iter().zip([V4, V6.udp()]) {
            let frame = talk.out(SYN, b"first, and later");
            kernel.set_tick(NOW);
            meets(&mut kernel, hook, &frame, unattended);
            kernel.set_tick(NOW + 1);
            // One that has a track, and the first packet of another.
            let other = talk.with_port(4242);
            meets(&mut kernel, hook, &frame, met);
            meets(&mut kernel, hook, &other.out(SYN, b"another"), met);
            let dropped = |kernel: &mut Kernel, key| {
                let Total { packets, .. } = kernel.track(key).unwrap().dropped;
                packets
            };
            // (Whether it is spared in a dry run, no track knows.)
            let drops = u64::from(met != unattended && met.1 != Reason::GoneOpen);
            assert_eq!(dropped(&mut kernel, talk.key()), drops);
            assert_eq!(dropped(&mut kernel, other.key()), drops);
        }
        assert!(kernel.shown().is_empty());
    }
}

#[test]
fn what_is_beyond_the_budget_is_so_too() {
    for (switches, met) in [
        (Switches::DROP_OVER_BUDGET, (Outcome::Dropped, Reason::OverBudget)),
        (Switches::GONE_OPEN | Switches::DROP_OVER_BUDGET, (Outcome::Passed, Reason::GoneOpen)),
        (Switches::GONE_CLOSED, (Outcome::Dropped, Reason::GoneClosed)),
    ] {
        let Some(mut kernel) = alone(switches) else { return };
        let frame = V4.udp().out(0, b"question");
        kernel.set_heartbeat(NOW);
        for _ in 0..2 {
            meets(&mut kernel, Hook::Xdp, &frame, (Outcome::Passed, Reason::Shown));
        }
        kernel.set_heartbeat(NOW - AFTER - 1);
        meets(&mut kernel, Hook::Xdp, &frame, met);
    }
}

#[test]
fn verdicts_and_blocked_servers_stand_whatever_was_asked_for() {
    for switches in [0, Switches::GONE_OPEN, Switches::GONE_CLOSED] {
        let Some(mut kernel) = alone(switches) else { return };
        kernel.set_tick(NOW + 1);
        for (port, action, met) in [
            (11, Action::Count, (Outcome::Passed, Reason::Count)),
            (12, Action::Drop, (Outcome::Dropped, Reason::Drop)),
        ] {
            let talk = V4.with_port(port);
            kernel.decide(talk.key(), action);
            meets(&mut kernel, Hook::Xdp, &talk.out(ACK, b"more"), met);
        }
        kernel.set_server(end(V4), server(Action::Drop));
        let blocked = (Outcome::Dropped, Reason::Unattended);
        meets(&mut kernel, Hook::Xdp, &V4.out(SYN, b""), blocked);
    }
}

#[test]
fn who_is_back_is_shown_packets_again() {
    for switches in [Switches::GONE_OPEN, Switches::GONE_CLOSED] {
        let Some(mut kernel) = alone(switches) else { return };
        kernel.set_tick(NOW + 1);
        kernel.set_heartbeat(NOW + 1);
        meets(&mut kernel, Hook::Xdp, &V4.out(SYN, b""), (Outcome::Passed, Reason::Shown));
        assert_eq!(kernel.shown().len(), 1);
    }
}
