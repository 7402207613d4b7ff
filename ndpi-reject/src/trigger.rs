//! The packet that is answered.

use ndpi_common::parse::{self, Captured, Fragment, Notes, Options, Packet};
use ndpi_flow::Sample;

use crate::address::Ends;
use crate::ip::Header;
use crate::to_send::{Answer, Unanswerable};

/// A sample that may be answered as far as IP is concerned.
#[derive(Debug)]
pub(crate) struct TriggerPacket<'a> {
    /// Its bytes from the IP header on, without what lies behind the packet's end.
    pub(crate) l3: &'a [u8],
    pub(crate) packet: Packet,
    pub(crate) ends: Ends,
    /// Bytes behind the transport header, of all segments, as on the wire.
    pub(crate) payload_bytes: u32,
    /// The kernel kept it from its receiver.
    pub(crate) dropped: bool,
    ifindex: u32,
}

impl<'a> TriggerPacket<'a> {
    /// Reads the headers.
    pub(crate) fn read(sample: &Sample<'a>) -> Result<Self, Unanswerable> {
        let packet = read(sample)?;
        let end = sample.l3.len().min(packet.end as usize);
        let ends = Ends::of(&packet.key, packet.direction);
        if matches!(packet.fragment, Fragment::Later { .. }) {
            return Err(Unanswerable::LaterFragment);
        }
        if !ends.are_hosts() {
            return Err(Unanswerable::Address);
        }
        // Lengths in the header may have been made to fit what was captured, or be those of one
        // large packet; the sample's own are those of the wire. Every segment repeats the headers.
        let headers = sample.packets.max(1).saturating_mul(packet.payload);
        let payload_bytes = sample.bytes.saturating_sub(headers);
        Ok(Self {
            l3: &sample.l3[..end],
            packet,
            ends,
            payload_bytes,
            dropped: sample.rejected || sample.blocked,
            ifindex: sample.ifindex,
        })
    }

    /// The `N` bytes at `at` of the header after IP; `None` when they were not captured.
    pub(crate) fn transport<const N: usize>(&self, at: usize) -> Option<[u8; N]> {
        let start = self.packet.l4 as usize + at;
        self.l3.get(start..start + N)?.try_into().ok()
    }

    /// The second byte of IPv4's header, or the 8 bits after the version of IPv6's.
    pub(crate) fn traffic_class(&self) -> u8 {
        match self.ends {
            Ends::V4 { .. } => self.l3[1],
            Ends::V6 { .. } => self.l3[0] << 4 | self.l3[1] >> 4,
        }
    }

    /// IPv6's flow label, 0 for IPv4.
    pub(crate) fn flow_label(&self) -> u32 {
        match self.ends {
            Ends::V4 { .. } => 0,
            Ends::V6 { .. } => u32::from_be_bytes([0, self.l3[1] & 0x0f, self.l3[2], self.l3[3]]),
        }
    }

    /// The answer of `header` and `body`, see [`Header::wrap`].
    pub(crate) fn answer(&self, header: &Header, body: Vec<u8>, checksum_at: usize) -> Answer {
        Answer { to: header.ends.target(self.ifindex), packet: header.wrap(body, checksum_at) }
    }
}

fn read(sample: &Sample) -> Result<Packet, Unanswerable> {
    // What is announced and what is there may differ: see `live::fit`.
    let captured = u32::try_from(sample.l3.len()).unwrap_or(u32::MAX);
    let frame = Captured { bytes: sample.l3, wire_len: captured.max(sample.bytes) };
    match parse::from_ip(&frame, 0, Options::LENIENT) {
        Ok(packet) if packet.notes & Notes::TRUNCATED_PORTS == 0 => Ok(packet),
        _ => Err(Unanswerable::Unparsable),
    }
}
