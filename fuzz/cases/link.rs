//! One packet, as the fuzzer and the test that replays its corpus feed it.

use ndpi_capture::link::{self, Tunnels};
use ndpi_capture::{LinkType, Packet};

/// Takes the first two bytes of `data` as a link type, the third as what the snapshot length cut
/// off, and the rest as a packet.
///
/// # Panics
/// If the link layers or the parser do something that they never should.
pub(super) fn run(data: &[u8]) {
    let Some((&[a, b, cut], data)) = data.split_first_chunk() else { return };
    let wire_len = u32::try_from(data.len()).unwrap_or(u32::MAX).saturating_add(cut.into());
    let link_type = LinkType(u16::from_le_bytes([a, b]));
    let packet = Packet { time_ns: 1, link_type, data, wire_len };
    for tunnels in [false, true] {
        match link::decode(&packet, &Tunnels::all(tunnels)) {
            Ok(decoded) => {
                let within = data.as_ptr_range();
                let found = decoded.l3().as_ptr_range();
                assert!(within.start <= found.start && found.end <= within.end);
                assert!(matches!(decoded.l3()[0] >> 4, 4 | 6), "layer 3 begins with IP");
                assert!(decoded.packet().ip_len() as usize >= decoded.l3().len());
                let is_inside = decoded.packet().key.tunnel() > 0;
                assert_eq!(decoded.outer().is_some(), tunnels && is_inside);
            }
            Err(skip) => assert!(!skip.to_string().is_empty()),
        }
    }
}
