//! The first bytes of one direction, coalesced until they are a message or are known to be none.

use ndpi_labels::{Finding, Findings};

use super::message::{self, Message};
use super::rewrite::with_payload;
use super::segment::{Segment, number};

/// Where packets in order go.
pub(super) type Read<'a> = &'a mut dyn FnMut(&[u8]);

/// What is held of one direction.
#[derive(Debug, Default)]
pub(super) struct FirstMessage {
    is_over: bool,
    /// The packets, as they came.
    packets: Vec<(Box<[u8]>, Segment)>,
    /// Their payload.
    bytes: Vec<u8>,
    /// By how many bytes less was read than was sent.
    shift: u32,
}

impl FirstMessage {
    /// Of a direction of which the start was not seen.
    pub(super) fn end(&mut self) {
        self.is_over = true;
    }

    /// Whether the first message is still to come.
    pub(super) fn is_over(&self) -> bool {
        self.is_over
    }

    /// How many bytes it holds.
    pub(super) fn kept(&self) -> usize {
        self.packets.iter().map(|(packet, _)| packet.len()).sum::<usize>() + self.bytes.len()
    }

    /// Takes the payload that is next, `bytes` from `first` on, of the packet `l3`, and holds no more
    /// than `room` bytes.
    pub(super) fn next(
        &mut self,
        (l3, segment): (&[u8], &Segment),
        (first, bytes): (u32, &[u8]),
        room: usize,
        findings: &mut Findings,
        read: Read,
    ) {
        let is_as_it_came = first == segment.first() && bytes.len() == segment.len() as usize;
        let packet = |shift: u32| with_payload(l3, segment, first.wrapping_sub(shift), bytes);
        if self.is_over {
            if is_as_it_came && self.shift == 0 {
                return read(l3);
            }
            return read(&packet(self.shift));
        }
        if is_as_it_came && self.bytes.is_empty() && matches!(message::read(bytes), Message::Whole)
        {
            self.is_over = true;
            return read(l3);
        }
        self.bytes.extend_from_slice(bytes);
        let held = if is_as_it_came { l3.into() } else { packet(0).into_boxed_slice() };
        self.packets.push((held, *segment));
        match message::read(&self.bytes) {
            Message::Unfinished if self.kept() <= room => {}
            Message::Unfinished => {
                findings.insert(Finding::Oversize);
                self.release(read);
            }
            Message::Foreign => self.release(read),
            Message::Whole => {
                let bytes = std::mem::take(&mut self.bytes);
                self.emit(&bytes, read);
            }
            Message::Rewritten(rewritten, finding) => {
                findings.extend(finding);
                let less = number(self.bytes.len()).wrapping_sub(number(rewritten.len()));
                self.shift = self.shift.wrapping_add(less);
                self.emit(&rewritten, read);
            }
        }
    }

    /// A byte was sent that is not read.
    pub(super) fn skipped(&mut self) {
        self.shift = self.shift.wrapping_add(1);
    }

    /// Gives up waiting for the rest: what is held is read as it came.
    pub(super) fn release(&mut self, read: Read) {
        self.is_over = true;
        self.bytes = Vec::new();
        for (packet, _) in std::mem::take(&mut self.packets) {
            read(&packet);
        }
    }

    /// Reads all that is held as one packet with these bytes.
    fn emit(&mut self, bytes: &[u8], read: Read) {
        self.is_over = true;
        self.bytes = Vec::new();
        let packets = std::mem::take(&mut self.packets);
        if let Some((packet, segment)) = packets.first() {
            read(&with_payload(packet, segment, segment.first(), bytes));
        }
    }
}
