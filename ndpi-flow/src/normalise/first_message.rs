//! The first bytes of one direction, coalesced until they are a message or are known to be none.

use ndpi_labels::{Finding, Findings};

use super::message::{self, Message, Whole};
use super::rewrite::with_payload;
use super::segment::{Segment, number};

/// Where packets in order go.
pub(super) type Read<'a> = &'a mut dyn FnMut(&[u8]);

/// What is held of one direction.
#[derive(Debug, Default)]
pub(super) struct FirstMessage {
    is_over: bool,
    /// The message names no server: what follows is not read, since it might name one in its place.
    is_nameless: bool,
    packets: Vec<Held>,
    /// Their payload, from the first byte of the first one on.
    bytes: Vec<u8>,
    /// By how many bytes less was read than was sent.
    shift: u32,
}

/// A packet that is held.
#[derive(Debug)]
struct Held {
    /// Its headers.
    headers: Box<[u8]>,
    segment: Segment,
    /// The sequence number of the first byte that is read of it, and how many are.
    first: u32,
    length: usize,
}

impl Held {
    /// The packet with these bytes in place of its own, from the sequence number `first` on.
    fn with(&self, first: u32, bytes: &[u8]) -> Vec<u8> {
        with_payload(&self.headers, &self.segment, first, bytes)
    }
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
        self.packets.iter().map(|held| held.headers.len()).sum::<usize>() + self.bytes.len()
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
        if self.is_nameless {
            self.shift = self.shift.wrapping_add(number(bytes.len()));
            return;
        }
        if self.is_over {
            if is_as_it_came && self.shift == 0 {
                return read(l3);
            }
            return read(&with_payload(l3, segment, first.wrapping_sub(self.shift), bytes));
        }
        if is_as_it_came
            && self.bytes.is_empty()
            && let Message::Whole(whole) = message::read(bytes)
            && whole.rewritten.is_none()
            && whole.length == bytes.len()
        {
            (self.is_over, self.is_nameless) = (true, whole.is_nameless);
            return read(l3);
        }
        self.bytes.extend_from_slice(bytes);
        let headers = l3[..segment.payload].into();
        self.packets.push(Held { headers, segment: *segment, first, length: bytes.len() });
        match message::read(&self.bytes) {
            Message::Unfinished if self.kept() <= room => {}
            Message::Unfinished => match message::read_beginning(&self.bytes) {
                Message::Whole(whole) => self.emit(&whole, findings, read),
                Message::Unfinished | Message::Foreign => {
                    findings.insert(Finding::Oversize);
                    self.release(read);
                }
            },
            Message::Foreign => self.release(read),
            Message::Whole(whole) => self.emit(&whole, findings, read),
        }
    }

    /// A byte was sent that is not read.
    pub(super) fn skipped(&mut self) {
        self.shift = self.shift.wrapping_add(1);
    }

    /// Gives up waiting for the rest: what is held is read as it came.
    pub(super) fn release(&mut self, read: Read) {
        self.is_over = true;
        let bytes = std::mem::take(&mut self.bytes);
        let mut rest = &bytes[..];
        for held in std::mem::take(&mut self.packets) {
            let (own, others) = rest.split_at(held.length);
            read(&held.with(held.first, own));
            rest = others;
        }
    }

    /// Reads the message as one packet, and what follows it as another, where nothing in it can be taken for the
    /// name of a server.
    fn emit(&mut self, whole: &Whole, findings: &mut Findings, read: Read) {
        (self.is_over, self.is_nameless) = (true, whole.is_nameless);
        findings.extend(whole.finding);
        let (bytes, packets) = (std::mem::take(&mut self.bytes), std::mem::take(&mut self.packets));
        let (Some(first), Some(last)) = (packets.first(), packets.last()) else { return };
        let (own, rest) = bytes.split_at(whole.length);
        let message = whole.rewritten.as_deref().unwrap_or(own);
        read(&first.with(first.first, message));
        let rest = if whole.is_nameless { &[] } else { rest };
        if !rest.is_empty() {
            read(&last.with(first.first.wrapping_add(number(message.len())), rest));
        }
        let read_bytes = number(message.len() + rest.len());
        self.shift = self.shift.wrapping_add(number(bytes.len()).wrapping_sub(read_bytes));
    }
}
