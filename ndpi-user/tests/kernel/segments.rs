//! Packets that the stack or the hardware segments after TC has seen them.

use ndpi_common::{Action, Hook, Outcome, Reason, Total};
use testkit::frame::{ACK, V4, V6};

use crate::harness::{Settings, kernel};

/// Where fields lie in `struct __sk_buff` (`include/uapi/linux/bpf.h`).
pub(crate) const MARK: usize = 8;
pub(crate) const INGRESS_IFINDEX: usize = 36;
const GSO_SEGS: usize = 164;
const GSO_SIZE: usize = 176;
const SK_BUFF: usize = 192;

/// A `struct __sk_buff` with these fields.
pub(crate) fn context(fields: &[(usize, u32)]) -> Vec<u8> {
    let mut context = vec![0; SK_BUFF];
    for &(at, value) in fields {
        context[at..at + 4].copy_from_slice(&value.to_ne_bytes());
    }
    context
}

#[test]
fn a_packet_counts_as_its_segments() {
    let Some(mut kernel) = kernel(Settings::default()) else { return };
    for (talk, headers) in [(V4, 40), (V6, 60), (V4.udp(), 28)] {
        for (payload, size, segments) in
            [(2000, 1000, 2), (2001, 1000, 3), (999, 1000, 1), (1000, 1000, 1), (3000, 7, 429)]
        {
            let frame = talk.out(ACK, &vec![1; payload]);
            let bytes = u64::try_from(payload).unwrap() + segments * headers;
            let with = context(&[(GSO_SIZE, size), (GSO_SEGS, 0)]);
            kernel.decide(talk.key(), Action::Drop);
            let dropped = (Hook::Tc, Outcome::Dropped, Reason::Drop, segments, bytes);
            kernel.expect(&[dropped], |kernel| kernel.run_with(&frame, &with));
            let verdict = kernel.verdict(talk.key());
            assert_eq!(verdict.lower(), Total { packets: segments, bytes });
        }
    }
}

#[test]
fn a_large_packet_without_a_length_is_shown_with_its_segments() {
    let Some(mut kernel) = kernel(Settings::default()) else { return };
    let mut frame = V4.out(ACK, &[1; 2500]);
    frame[16..18].copy_from_slice(&[0, 0]);
    let with = context(&[(GSO_SIZE, 1000), (GSO_SEGS, 3)]);
    let shown = (Hook::Tc, Outcome::Passed, Reason::Shown, 3, 2500 + 3 * 40);
    kernel.expect(&[shown], |kernel| kernel.run_with(&frame, &with));
    let samples = kernel.shown();
    assert_eq!((samples[0].header.segments, samples[0].header.segment_size), (3, 1000));
    assert_eq!((samples[0].header.wire_bytes, samples[0].header.captured), (2620, 2540));
    assert_eq!(samples[0].bytes, frame[14..]);
}
