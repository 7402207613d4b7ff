//! One capture, as the fuzzer and the test that replays its corpus feed it.

use std::io::Cursor;

use ndpi_capture::link;
use ndpi_capture::{Capture, LONGEST_RECORD};

/// Packets looked at: a compressed capture can hold more than anybody wants to wait for.
const MOST_PACKETS: usize = 100_000;

/// Reads `data` as a capture, and each of its packets.
///
/// # Panics
/// If the reader does something that it never should.
pub(super) fn run(data: &[u8]) {
    let Ok(mut capture) = Capture::from_reader("fuzz", Cursor::new(data.to_vec())) else { return };
    for _ in 0..MOST_PACKETS {
        match capture.next_packet() {
            Ok(Some(packet)) => {
                assert!(packet.data.len() <= LONGEST_RECORD);
                if let Ok(decoded) = link::decode(&packet, &link::Tunnels::all(true)) {
                    assert!(decoded.l3().len() <= packet.data.len());
                }
            }
            Ok(None) => return,
            Err(error) => {
                assert!(error.to_string().starts_with("fuzz: byte "));
                assert!(matches!(capture.next_packet(), Ok(None)), "an error is the end");
                return;
            }
        }
    }
}
