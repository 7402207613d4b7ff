//! The packets of a flow that opens a QUIC connection.

use ndpi_common::Direction;
use ndpi_labels::{Finding, Findings};

use super::candidate::Candidate;
use super::datagram::Datagram;
use super::header::{self, FIXED, LONG_HEADER, Packet};
use super::keys::{End, Keys};
use super::unknown::{self, Unknown};
use super::version::Kind;
use crate::flow::first_payload_byte;
use crate::normalise::step::Step;
use crate::sample::Sample;

/// Where steps go.
type Read<'a> = &'a mut dyn FnMut(Step);

/// What is known of a connection until its flow is decided.
#[derive(Debug, Default)]
#[expect(clippy::struct_excessive_bools, reason = "independent facts, read by name")]
pub struct Connection {
    /// Which connections a client may have opened: one, once its server has answered it.
    candidates: Vec<Candidate>,
    unknown: Unknown,
    /// The first packet with a long header that nobody reads.
    refused: Option<Box<[u8]>>,
    is_answered: bool,
    /// The server has sent what is no QUIC: it has read no Initial.
    is_foreign: bool,
    /// Packets were read as they came.
    was_read: bool,
    /// The hello was read, or is not waited for.
    is_over: bool,
    /// The name in a hello that was read, where nDPI keeps only the end of it.
    long_name: Option<Box<str>>,
}

impl Connection {
    /// One of a flow of which packets may have been read as they came.
    pub fn new(was_read: bool) -> Self {
        Self { was_read, ..Self::default() }
    }

    /// Whether a flow that is not known to be QUIC may begin to be with this packet.
    pub fn may_begin(sample: &Sample) -> bool {
        // Behind extension headers of IPv6 is where only the parser finds it.
        if first_payload_byte(sample.l3).is_some_and(|first| first & LONG_HEADER == 0) {
            return false;
        }
        let is_one = |payload: &[u8]| {
            header::version(payload).is_some() || unknown::version(payload).is_some()
        };
        sample.payload().is_some_and(is_one)
    }

    /// Takes a packet and calls `read` with what is to be read then; keeps up to `room` bytes.
    pub fn packet(
        &mut self,
        sample: &Sample,
        room: usize,
        findings: &mut Findings,
        mut read: impl FnMut(Step),
    ) {
        let read: Read = &mut read;
        let Some(datagram) = Datagram::of(sample) else { return self.pass(sample.l3, read) };
        let packets = header::packets(datagram.payload);
        if self.is_over {
            // No other hello is read.
            let opens = packets.first().is_some_and(|first| first.kind == Kind::Initial);
            let is_server = self.candidates.first().is_some_and(|it| it.sender != sample.direction);
            if !opens || is_server {
                read(Step::Packet(sample.l3));
            }
            return;
        }
        if packets.is_empty() {
            self.foreign(sample, &datagram, read);
        } else {
            self.long(sample, &datagram, &packets, findings, read);
        }
        self.bound(room, findings, read);
        if sample.blocked {
            // Nothing gets through, so nobody answers.
            self.release_to(findings, read);
        }
    }

    /// A datagram that begins with no packet of a version that is understood.
    fn foreign(&mut self, sample: &Sample, datagram: &Datagram, read: Read) {
        if let Some(version) = unknown::version(datagram.payload) {
            if !self.unknown.is_answered(sample.direction, version) {
                return self.unknown.push(sample.direction, version, sample.l3);
            }
            self.read_unknown(Some(version), read);
            return read(Step::Packet(sample.l3));
        }
        if !self.is_waiting() {
            return self.pass(sample.l3, read);
        }
        if header::is_version_negotiation(datagram.payload) {
            return;
        }
        if datagram.payload.first().is_none_or(|first| first & FIXED == 0) {
            self.is_foreign |= self.is_from_server(sample.direction);
            return self.pass(sample.l3, read);
        }
        self.goes_on(sample.direction, read);
    }

    /// A datagram with packets that may open a connection, or answer one that does.
    fn long(
        &mut self,
        sample: &Sample,
        datagram: &Datagram,
        packets: &[Packet],
        findings: &mut Findings,
        read: Read,
    ) {
        let answers = self.answers(sample.direction, packets, findings);
        if !answers
            && !self.opens(sample.direction, datagram, packets, findings)
            && self.candidates.is_empty()
        {
            self.refused.get_or_insert_with(|| sample.l3.into());
        }
        if packets.iter().any(|packet| packet.kind == Kind::Other) {
            self.goes_on(sample.direction, read);
        }
        if self.is_answered && self.candidates.first().is_some_and(Candidate::is_whole) {
            self.read_hello(read);
        }
    }

    /// Whether a server has sent these packets, by one that only it can have sent.
    fn answers(&mut self, sender: Direction, packets: &[Packet], findings: &mut Findings) -> bool {
        for packet in packets {
            let answered = |it: &Candidate| it.is_answered_by(sender, packet);
            let Some(at) = self.candidates.iter().position(answered) else { continue };
            let mut candidate = self.candidates.swap_remove(at);
            for other in self.candidates.drain(..) {
                findings.extend(other.contradicts(&candidate).iter());
            }
            candidate.answered(packet);
            self.is_answered |= packet.kind == Kind::Initial;
            self.candidates.push(candidate);
            return true;
        }
        false
    }

    /// Whether one of these packets is of a client that opens a connection.
    fn opens(
        &mut self,
        sender: Direction,
        datagram: &Datagram,
        packets: &[Packet],
        findings: &mut Findings,
    ) -> bool {
        let mut is_one = false;
        for packet in packets.iter().filter(|packet| packet.kind == Kind::Initial) {
            let opened = |(at, it): (usize, &Candidate)| Some((at, it.open(sender, packet)?));
            let known = self.candidates.iter().enumerate().find_map(opened);
            let Some((at, content)) = known.or_else(|| self.new_one(sender, datagram, packet))
            else {
                continue;
            };
            self.candidates[at].take(&content, datagram.rank(), findings);
            is_one = true;
        }
        is_one
    }

    /// Another candidate, and what is in its packet, unless the server has answered one, or nobody can open it.
    fn new_one(
        &mut self,
        sender: Direction,
        datagram: &Datagram,
        packet: &Packet,
    ) -> Option<(usize, Vec<u8>)> {
        if self.is_answered {
            return None;
        }
        let (_, content) = Keys::of(packet.version, packet.to, End::Client).open(packet)?;
        self.candidates.push(Candidate::new(sender, datagram, packet));
        Some((self.candidates.len() - 1, content))
    }

    /// The other end goes on behind its first answer. If that went by unseen, there was one if only one can have
    /// been answered; and what is missing of the hello went by unseen too.
    fn goes_on(&mut self, sender: Direction, read: Read) {
        let is_other = |it: Direction| it != sender;
        match &self.candidates[..] {
            [] if self.unknown.only_sender().is_some_and(is_other) => self.read_unknown(None, read),
            [only] if is_other(only.sender) && self.unknown.is_empty() => self.read_hello(read),
            _ => {}
        }
    }

    /// Reads a packet that is not judged.
    fn pass(&mut self, l3: &[u8], read: Read) {
        self.was_read = true;
        read(Step::Packet(l3));
    }

    /// Whether all that waits is for this end.
    fn is_from_server(&self, sender: Direction) -> bool {
        self.candidates.iter().all(|it| it.sender != sender)
            && (self.unknown.is_empty()
                || self.unknown.only_sender().is_some_and(|it| it != sender))
    }

    fn is_waiting(&self) -> bool {
        !self.candidates.is_empty() || !self.unknown.is_empty() || self.refused.is_some()
    }

    /// Whether a client's Initial waits for its server's.
    pub fn awaits_answer(&self) -> bool {
        !self.is_over && !self.candidates.is_empty()
    }

    fn read_hello(&mut self, read: Read) {
        if std::mem::take(&mut self.was_read) {
            read(Step::Restart);
        }
        if let Some(candidate) = self.candidates.first() {
            self.long_name = candidate.long_name();
            read(Step::Packet(&candidate.packet()));
        }
        self.candidates.truncate(1);
        self.end();
    }

    fn read_unknown(&mut self, version: Option<u32>, read: Read) {
        if std::mem::take(&mut self.was_read) {
            read(Step::Restart);
        }
        for packet in self.unknown.take(version) {
            read(Step::Packet(&packet));
        }
        self.candidates = Vec::new();
        self.end();
    }

    fn end(&mut self) {
        self.is_over = true;
        self.unknown = Unknown::default();
        self.refused = None;
        self.candidates.iter_mut().for_each(Candidate::forget);
    }

    /// The name that its client asks for, where nDPI keeps only the end of it.
    pub fn long_name(&self) -> Option<&str> {
        self.long_name.as_deref()
    }

    /// How many bytes it keeps.
    pub fn kept(&self) -> usize {
        let refused = self.refused.as_ref().map_or(0, |packet| packet.len());
        self.candidates.iter().map(Candidate::kept).sum::<usize>() + self.unknown.kept() + refused
    }

    /// Which way the client's packets go: who has sent all that opens a connection, or what the server has answered.
    pub fn client(&self) -> Option<Direction> {
        let (first, others) = self.candidates.split_first()?;
        others.iter().all(|it| it.sender == first.sender).then_some(first.sender)
    }

    /// Whether a packet that opens a connection was seen, until that is over. An Initial that goes on with a connection opens
    /// none, and nobody can read it who has not seen the first.
    pub fn opening_seen(&self) -> Option<bool> {
        (!self.is_over).then_some(!self.candidates.is_empty() || !self.unknown.is_empty())
    }

    /// The identifier that the server has chosen, if it has.
    pub fn server_id(&self) -> Option<&[u8]> {
        self.candidates.first()?.server_id.as_deref()
    }

    /// Nothing more is shown, or comes: what waited is read, what is likeliest to have reached its receiver first.
    pub fn release(&mut self, findings: &mut Findings, mut read: impl FnMut(Step)) {
        self.release_to(findings, &mut read);
    }

    fn release_to(&mut self, findings: &mut Findings, read: Read) {
        if self.is_over {
            return;
        }
        if self.is_foreign && !self.is_answered {
            return self.end();
        }
        if self.candidates.len() > 1 || !self.candidates.is_empty() && !self.unknown.is_empty() {
            findings.insert(Finding::Ambiguous);
        }
        // A stable sort: of those that are equally likely, what came first.
        self.candidates.sort_by_key(|it| std::cmp::Reverse(it.rank()));
        if !self.candidates.is_empty() && std::mem::take(&mut self.was_read) {
            read(Step::Restart);
        }
        for candidate in &self.candidates {
            self.long_name = candidate.long_name().or_else(|| self.long_name.take());
            read(Step::Packet(&candidate.packet()));
        }
        for packet in self.unknown.take(None) {
            self.refused = None;
            read(Step::Packet(&packet));
        }
        if let Some(refused) =
            self.refused.take_if(|_| self.candidates.is_empty() && !self.was_read)
        {
            read(Step::Packet(&refused));
        }
        self.end();
    }

    /// Keeps no more than there is room for: what is least likely to be read goes, the oldest first.
    fn bound(&mut self, room: usize, findings: &mut Findings, read: Read) {
        while !self.is_over && self.kept() > room {
            findings.insert(Finding::Oversize);
            let many = self.candidates.len() > 1;
            let first = self.candidates.iter().enumerate().min_by_key(|(_, it)| it.rank());
            let first = first.map(|(at, _)| at);
            if self.refused.take().is_some() || self.unknown.drop_first() {
                continue;
            }
            match first.filter(|_| many) {
                Some(at) => drop(self.candidates.remove(at)),
                None => self.release_to(findings, read),
            }
        }
    }
}
