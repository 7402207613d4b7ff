//! A dry run: nothing is dropped, and all is counted under the reason for which it would be.

use ndpi_common::{Action, Bucket, Hook, Outcome, Reason, Switches, Total};
use testkit::frame::{ACK, SYN, V4, V6, counted};

use crate::forms::{MALFORMED, hooks_for, without_flow};
use crate::fragments::pieces;
use crate::harness::{Answer, HOOKS, Kernel, Settings, kernel};
use crate::servers::{end, server};

const DRY: Settings = Settings {
    budget: 2,
    switches: Switches::DRY_RUN
        | Switches::DROP_OVER_BUDGET
        | Switches::DROP_UNKNOWN_FRAGMENTS
        | Switches::DROP_UNPARSABLE
        | Switches::DROP_LONG_CHAINS,
    ..Settings::SMALL
};

/// Sends a frame that would be dropped for `reason`.
#[track_caller]
fn passes(kernel: &mut Kernel, hook: Hook, frame: &[u8], reason: Reason) {
    kernel.expect(&[(hook, Outcome::Passed, reason, 1, counted(frame))], |kernel| {
        assert_eq!(kernel.run(hook, frame), Answer::Pass, "{reason:?} at {hook:?}");
    });
}

#[test]
fn blocked_flows_pass_and_their_entries_count_what_would_be_dropped() {
    let Some(mut kernel) = kernel(DRY) else { return };
    for hook in HOOKS {
        for (port, action, reason) in
            [(11, Action::Drop, Reason::Drop), (12, Action::Reject, Reason::Reject)]
        {
            for talk in [V4.with_port(port), V6.with_port(port).udp()] {
                kernel.decide(talk.key(), action);
                let frames = [talk.out(ACK, b"question"), talk.back(ACK, b"answer")];
                for frame in &frames {
                    passes(&mut kernel, hook, frame, reason);
                }
                let bytes = frames.iter().map(|frame| counted(frame)).sum();
                let dropped = kernel.verdict(talk.key()).dropped();
                assert_eq!(dropped, Total { packets: 2, bytes });
            }
        }
    }
}

#[test]
fn a_limited_flow_passes_beyond_its_rate_too() {
    let Some(mut kernel) = kernel(DRY) else { return };
    let talk = V4.udp();
    let empty = Bucket { bytes_per_second: 1, burst: 1, tokens: -1, refilled_ns: u64::MAX };
    kernel.set_bucket(empty);
    kernel.decide(talk.key(), Action::Limit);
    let frame = talk.out(0, &[0; 100]);
    passes(&mut kernel, Hook::Xdp, &frame, Reason::Limit);
    let dropped = kernel.verdict(talk.key()).dropped();
    assert_eq!(dropped, Total { packets: 1, bytes: counted(&frame) });
}

#[test]
fn undecided_flows_pass_beyond_their_budget_and_to_blocked_servers() {
    let Some(mut kernel) = kernel(DRY) else { return };
    for talk in [V4.with_port(21), V6.with_port(21)] {
        let frame = talk.out(ACK, b"more");
        for reason in [Reason::Shown, Reason::Shown, Reason::OverBudget] {
            passes(&mut kernel, Hook::Xdp, &frame, reason);
        }
        let dropped = kernel.track(talk.key()).expect("a track").dropped;
        assert_eq!(dropped, Total { packets: 1, bytes: counted(&frame) });
        kernel.set_server(end(talk), server(Action::Drop));
        let other = talk.with_port(22).out(SYN, b"");
        passes(&mut kernel, Hook::Xdp, &other, Reason::Server);
    }
}

#[test]
fn packets_without_a_flow_pass() {
    let Some(mut kernel) = kernel(DRY) else { return };
    for (frame, reason) in without_flow().into_iter().take(MALFORMED) {
        for &hook in hooks_for(&frame) {
            passes(&mut kernel, hook, &frame, reason);
        }
    }
    for talk in [V4.udp(), V6.udp()] {
        let later = &pieces(talk, &[7; 600], 200)[1];
        for hook in HOOKS {
            passes(&mut kernel, hook, later, Reason::FragmentUnknown);
        }
    }
}
