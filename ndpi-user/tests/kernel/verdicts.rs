//! Each action, both families, both hooks.

use ndpi_common::{
    Action, Hook, Outcome, REJECT_MARK, Reason, SampleFlags, State, Switches, Total,
};
use testkit::frame::{ACK, RST, SYN, V4, V6, counted};

use crate::harness::{Answer, HOOKS, NOW, Settings, kernel};

#[test]
fn every_action_does_what_it_says_and_counts_it() {
    let Some(mut kernel) = kernel(Settings::default()) else { return };
    for hook in HOOKS {
        for (port, action, answer, outcome, reason) in [
            (1001, Action::Drop, Answer::Drop, Outcome::Dropped, Reason::Drop),
            (1002, Action::Reject, Answer::Drop, Outcome::Dropped, Reason::Reject),
            (1003, Action::Count, Answer::Pass, Outcome::Passed, Reason::Count),
            (1004, Action::Bypass, Answer::Pass, Outcome::Passed, Reason::Bypass),
            // A rule without a bucket limits nothing.
            (1005, Action::Limit, Answer::Pass, Outcome::Passed, Reason::Limit),
        ] {
            for talk in [V4, V6, V4.udp(), V6.udp(), V4.in_vlan(5), V6.in_vlan(5)] {
                let talk = talk.with_port(port);
                kernel.decide(talk.key(), action);
                let frames = [talk.out(ACK, b"question"), talk.back(ACK, b"a longer answer")];
                let bytes = frames.iter().map(|frame| counted(frame)).sum::<u64>();
                // The tag is not part of the IP packet.
                let bytes = bytes - if talk.vlan == 0 { 0 } else { 8 };
                kernel.expect(&[(hook, outcome, reason, 2, bytes)], |kernel| {
                    for frame in &frames {
                        assert_eq!(kernel.run(hook, frame), answer, "{action:?} at {hook:?}");
                    }
                });
                let verdict = kernel.verdict(talk.key());
                let (lower, upper) = (verdict.lower(), verdict.upper());
                if action == Action::Bypass {
                    assert_eq!((lower.packets, upper.packets), (0, 0));
                } else {
                    assert_eq!((lower.packets, upper.packets), (1, 1));
                    assert_eq!(lower.bytes + upper.bytes, bytes);
                }
                let rejected = kernel.shown();
                assert_eq!(rejected.len(), if action == Action::Reject { 2 } else { 0 });
            }
        }
    }
}

#[test]
fn a_verdict_notes_time_and_flags_of_each_side() {
    let Some(mut kernel) = kernel(Settings::default()) else { return };
    for (port, action) in [(1, Action::Drop), (2, Action::Count), (3, Action::Bypass)] {
        let talk = V4.with_port(port);
        kernel.set_tick(NOW);
        kernel.decide(talk.key(), action);
        kernel.set_tick(NOW + 3);
        kernel.run(Hook::Xdp, &talk.out(ACK, b""));
        kernel.run(Hook::Xdp, &talk.out(ACK | 8, b"x"));
        kernel.run(Hook::Xdp, &talk.back(SYN | ACK, b""));
        let verdict = kernel.verdict(talk.key());
        assert_eq!((verdict.tcp_flags_lower, verdict.tcp_flags_upper), (ACK | 8, SYN | ACK));
        assert_eq!((verdict.last_seen, verdict.action), (NOW + 3, action as u8));
        let both = State::INGRESS_LOWER | State::INGRESS_UPPER;
        assert_eq!((verdict.rule, verdict.app, verdict.state), (7, 91, both));
    }
}

#[test]
fn the_first_rejected_packet_of_each_direction_is_shown() {
    let Some(mut kernel) = kernel(Settings::default()) else { return };
    kernel.decide(V6.key(), Action::Reject);
    for _ in 0..3 {
        kernel.run(Hook::Xdp, &V6.out(ACK, b"again"));
        kernel.run(Hook::Tc, &V6.back(ACK, b"and again"));
    }
    let shown = kernel.shown();
    assert_eq!(shown.len(), 2);
    for sample in shown {
        assert_eq!(sample.header.flags, SampleFlags::REJECTED);
        assert_eq!(sample.header.key(), Some(V6.key()));
        assert!(sample.bytes.ends_with(b"again"));
    }
}

#[test]
fn counters_go_on_beyond_32_bits() {
    let Some(mut kernel) = kernel(Settings::default()) else { return };
    kernel.decide(V4.udp().key(), Action::Count);
    let frame = V4.udp().out(0, &[7; 1400]);
    let times = 4_000_000;
    kernel.repeat(Hook::Xdp, &frame, times);
    let verdict = kernel.verdict(V4.udp().key());
    let bytes = u64::from(times) * counted(&frame);
    assert!(bytes > u64::from(u32::MAX));
    assert_eq!(verdict.lower(), Total { packets: u64::from(times), bytes });
    assert!(verdict.folded_lower.bytes > 0);
}

#[test]
fn what_user_space_tells_the_ends_of_a_rejected_flow_passes() {
    let Some(mut kernel) = kernel(Settings::default()) else { return };
    for flow in [V4, V6] {
        kernel.decide(flow.key(), Action::Reject);
        let frame = flow.back(RST, &[]);
        let dropped = (Hook::Tc, Outcome::Dropped, Reason::Reject, 1, counted(&frame));
        let other = crate::segments::context(&[(crate::segments::MARK, REJECT_MARK ^ 1)]);
        kernel.expect(&[dropped], |kernel| {
            assert_eq!(kernel.run_with(&frame, &other), Answer::Drop);
        });
        let marked = crate::segments::context(&[(crate::segments::MARK, REJECT_MARK)]);
        let passed = (Hook::Tc, Outcome::Passed, Reason::Answer, 1, counted(&frame));
        kernel.expect(&[passed], |kernel| {
            assert_eq!(kernel.run_with(&frame, &marked), Answer::Pass);
        });
        let verdict = kernel.verdict(flow.key());
        let packets = verdict.lower().packets + verdict.upper().packets;
        assert_eq!(packets, 1, "an answer is no packet of the flow");
    }
}

#[test]
fn a_peer_that_is_not_there_lets_packets_pass() {
    let settings = Settings { switches: Switches::PEERS, ..Settings::default() };
    let Some(mut kernel) = kernel(settings) else { return };
    kernel.decide(V4.key(), Action::Bypass);
    let frame = V4.out(ACK, b"over");
    let passed = (Hook::Xdp, Outcome::Passed, Reason::Bypass, 1, counted(&frame));
    kernel.expect(&[passed], |kernel| assert_eq!(kernel.run(Hook::Xdp, &frame), Answer::Pass));
}
