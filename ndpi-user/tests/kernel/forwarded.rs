//! Packets that came in on a watched interface and go out of another: once in every count where their
//! addresses stay, and of a flow of their own where they are translated.

use ndpi_common::{Action, Bucket, Hook, Outcome, Reason, Switches};
use testkit::frame::{ACK, SYN, V4, V6, counted};

use crate::forms::patched;
use crate::fragments::pieces;
use crate::harness::{Answer, Kernel, Lease, Settings, kernel};
use crate::segments::{INGRESS_IFINDEX, context};

const INTERFACE: u32 = 1;
const VLAN: u16 = 7;

fn router(settings: Settings) -> Option<Lease> {
    let mut kernel = kernel(settings)?;
    kernel.add_interface(INTERFACE);
    Some(kernel)
}

/// Sends a packet that came in on the watched interface out.
fn forward(kernel: &Kernel, frame: &[u8]) -> Answer {
    kernel.run_with(frame, &context(&[(INGRESS_IFINDEX, INTERFACE)]))
}

fn at_tc(outcome: Outcome, reason: Reason, frame: &[u8]) -> (Hook, Outcome, Reason, u64, u64) {
    (Hook::Tc, outcome, reason, 1, counted(frame))
}

#[test]
fn what_keeps_its_addresses_counts_once_under_every_verdict() {
    let Some(mut kernel) = router(Settings::default()) else { return };
    for action in [Action::Count, Action::Bypass, Action::Limit] {
        for talk in [V4, V6, V4.udp(), V6.udp()] {
            kernel.decide(talk.key(), action);
            for frame in [talk.out(ACK, b"question"), talk.back(ACK, b"answer")] {
                assert_eq!(kernel.run(Hook::Xdp, &frame), Answer::Pass);
                let seen = at_tc(Outcome::Passed, Reason::SeenAtIngress, &frame);
                kernel.expect(&[seen], |kernel| {
                    assert_eq!(forward(kernel, &frame), Answer::Pass);
                });
            }
            let verdict = kernel.verdict(talk.key());
            let once = u64::from(action != Action::Bypass);
            assert_eq!((verdict.lower().packets, verdict.upper().packets), (once, once));
        }
    }
    assert_eq!(kernel.shown().len(), 0);
}

#[test]
fn what_keeps_its_addresses_is_shown_once_within_the_budget_and_beyond() {
    let Some(mut kernel) = router(Settings::default()) else { return };
    for talk in [V4, V6.udp()] {
        // A flow of one direction, then one whose track moves since the client was answered.
        for out in [true, true, false, true, false, true, true] {
            let frame = if out { talk.out(ACK, b"out") } else { talk.back(ACK, b"back") };
            kernel.run(Hook::Xdp, &frame);
            let seen = at_tc(Outcome::Passed, Reason::SeenAtIngress, &frame);
            kernel.expect(&[seen], |kernel| forward(kernel, &frame));
        }
        let track = kernel.track(talk.key()).expect("a track");
        let shown = kernel.shown();
        assert_eq!((track.total().packets, track.shown, shown.len()), (7, 5, 5));
        assert!(shown.iter().all(|it| it.header.hook() == Hook::Xdp));
    }
}

/// What XDP sees of a translated flow is one direction under each of its keys.
#[test]
fn what_is_translated_is_shown_in_both_directions() {
    let Some(mut kernel) = router(Settings::default()) else { return };
    for talk in [V4, V6, V4.udp(), V6.udp()] {
        for _ in 0..2 {
            let (out, back) = (talk.out(ACK, b"question"), talk.back(ACK, b"answer"));
            let shown = at_tc(Outcome::Passed, Reason::Shown, &out);
            kernel.expect(&[shown], |kernel| forward(kernel, &out));
            kernel.run(Hook::Xdp, &back);
        }
        assert_eq!(kernel.track(talk.key()).expect("a track").total().packets, 4);
        let hooks = [Hook::Tc, Hook::Xdp, Hook::Tc, Hook::Xdp];
        assert_eq!(kernel.shown().iter().map(|it| it.header.hook()).collect::<Vec<_>>(), hooks);
    }
}

#[test]
fn a_verdict_holds_for_what_is_translated() {
    let Some(mut kernel) = router(Settings::default()) else { return };
    for (action, reason) in [(Action::Drop, Reason::Drop), (Action::Reject, Reason::Reject)] {
        for talk in [V4, V6] {
            kernel.decide(talk.key(), action);
            // The other direction, which XDP sees under this key, does not let this one through.
            assert_eq!(kernel.run(Hook::Xdp, &talk.back(ACK, b"answer")), Answer::Drop);
            for _ in 0..2 {
                let out = talk.out(ACK, b"question");
                let dropped = at_tc(Outcome::Dropped, reason, &out);
                kernel.expect(&[dropped], |kernel| forward(kernel, &out));
            }
            let verdict = kernel.verdict(talk.key());
            assert_eq!((verdict.lower().packets, verdict.upper().packets), (2, 1));
        }
    }
}

#[test]
fn a_limit_takes_from_its_bucket_once() {
    let Some(mut kernel) = router(Settings::default()) else { return };
    let limits = Bucket { bytes_per_second: 1, burst: 100_000, ..Bucket::default() };
    kernel.set_bucket(Bucket { tokens: 100_000, refilled_ns: u64::MAX / 2, ..limits });
    kernel.decide(V4.key(), Action::Limit);
    let frame = V4.out(ACK, &[7; 1000]);
    kernel.run(Hook::Xdp, &frame);
    let after = kernel.bucket().tokens;
    assert!(after < 100_000);
    forward(&kernel, &frame);
    assert_eq!(kernel.bucket().tokens, after);
}

#[test]
fn a_verdict_that_came_in_between_counts_no_packet_twice() {
    let Some(mut kernel) = router(Settings::default()) else { return };
    let frame = V4.out(SYN, b"");
    kernel.run(Hook::Xdp, &frame);
    // XDP noted the packet in the track, which user space takes a moment after it wrote the verdict.
    kernel.decide(V4.key(), Action::Count);
    let seen = at_tc(Outcome::Passed, Reason::SeenAtIngress, &frame);
    kernel.expect(&[seen], |kernel| forward(kernel, &frame));
    assert_eq!(kernel.verdict(V4.key()).lower().packets, 0);
}

#[test]
fn another_connection_on_the_same_ports_counts_once() {
    let Some(mut kernel) = router(Settings::default()) else { return };
    kernel.decide(V4.key(), Action::Drop);
    let frame = V4.out(SYN, b"");
    assert_eq!(kernel.run(Hook::Xdp, &frame), Answer::Pass, "it knocks");
    let seen = at_tc(Outcome::Passed, Reason::SeenAtIngress, &frame);
    kernel.expect(&[seen], |kernel| forward(kernel, &frame));
}

#[test]
fn what_belongs_to_no_flow_is_judged_where_it_comes_in() {
    let drops = Switches::DROP_UNPARSABLE | Switches::DROP_UNKNOWN_FRAGMENTS;
    let settings = Settings { switches: drops, ..Settings::default() };
    let Some(mut kernel) = router(settings) else { return };
    let later = pieces(V4, &[7; 100], 64).pop().expect("a later fragment");
    let unparsable = patched(V4.out(ACK, b""), 14, &[0x41]);
    for frame in [later, unparsable] {
        assert_eq!(kernel.run(Hook::Xdp, &frame), Answer::Drop);
        let seen = at_tc(Outcome::Passed, Reason::SeenAtIngress, &frame);
        kernel.expect(&[seen], |kernel| forward(kernel, &frame));
    }
}

#[test]
fn an_interface_that_is_not_watched_has_seen_nothing() {
    let Some(mut kernel) = kernel(Settings::default()) else { return };
    kernel.decide(V4.key(), Action::Drop);
    let frame = V4.out(ACK, b"forwarded");
    kernel.run(Hook::Xdp, &frame);
    let dropped = at_tc(Outcome::Dropped, Reason::Drop, &frame);
    kernel.expect(&[dropped], |kernel| assert_eq!(forward(kernel, &frame), Answer::Drop));
    assert_eq!(kernel.verdict(V4.key()).lower().packets, 2);
}

/// The hardware takes tags off before XDP sees a packet, and the stack puts it beside the packet.
#[test]
fn what_xdp_saw_without_its_tag_counts_once() {
    let Some(mut kernel) = router(Settings::default()) else { return };
    let came_in = context(&[(INGRESS_IFINDEX, INTERFACE)]);
    for talk in [V4, V6, V4.udp(), V6.udp()] {
        let frame = talk.out(ACK, b"tagged on the wire");
        for decided in [false, true] {
            if decided {
                kernel.decide(talk.key(), Action::Count);
            }
            kernel.run(Hook::Xdp, &frame);
            let seen = at_tc(Outcome::Passed, Reason::SeenAtIngress, &frame);
            kernel.expect(&[seen], |kernel| kernel.run_tagged(&frame, VLAN, &came_in));
        }
        assert_eq!(kernel.verdict(talk.key()).lower().packets, 1);
        assert_eq!(kernel.shown().len(), 1);
        assert!(kernel.track(talk.in_vlan(VLAN).key()).is_none());
    }
}

/// Where one of its addresses was translated, XDP saw it under another key, with or without the tag.
#[test]
fn what_is_translated_in_a_vlan_is_a_flow_of_its_own() {
    let Some(mut kernel) = router(Settings::default()) else { return };
    let came_in = context(&[(INGRESS_IFINDEX, INTERFACE)]);
    for talk in [V4, V6, V4.udp(), V6.udp()] {
        kernel.run(Hook::Xdp, &talk.back(ACK, b"answer"));
        let frame = talk.out(ACK, b"question");
        let shown = at_tc(Outcome::Passed, Reason::Shown, &frame);
        kernel.expect(&[shown], |kernel| kernel.run_tagged(&frame, VLAN, &came_in));
        let keys: Vec<_> = kernel.shown().iter().map(|it| it.header.key()).collect();
        assert_eq!(keys, [Some(talk.key()), Some(talk.in_vlan(VLAN).key())]);
        kernel.decide(talk.in_vlan(VLAN).key(), Action::Drop);
        let dropped = at_tc(Outcome::Dropped, Reason::Drop, &frame);
        kernel.expect(&[dropped], |kernel| kernel.run_tagged(&frame, VLAN, &came_in));
    }
}
