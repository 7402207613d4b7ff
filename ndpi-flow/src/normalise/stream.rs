//! Both directions of a TCP stream.

use ndpi_common::parse::tcp;
use ndpi_common::{Direction, SequenceNumbers};
use ndpi_labels::{Finding, Findings};

use super::checksum::Checksum;
use super::first_message::Read;
use super::opening::Opening;
use super::piece::Piece;
use super::requests::Requests;
use super::rewrite::with_payload;
use super::segment::{Reading, Segment, number};
use super::side::Side;
use crate::sample::Sample;

/// The most bytes that a flow keeps, both directions together.
pub(crate) const MOST_KEPT: usize = 8 << 10;
/// So many packets that bring nothing are usual before the first that does.
const USUAL_PADDING: u8 = 16;

/// What is known of a TCP stream until its flow is decided.
#[derive(Debug, Default)]
pub struct Stream {
    sides: [Side; 2],
    /// Packets that brought nothing.
    idle: u8,
    /// Payload was read.
    was_read: bool,
    /// A packet of a first message was cut: what is missing of it may have named the server.
    is_cut: bool,
    /// The first packet with payload that no receiver reads, where none has come that one would.
    refused: Option<Box<[u8]>>,
}

impl Stream {
    /// Takes a packet and calls `read` with each that a receiver reads next, in that order; keeps up to
    /// `room` bytes. What is no whole TCP segment is read as it is.
    pub fn packet(
        &mut self,
        sample: &Sample,
        room: usize,
        findings: &mut Findings,
        mut read: impl FnMut(&[u8]),
    ) {
        let read: Read = &mut read;
        let segment = match Reading::of(sample.l3) {
            Reading::Segment(segment) => segment,
            Reading::Malformed => {
                findings.insert(Finding::FakeSegment);
                return self.refuse(sample.l3, room);
            }
            Reading::Other => return read(sample.l3),
        };
        let is_padding = self.is_padding(&segment, findings);
        let (own, other) = both(&mut self.sides, sample.direction);
        let missing = missing(sample, &segment);
        if missing > 0 {
            own.sees();
            if own.followed().is_some() {
                let packet = sample.l3.into();
                let piece = Piece { packet, segment, checksum: None, is_ahead: false };
                return own.take_cut(piece, missing, room, findings);
            }
            self.is_cut |= sample.cut && own.is_cut_in(segment.bytes(sample.l3));
            own.lose_order(read);
            return read(sample.l3);
        }
        if !own.seen && !other.seen {
            let numbers =
                [sample.direction, sample.direction.opposite()].map(|it| sample.sequence.of(it));
            own.opened_unseen(numbers[0], numbers[1]);
            other.opened_unseen(numbers[1], numbers[0]);
        }
        let refused = self.refused.as_ref().map_or(0, |packet| packet.len());
        let room = room.min(MOST_KEPT).saturating_sub(refused);
        if own.acknowledge_unseen(sample.sequence.of(sample.direction.opposite())) {
            own.advance(room.saturating_sub(other.kept()), findings, read);
        }
        let has_payload = segment.len() > 0;
        let mut arrival = Arrival { sample, segment, own, other, room, findings, is_padding };
        let taken = arrival.is_taken(read);
        arrival.own.sees();
        let room = arrival.own_room().saturating_sub(arrival.own.kept());
        self.was_read |= taken && has_payload;
        if !taken && has_payload {
            self.refuse(sample.l3, room);
        }
    }

    /// Forgets all that came before a packet that opens the connection; true if some of that was read, which its receiver
    /// has not.
    pub fn begins_late_with(&mut self, sample: &Sample) -> bool {
        let is_known = self.sides.iter().any(|side| side.is_opened() || side.is_ordered());
        if !tcp::opens(sample.tcp_flags) || is_known {
            return false;
        }
        std::mem::take(self).was_read
    }

    /// Whether something waits for the other end to acknowledge it, of a connection whose handshake did not come here.
    pub fn awaits_acknowledgement(&self) -> bool {
        self.sides.iter().any(Side::awaits_acknowledgement)
    }

    /// Reads what waits, as far as the kernel has seen it acknowledged; keeps up to `room` bytes.
    pub fn acknowledged(
        &mut self,
        numbers: &SequenceNumbers,
        room: usize,
        findings: &mut Findings,
        mut read: impl FnMut(&[u8]),
    ) {
        for sender in [Direction::FromLower, Direction::FromUpper] {
            let (own, other) = both(&mut self.sides, sender);
            let is_read = own.awaits_acknowledgement()
                && own.begins_with(numbers.of(sender))
                && own.acknowledge_unseen(numbers.of(sender.opposite()));
            if is_read {
                own.advance(room.min(MOST_KEPT).saturating_sub(other.kept()), findings, &mut read);
                self.was_read |= !own.awaits_acknowledgement();
            }
        }
    }

    /// Whether so many packets came that bring nothing that nDPI is not to be bothered with another.
    fn is_padding(&mut self, segment: &Segment, findings: &mut Findings) -> bool {
        if segment.len() > 0 || segment.has(tcp::SYN | tcp::FIN | tcp::RST) {
            return false;
        }
        self.idle = self.idle.saturating_add(1);
        if self.idle > USUAL_PADDING && !self.was_read {
            findings.insert(Finding::BudgetPadding);
        }
        self.idle > USUAL_PADDING
    }

    /// Whether the first message of its client has begun, or seems to, or packets came in its place that bring nothing,
    /// and it is not whole.
    pub fn is_unfinished(&self) -> bool {
        let is_padded = self.idle > USUAL_PADDING && !self.was_read;
        is_padded || self.refused.is_some() || self.sides.iter().any(Side::is_unfinished)
    }

    /// Whether a packet of a first message was cut.
    pub fn is_cut(&self) -> bool {
        self.is_cut
    }

    /// Whether the first message of its client is one that no answer adds anything to.
    pub fn is_said(&self) -> bool {
        self.sides.iter().any(Side::is_said)
    }

    /// The name that its client asks for, where nDPI keeps only the end of it.
    pub fn long_name(&self) -> Option<&str> {
        self.sides.iter().find_map(Side::long_name)
    }

    /// Which way the packets of the client go: whose SYN the other end has accepted.
    pub fn client(&self) -> Option<Direction> {
        match self.sides.each_ref().map(Side::is_accepted) {
            [true, false] => Some(Direction::FromLower),
            [false, true] => Some(Direction::FromUpper),
            _ => None,
        }
    }

    /// Reads nothing but requests from here on, which `client` sends, though the flow is decided: packets
    /// of the server do not come any more. [`Stream::followed`] says whether there are any.
    pub fn follow_requests(&mut self, client: Direction, findings: &mut Findings) {
        self.refused = None;
        let (own, other) = both(&mut self.sides, client);
        other.lose_sight();
        own.follow_requests(findings);
    }

    /// Whose requests are followed, and the sequence number from which on segments are of interest; `None`
    /// where none are, or no more will be found.
    pub fn followed(&self) -> Option<(Direction, u32)> {
        let clients = [Direction::FromLower, Direction::FromUpper];
        clients
            .into_iter()
            .zip(&self.sides)
            .find_map(|(client, side)| Some((client, side.followed()?)))
    }

    /// The hosts that requests asked for since the last call.
    pub fn requested_hosts(&mut self) -> Vec<Box<str>> {
        self.sides.iter_mut().filter_map(Side::requests).flat_map(Requests::hosts).collect()
    }

    fn refuse(&mut self, l3: &[u8], room: usize) {
        if !self.was_read && self.refused.is_none() && l3.len() <= room {
            self.refused = Some(l3.into());
        }
    }

    /// How many bytes it keeps.
    pub fn kept(&self) -> usize {
        let refused = self.refused.as_ref().map_or(0, |packet| packet.len());
        self.sides.iter().map(Side::kept).sum::<usize>() + refused
    }

    /// Nothing more is shown, as at the end of a budget: what can be read of what was kept is read.
    pub fn release(&mut self, findings: &mut Findings, mut read: impl FnMut(&[u8])) {
        let seen = self.sides.each_ref().map(|side| side.seen);
        for (side, is_answered) in self.sides.iter_mut().zip([seen[1], seen[0]]) {
            side.release(is_answered, findings, &mut read);
        }
    }

    /// The flow is over: all that was kept is read, and where nothing was, what nobody would have read.
    pub fn release_all(&mut self, findings: &mut Findings, mut read: impl FnMut(&[u8])) {
        for side in &mut self.sides {
            side.release_all(findings, &mut read);
        }
        if let Some(refused) = self.refused.take_if(|_| !self.was_read) {
            read(&refused);
        }
    }
}

/// The side that sent, and the other.
fn both(sides: &mut [Side; 2], sender: Direction) -> (&mut Side, &mut Side) {
    let [lower, upper] = sides;
    match sender {
        Direction::FromLower => (lower, upper),
        Direction::FromUpper => (upper, lower),
    }
}

/// How many bytes of its payload are not there.
fn missing(sample: &Sample, segment: &Segment) -> u32 {
    let headers = sample.packets.saturating_sub(1).saturating_mul(number(segment.payload));
    sample.bytes.saturating_sub(headers).saturating_sub(number(sample.l3.len()))
}

/// A segment on its arrival.
struct Arrival<'a> {
    sample: &'a Sample<'a>,
    segment: Segment,
    own: &'a mut Side,
    other: &'a mut Side,
    /// How many bytes both sides may keep.
    room: usize,
    findings: &'a mut Findings,
    /// It brings nothing, as many did before.
    is_padding: bool,
}

impl Arrival<'_> {
    /// How many bytes its side may keep beside what the other does.
    fn own_room(&self) -> usize {
        self.room.saturating_sub(self.other.kept())
    }

    /// Has it read, held or discarded; false where no receiver would take it.
    fn is_taken(&mut self, read: Read) -> bool {
        let options = self.segment.options(self.sample.l3);
        let checksum = self.checksum();
        let doubts = self.own.sender.doubts(&self.segment, &options, checksum, &self.other.sender);
        self.findings.extend(doubts.iter());
        self.other.is_read_by(&options);
        let believed = !doubts.contains(Finding::BadChecksum);
        if !self.is_possible() || believed && !self.acknowledges(read) {
            return false;
        }
        self.own.sends(&self.segment);
        let is_clean = doubts.is_empty() && !self.is_ahead() && !self.sample.in_doubt;
        if is_clean && !self.own.is_unmeasured() && !self.own.is_other(&self.segment) {
            let is_next = self.own.is_next(&self.segment);
            self.own.sender.reads(&self.segment, &options, checksum, is_next);
        }
        if self.segment.has(tcp::SYN) {
            let opening = Opening::of(&self.segment, &options, checksum);
            self.own.opens(&self.segment, opening, believed);
            if believed {
                self.opening(checksum, read);
            }
            return true;
        }
        if self.segment.len() == 0 || self.segment.has(tcp::RST) {
            if believed && !self.is_padding {
                self.without_payload(read);
            }
            return true;
        }
        self.payload(checksum, is_clean, read);
        true
    }

    /// Reads its header alone: nobody reads payload of a reset.
    fn without_payload(&self, read: Read) {
        if self.segment.len() == 0 {
            return read(self.sample.l3);
        }
        read(&with_payload(self.sample.l3, &self.segment, self.segment.sequence, &[]));
    }

    /// What the checksum says; nothing where several segments were merged on arrival, whose checksums were right
    /// then, or are to be cut. Captures do not say that they were: there one is too long for the wire, and its
    /// checksum unfinished.
    fn checksum(&self) -> Option<Checksum> {
        if self.sample.packets > 1 {
            return None;
        }
        let checksum = Checksum::of(self.sample.l3, &self.segment);
        let is_merged =
            checksum == Checksum::Partial && self.segment.len() > self.other.takes_at_once();
        (!is_merged).then_some(checksum)
    }

    /// Whether any receiver would take such a segment, by its flags and its sequence number.
    fn is_possible(&mut self) -> bool {
        let segment = &self.segment;
        let finding = if segment.has(tcp::SYN) && segment.has(tcp::RST | tcp::FIN)
            || !segment.has(tcp::SYN | tcp::RST | tcp::ACK) && segment.len() > 0
        {
            Finding::FakeSegment
        } else if segment.has(tcp::SYN) || self.own.is_in_window(segment) {
            return true;
        } else {
            Finding::OutOfWindow
        };
        self.findings.insert(finding);
        false
    }

    /// Reads what it acknowledges of the other side. False where it acknowledges what was never sent,
    /// for which every receiver discards it.
    fn acknowledges(&mut self, read: Read) -> bool {
        if !self.segment.has(tcp::ACK) {
            return true;
        }
        let window = self.own.offers(self.other, &self.segment);
        let acknowledged = (self.segment.acknowledged, self.segment.has(tcp::SYN));
        if !self.other.acknowledge(acknowledged, window) {
            self.findings.insert(Finding::OutOfWindow);
            return false;
        }
        let others_room = self.room.saturating_sub(self.own.kept());
        self.other.advance(others_room, self.findings, read);
        true
    }

    /// Whether it acknowledges what was not seen of the other end: that was lost on its way here, or was never sent, and
    /// then a receiver discards the segment (RFC 9293, section 3.10.7.4).
    fn is_ahead(&self) -> bool {
        self.segment.has(tcp::ACK) && !self.other.has_sent(self.segment.acknowledged)
    }

    /// A SYN. Its payload is read where the other end acknowledges it (RFC 7413, section 4.2).
    fn opening(&mut self, checksum: Option<Checksum>, read: Read) {
        self.without_payload(read);
        if self.segment.len() > 0 {
            self.own.hold(self.piece(checksum), self.own_room(), self.findings);
        }
    }

    fn payload(&mut self, checksum: Option<Checksum>, is_clean: bool, read: Read) {
        let (piece, room) = (self.piece(checksum), self.own_room());
        // Where neither the other end nor the start is seen, nothing may ever be acknowledged.
        let is_one_way = !self.other.seen && !self.own.is_opened();
        if !self.own.is_unmeasured() && (is_clean || is_one_way) {
            return self.own.take(piece, room, self.findings, read);
        }
        self.own.hold(piece, room, self.findings);
        self.own.advance(room, self.findings, read);
    }

    fn piece(&self, checksum: Option<Checksum>) -> Piece {
        let packet = self.sample.l3.into();
        Piece { packet, segment: self.segment, checksum, is_ahead: self.is_ahead() }
    }
}
