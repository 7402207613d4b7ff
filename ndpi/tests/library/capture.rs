//! The packets of a capture, in memory.

use std::path::Path;

use ndpi_capture::link::{self, Tunnels};
use ndpi_capture::{Capture, CaptureError};
use ndpi_common::Key;

/// A packet from its IP header on.
pub(crate) struct Packet {
    /// When it was captured, in milliseconds since 1970.
    pub(crate) time_ms: u64,
    pub(crate) l3: Vec<u8>,
    pub(crate) flow: Key,
}

/// All packets that have a flow.
pub(crate) fn packets(path: &Path) -> Result<Vec<Packet>, CaptureError> {
    let mut capture = Capture::open(path)?;
    let mut packets = Vec::new();
    while let Some(packet) = capture.next_packet()? {
        let Ok(decoded) = link::decode(&packet, &Tunnels::all(false)) else { continue };
        let (time_ms, l3) = (packet.time_ns / 1_000_000, decoded.l3().to_vec());
        packets.push(Packet { time_ms, l3, flow: decoded.packet().key });
    }
    Ok(packets)
}
