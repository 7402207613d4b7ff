//! Resets (RFC 9293, section 3.5.2).

use ndpi_common::parse::Fragment;
use ndpi_flow::tcp::{ACK, FIN, RST, SYN};

use crate::ip::{self, Header};
use crate::to_send::{Answer, Unanswerable};
use crate::trigger::TriggerPacket;

const HEADER: usize = 20;
const CHECKSUM_AT: usize = 16;

/// Resets of a segment's connection at both ends.
pub(crate) fn resets(trigger: &TriggerPacket) -> Result<Vec<Answer>, Unanswerable> {
    let segment = Segment::read(trigger).ok_or(Unanswerable::Unparsable)?;
    if segment.has(RST) {
        return Err(Unanswerable::Reset);
    }
    let mut answers = vec![to_sender(trigger, &segment)];
    answers.extend(to_receiver(trigger, &segment));
    Ok(answers)
}

/// As the receiver would reset it: with the sequence number that the sender says it expects, or,
/// where it says nothing yet, by acknowledging all that it sent.
fn to_sender(trigger: &TriggerPacket, segment: &Segment) -> Answer {
    let reset = if segment.has(ACK) {
        Reset { flags: RST, seq: segment.ack, ack: 0 }
    } else {
        Reset { flags: RST | ACK, seq: 0, ack: segment.next() }
    };
    // The receiver's flow label is not known.
    let header = Header { ends: trigger.ends.reversed(), flow_label: 0, ..header(trigger) };
    let ports = (segment.destination, segment.source);
    trigger.answer(&header, reset.bytes(ports), CHECKSUM_AT)
}

/// As the sender would reset it: with the sequence number that the receiver expects next, which
/// depends on whether it gets the segment. `None` where there is no connection to reset, or the
/// number is not known.
fn to_receiver(trigger: &TriggerPacket, segment: &Segment) -> Option<Answer> {
    let seq = match (trigger.dropped, trigger.packet.fragment) {
        // It has never heard of the connection.
        (true, _) if segment.has(SYN) && !segment.has(ACK) => return None,
        (true, _) => segment.seq,
        (false, Fragment::Whole { .. }) => segment.next(),
        // Of a fragmented segment neither the length is known nor whether its rest passed.
        (false, _) => return None,
    };
    // A client that waits for this SYN with ACK believes a reset only if it acknowledges.
    let reset = if segment.has(ACK) {
        Reset { flags: RST | ACK, seq, ack: segment.ack }
    } else {
        Reset { flags: RST, seq, ack: 0 }
    };
    let ports = (segment.source, segment.destination);
    Some(trigger.answer(&header(trigger), reset.bytes(ports), CHECKSUM_AT))
}

/// The header as the sender writes it: its class of service, which the stack's own resets keep
/// too, without the ECN bits, which a reset must not use (RFC 3168, section 6.1).
fn header(trigger: &TriggerPacket) -> Header {
    const DSCP: u8 = 0xfc;
    Header {
        ends: trigger.ends,
        proto: ip::TCP,
        traffic_class: trigger.traffic_class() & DSCP,
        flow_label: trigger.flow_label(),
        dont_fragment: true,
    }
}

/// What a reset needs to know of a segment.
#[derive(Clone, Copy, Debug)]
struct Segment {
    source: [u8; 2],
    destination: [u8; 2],
    seq: u32,
    ack: u32,
    flags: u8,
    payload_bytes: u32,
}

impl Segment {
    fn read(trigger: &TriggerPacket) -> Option<Self> {
        Some(Self {
            source: trigger.transport(0)?,
            destination: trigger.transport(2)?,
            seq: u32::from_be_bytes(trigger.transport(4)?),
            ack: u32::from_be_bytes(trigger.transport(8)?),
            flags: trigger.transport::<1>(13)?[0],
            payload_bytes: trigger.payload_bytes,
        })
    }

    fn has(&self, flag: u8) -> bool {
        self.flags & flag != 0
    }

    /// The sequence number after the segment: SYN and FIN take one each (RFC 9293, section 3.4).
    fn next(&self) -> u32 {
        let controls = u32::from(self.has(SYN)) + u32::from(self.has(FIN));
        self.seq.wrapping_add(self.payload_bytes).wrapping_add(controls)
    }
}

#[derive(Clone, Copy, Debug)]
struct Reset {
    flags: u8,
    seq: u32,
    ack: u32,
}

impl Reset {
    /// The TCP header, without its checksum.
    fn bytes(&self, (source, destination): ([u8; 2], [u8; 2])) -> Vec<u8> {
        const FIVE_WORDS: u8 = 5 << 4;
        let mut bytes = Vec::with_capacity(HEADER);
        bytes.extend(source);
        bytes.extend(destination);
        bytes.extend(self.seq.to_be_bytes());
        bytes.extend(self.ack.to_be_bytes());
        bytes.extend([FIVE_WORDS, self.flags]);
        // No window, checksum, no urgent pointer.
        bytes.resize(HEADER, 0);
        bytes
    }
}
