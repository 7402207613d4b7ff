//! Packets of one connection of TCP or QUIC to its receiver, as the fuzzer and the test that replays its corpus
//! feed it.

use ndpi_common::{Direction, KeyV4};
use ndpi_flow::{Findings, FlowKey, Receiver, Sample, Step};

/// A flow keeps no more than this, as docs/streams.md says.
const MOST_KEPT: usize = 8 << 10;

/// Takes packets out of `data`: a byte that says who sends one, whether some of it is cut and, of the first, whether
/// it is UDP, and whether only its sender's requests are read behind it; two for its length, and its bytes from the IP header on.
///
/// # Panics
/// If the receiver does something that it never should.
pub(super) fn run(mut data: &[u8]) {
    let (mut receiver, mut findings) = (None, Findings::NONE);
    let proto = if data.first().is_some_and(|bits| bits & 4 != 0) { 17 } else { 6 };
    let key = KeyV4::new(([198, 18, 0, 2], 40_000), ([198, 18, 0, 1], 443), 0, proto).0;
    let (mut shown, mut read) = (0_usize, 0_usize);
    while let Some((&[bits, high, low], rest)) = data.split_first_chunk() {
        let length = usize::from(u16::from_be_bytes([high, low])).min(rest.len());
        let (l3, rest) = rest.split_at(length);
        data = rest;
        let direction = if bits & 1 == 0 { Direction::FromLower } else { Direction::FromUpper };
        let cut = u32::from(bits >> 1 & 1);
        let mut sample = Sample::new(FlowKey::V4(key), direction, 0, l3);
        sample.bytes += cut;
        shown += 1;
        receiver = receiver.or_else(|| Receiver::of(proto, &sample, shown > 1));
        let Some(receiver) = &mut receiver else { continue };
        receiver.packet(&sample, MOST_KEPT, &mut findings, |step| {
            let Step::Packet(l3) = step else { return };
            assert!(!l3.is_empty() || length == 0);
            read += 1;
        });
        if bits & 8 != 0 {
            receiver.follow_requests(direction, &mut findings);
        }
        assert!(receiver.requested_hosts().iter().all(|host| (1..=255).contains(&host.len())));
        assert!(receiver.kept() <= MOST_KEPT, "{} bytes are kept", receiver.kept());
    }
    if let Some(receiver) = &mut receiver {
        receiver.release(&mut findings, |_| read += 1);
        receiver.release_all(&mut findings, |_| read += 1);
    }
    // One that opens a connection and has payload is read as two.
    assert!(read <= 2 * shown, "{read} packets were read of {shown}");
}
