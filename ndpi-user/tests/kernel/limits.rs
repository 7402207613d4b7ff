//! Rules that limit a rate.

use ndpi_common::{Action, Bucket, Hook, Outcome, Reason, Total};

use crate::frame::{V4, V6, counted};
use crate::harness::{Answer, Settings, kernel};

#[test]
fn a_bucket_lets_its_burst_through_and_no_more() {
    let Some(mut kernel) = kernel(Settings::default()) else { return };
    // The rule of `decide` is 7. At a byte a second nothing comes back during the test.
    let bucket = Bucket { bytes_per_second: 1, burst: 1000, tokens: 1000, refilled_ns: u64::MAX };
    kernel.set_bucket(7, bucket);
    let (four, six) = (V4.udp(), V6.udp());
    for talk in [four, six] {
        kernel.decide(talk.key(), Action::Limit);
    }
    // Both flows take from the rule's bucket.
    let (small, large) = (four.out(0, &[0; 72]), six.out(0, &[0; 852]));
    assert_eq!((counted(&small), counted(&large)), (100, 900));
    kernel.expect(
        &[
            (Hook::Xdp, Outcome::Passed, Reason::Limit, 2, 1000),
            (Hook::Xdp, Outcome::Dropped, Reason::Limit, 2, 1000),
        ],
        |kernel| {
            assert_eq!(kernel.run(Hook::Xdp, &large), Answer::Pass);
            assert_eq!(kernel.run(Hook::Xdp, &large), Answer::Drop);
            assert_eq!(kernel.run(Hook::Xdp, &small), Answer::Pass);
            assert_eq!(kernel.run(Hook::Xdp, &small), Answer::Drop);
        },
    );
    let verdict = kernel.verdict(four.key());
    assert_eq!(verdict.lower(), Total { packets: 2, bytes: 200 });
    assert_eq!(verdict.dropped(), Total { packets: 1, bytes: 100 });
    assert_eq!(kernel.verdict(six.key()).dropped(), Total { packets: 1, bytes: 900 });
}

#[test]
fn a_bucket_fills_again_with_time() {
    let Some(mut kernel) = kernel(Settings::default()) else { return };
    // Refilled long ago, so that the first packet finds a whole burst.
    kernel
        .set_bucket(7, Bucket { bytes_per_second: 1 << 30, burst: 200, tokens: 0, refilled_ns: 0 });
    kernel.decide(V4.udp().key(), Action::Limit);
    assert_eq!(kernel.run(Hook::Tc, &V4.udp().out(0, &[0; 172])), Answer::Pass);
    // More than a burst never fits.
    assert_eq!(kernel.run(Hook::Tc, &V4.udp().out(0, &[0; 173])), Answer::Drop);
}
