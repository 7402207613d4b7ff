//! The first bytes of one direction, coalesced until they are a message or are known to be none.

use ndpi_labels::{Finding, Findings};

use super::message::{self, LongHello, Message, Whole};
use super::requests::Requests;
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
    /// The name of its server, where nDPI keeps only the end of it.
    long_name: Option<Box<str>>,
    /// The message is a request of one line (HTTP/0.9).
    is_simple: bool,
    packets: Vec<Held>,
    /// Their payload, from the first byte of the first one on.
    bytes: Vec<u8>,
    /// It is a client hello that is too long to be held.
    long: Option<LongHello>,
    /// By how many bytes less was read than was sent.
    shift: u32,
    /// The requests that begin with the message, if it is one.
    requests: Option<Requests>,
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

    /// Whether the message is a request of one line, to which no answer comes that nDPI knows.
    pub(super) fn is_simple(&self) -> bool {
        self.is_simple
    }

    /// Whether it is one that names a server, and not whole with these bytes, which are all that is there of a packet.
    pub(super) fn is_cut_in(&self, bytes: &[u8]) -> bool {
        let is_whole = || {
            let so_far = message::read(&[&self.bytes[..], bytes].concat());
            !matches!(so_far, Message::Unfinished | Message::Long)
        };
        !self.is_over && (self.long.is_some() || !is_whole())
    }

    /// The name of its server, where nDPI keeps only the end of it.
    pub(super) fn long_name(&self) -> Option<&str> {
        self.long_name.as_deref()
    }

    /// How many bytes it holds.
    pub(super) fn kept(&self) -> usize {
        let requests = self.requests.as_ref().map_or(0, Requests::kept);
        let headers = self.packets.iter().map(|held| held.headers.len());
        let long = self.long.as_ref().map_or(0, LongHello::kept);
        let name = self.long_name.as_ref().map_or(0, |name| name.len());
        headers.sum::<usize>() + self.bytes.len() + requests + long + name
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
        if let Some(requests) = &mut self.requests {
            requests.take(bytes, findings);
        }
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
        let behind = first.wrapping_add(number(bytes.len()));
        if let Some(long) = &mut self.long {
            let message = long.take(bytes);
            return self.goes_on(&message, behind, room, findings, read);
        }
        if is_as_it_came
            && self.bytes.is_empty()
            && let Message::Whole(whole) = message::read(bytes)
            && whole.rewritten.is_none()
            && whole.length == bytes.len()
        {
            (self.is_over, self.is_nameless) = (true, whole.is_nameless);
            self.long_name = whole.long_name;
            self.requests = Requests::after(bytes, findings);
            return read(l3);
        }
        self.bytes.extend_from_slice(bytes);
        let headers = l3[..segment.payload].into();
        self.packets.push(Held { headers, segment: *segment, first, length: bytes.len() });
        match message::read(&self.bytes) {
            Message::Unfinished if self.kept() <= room || self.shorten(room) => {}
            Message::Unfinished => self.give_up(findings, read),
            Message::Foreign => self.release(read),
            Message::Long => {
                let message = self.begin_long();
                self.goes_on(&message, behind, room, findings, read);
            }
            Message::Whole(whole) => self.emit(whole, findings, read),
        }
    }

    /// Reads what is there of a message of which no more can be kept.
    fn give_up(&mut self, findings: &mut Findings, read: Read) {
        if let Message::Whole(whole) = message::read_beginning(&self.bytes) {
            return self.emit(whole, findings, read);
        }
        findings.insert(Finding::Oversize);
        self.release(read);
    }

    /// Leaves out what is of no interest of the head of a request; true if there is room for the others.
    fn shorten(&mut self, room: usize) -> bool {
        let Some(short) = message::shorten(&self.bytes) else { return false };
        self.shift = self.shift.wrapping_add(number(self.bytes.len() - short.len()));
        self.packets.truncate(1);
        if let Some(first) = self.packets.first_mut() {
            first.length = short.len();
        }
        self.bytes = short;
        self.kept() <= room
    }

    /// Has what was held of a long hello shortened; says how far it is.
    fn begin_long(&mut self) -> Message {
        self.packets.truncate(1);
        let bytes = std::mem::take(&mut self.bytes);
        self.long.insert(LongHello::default()).take(&bytes)
    }

    /// A long hello has come as far as `message` says, up to the sequence number `behind`.
    fn goes_on(
        &mut self,
        message: &Message,
        behind: u32,
        room: usize,
        findings: &mut Findings,
        read: Read,
    ) {
        if *message == Message::Unfinished && self.kept() <= room {
            return;
        }
        if !matches!(message, Message::Whole(_)) {
            findings.insert(Finding::Oversize);
        }
        let emitted = self.release_long(read);
        self.shift = self
            .packets
            .first()
            .map_or(0, |held| behind.wrapping_sub(held.first).wrapping_sub(emitted));
        self.packets = Vec::new();
    }

    /// Reads what is there of a long hello; returns how many bytes that were.
    fn release_long(&mut self, read: Read) -> u32 {
        self.is_over = true;
        let said = self.long.take().map(|long| long.so_far());
        let (Some(Message::Whole(whole)), Some(first)) = (said, self.packets.first()) else {
            return 0;
        };
        let message = whole.rewritten.unwrap_or_default();
        self.long_name = whole.long_name;
        read(&first.with(first.first, &message));
        number(message.len())
    }

    /// What is known of the requests that begin with the message; `None` where it is none.
    pub(super) fn take_requests(&mut self, findings: &mut Findings) -> Option<Requests> {
        self.requests.take().or_else(|| Requests::after(&self.bytes, findings))
    }

    /// There is no room for what is known of them.
    pub(super) fn forget_requests(&mut self) {
        self.requests = None;
    }

    /// So many bytes went by unseen.
    pub(super) fn pass_over(&mut self, bytes: u32) {
        if let Some(requests) = &mut self.requests {
            requests.skip(bytes.into());
        }
    }

    /// A byte was sent that is not read.
    pub(super) fn skipped(&mut self) {
        self.shift = self.shift.wrapping_add(1);
    }

    /// Gives up waiting for the rest: what is held is read as it came.
    pub(super) fn release(&mut self, read: Read) {
        if self.long.is_some() {
            self.release_long(read);
            self.packets = Vec::new();
        }
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
    fn emit(&mut self, whole: Whole, findings: &mut Findings, read: Read) {
        (self.is_over, self.is_nameless) = (true, whole.is_nameless);
        (self.is_simple, self.long_name) = (whole.is_simple, whole.long_name);
        findings.extend(whole.finding);
        let (bytes, packets) = (std::mem::take(&mut self.bytes), std::mem::take(&mut self.packets));
        let (Some(first), Some(last)) = (packets.first(), packets.last()) else { return };
        self.requests = Requests::after(&bytes, findings);
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
