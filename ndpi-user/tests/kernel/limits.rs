//! Rules that limit a rate.

use ndpi_common::{Action, Bucket, Hook, Outcome, Reason, Total};
use testkit::frame::{V4, V6, counted};

use crate::harness::{Answer, Settings, kernel};

/// Nothing comes back during a test: the last refill is ahead of the clock.
const NEVER: Bucket = Bucket { bytes_per_second: 1, burst: 1000, tokens: 1000, refilled_ns: NOW };
const NOW: u64 = u64::MAX;

#[test]
fn a_bucket_lets_through_what_is_in_it_and_no_more() {
    let Some(mut kernel) = kernel(Settings::default()) else { return };
    kernel.set_bucket(NEVER);
    let (four, six) = (V4.udp(), V6.udp());
    for talk in [four, six] {
        kernel.decide(talk.key(), Action::Limit);
    }
    // Both flows take from the rule's bucket.
    let (middle, large) = (four.out(0, &[0; 172]), six.out(0, &[0; 752]));
    assert_eq!((counted(&middle), counted(&large)), (200, 800));
    kernel.expect(
        &[
            (Hook::Xdp, Outcome::Passed, Reason::Limit, 2, 1000),
            (Hook::Xdp, Outcome::Dropped, Reason::Limit, 2, 1000),
        ],
        |kernel| {
            assert_eq!(kernel.run(Hook::Xdp, &large), Answer::Pass);
            assert_eq!(kernel.run(Hook::Xdp, &middle), Answer::Pass);
            assert_eq!(kernel.run(Hook::Xdp, &middle), Answer::Drop);
            assert_eq!(kernel.run(Hook::Xdp, &large), Answer::Drop);
        },
    );
    let verdict = kernel.verdict(four.key());
    assert_eq!(verdict.lower(), Total { packets: 2, bytes: 400 });
    assert_eq!(verdict.dropped(), Total { packets: 1, bytes: 200 });
    assert_eq!(kernel.verdict(six.key()).dropped(), Total { packets: 1, bytes: 800 });
}

#[test]
fn small_packets_pass_on_credit_up_to_a_burst() {
    let Some(mut kernel) = kernel(Settings::default()) else { return };
    kernel.set_bucket(Bucket { tokens: -850, ..NEVER });
    kernel.decide(V4.udp().key(), Action::Limit);
    let small = V4.udp().out(0, &[0; 72]);
    for answer in [Answer::Pass, Answer::Pass, Answer::Drop] {
        assert_eq!(kernel.run(Hook::Xdp, &small), answer);
    }
}

#[test]
fn a_packet_that_is_too_large_passes_on_debt() {
    let Some(mut kernel) = kernel(Settings::default()) else { return };
    kernel.set_bucket(Bucket { tokens: 1, ..NEVER });
    kernel.decide(V4.udp().key(), Action::Limit);
    let large = V4.udp().out(0, &[0; 1372]);
    for (answer, tokens) in [(Answer::Pass, -1399), (Answer::Drop, -1399)] {
        assert_eq!(kernel.run(Hook::Tc, &large), answer);
        assert_eq!(kernel.bucket().tokens, tokens);
    }
}

#[test]
fn a_bucket_fills_again_with_time_up_to_its_burst() {
    let Some(mut kernel) = kernel(Settings::default()) else { return };
    let bucket = Bucket { bytes_per_second: 1000, burst: 200, tokens: -5000, refilled_ns: 0 };
    kernel.set_bucket(bucket);
    kernel.decide(V4.udp().key(), Action::Limit);
    assert_eq!(kernel.run(Hook::Tc, &V4.udp().out(0, &[0; 72])), Answer::Pass);
    let after = kernel.bucket();
    assert_eq!(after.tokens, 100, "the burst, less the packet");
    assert!(after.refilled_ns > 0);
}

#[test]
fn without_a_bucket_nothing_is_limited() {
    let Some(mut kernel) = kernel(Settings::default()) else { return };
    kernel.decide(V4.udp().key(), Action::Limit);
    assert_eq!(kernel.run(Hook::Xdp, &V4.udp().out(0, &[0; 72])), Answer::Pass);
}
