//! One direction of a TCP stream, as the other end reads it.

use std::borrow::Cow;

use ndpi_common::parse::tcp;
use ndpi_common::{Known, SideNumbers};
use ndpi_labels::{Finding, Findings};

use super::first_message::{FirstMessage, Read};
use super::opening::{Opening, Openings};
use super::options::{LARGEST_SHIFT, TcpOptions};
use super::piece::{Piece, Pieces, differ_at, is_after};
use super::requests::Requests;
use super::segment::{Segment, URG};
use super::sender::Sender;

/// A window that no receiver has named is believed up to here: half of what the sequence numbers allow
/// (RFC 7323, section 2.3).
const ANY_WINDOW: u32 = 1 << 30;
/// How far beyond what a receiver has offered is far: offers that were not seen are made up for.
const SLACK: u32 = 1 << 16;
/// The largest payload on Ethernet.
const USUAL_SEGMENT_SIZE: u16 = 1460;
/// Of requests that are followed, so many segments wait for what is missing before them.
const MOST_EARLY: usize = 4;
/// So many bytes of those that were read are kept, to be compared with later copies.
const COPIED: usize = 2 << 10;

/// One direction.
#[derive(Debug, Default)]
#[expect(clippy::struct_excessive_bools, reason = "independent facts, read by name")]
pub(super) struct Side {
    /// What its segments have shown of their sender.
    pub(super) sender: Sender,
    /// A packet of it was seen.
    pub(super) seen: bool,
    /// The sequence number that is read next. Unknown where neither a SYN nor the answer to it was seen:
    /// then packets are read as they come.
    next: Option<u32>,
    /// Other SYNs of it than the one that counts.
    others: Openings,
    /// The SYN that counts accepts a connection.
    is_answer: bool,
    /// The other end has accepted its SYN.
    is_accepted: bool,
    /// Up to where the other end has acknowledged it.
    acknowledged: Option<u32>,
    /// Up to where the other end has offered to take more.
    edge: Option<u32>,
    /// Its SYN was seen.
    opened: bool,
    /// It was not, though the other end has accepted it: there is nothing that its segments can be compared with.
    is_unmeasured: bool,
    /// By how much the windows that it offers itself are shifted, by its SYN.
    window_shift: Option<u8>,
    /// The largest payload that it takes itself, by its SYN.
    segment_size: Option<u16>,
    /// Up to where it was seen to have sent, with its end.
    sent: Option<u32>,
    /// The byte that its receiver does not read in line (`tcp_check_urg` in Linux).
    urgent: Option<u32>,
    /// Something before them is missing.
    early: Pieces,
    /// They wait to be acknowledged.
    doubtful: Pieces,
    /// The first bytes that were read, from `copied_from` on.
    copied: Vec<u8>,
    copied_from: u32,
    message: FirstMessage,
    /// The requests in it, where those are read though the flow is decided.
    requests: Option<Requests>,
}

impl Side {
    /// Notes that a segment of it was seen.
    pub(super) fn sees(&mut self) {
        self.seen = true;
    }

    /// Notes how far a segment of it reaches.
    pub(super) fn sends(&mut self, segment: &Segment) {
        let behind = segment.behind().wrapping_add(u32::from(segment.has(tcp::FIN)));
        if self.sent.is_none_or(|before| is_after(behind, before)) {
            self.sent = Some(behind);
        }
    }

    /// Whether it may have sent all before `number`, as far as was seen.
    pub(super) fn has_sent(&self, number: u32) -> bool {
        // Where its order was lost, it was not seen.
        self.next.is_none() || self.sent.is_none_or(|sent| !is_after(number, sent))
    }

    /// Whether a SYN is another than the one that counts.
    pub(super) fn is_other(&self, segment: &Segment) -> bool {
        let own = (segment.first(), segment.has(tcp::ACK));
        segment.has(tcp::SYN)
            && self.next.is_some_and(|next| (next, self.is_answer) != own)
            && self.copied.is_empty()
    }

    /// A SYN. Of two the first counts until the other end acknowledges the second, whatever it looks like; one that
    /// is not believed counts only then.
    pub(super) fn opens(&mut self, segment: &Segment, opening: Opening, is_believed: bool) {
        if self.is_other(segment) {
            return self.others.push(opening);
        }
        if !is_believed {
            return;
        }
        if self.next.is_none() {
            return self.begin_with(opening);
        }
        self.opened = true;
        (self.window_shift, self.segment_size) = (opening.window_shift, opening.segment_size);
    }

    /// The stream begins with this SYN.
    fn begin_with(&mut self, opening: Opening) {
        let is_compared = self.sender.is_compared;
        self.sender = opening.sender;
        self.sender.is_compared = is_compared;
        (self.opened, self.is_answer) = (true, opening.is_answer);
        (self.window_shift, self.segment_size) = (opening.window_shift, opening.segment_size);
        // What was acknowledged and offered was of other numbers.
        (self.acknowledged, self.edge, self.is_unmeasured) = (None, None, false);
        self.message = FirstMessage::default();
        if opening.is_answer {
            // Only who opens a connection asks for a name.
            self.message.end();
        }
        self.begin(opening.start);
    }

    /// Whether the other end has accepted the connection that it opens.
    pub(super) fn is_accepted(&self) -> bool {
        self.is_accepted
    }

    /// Learns from `own` numbers of this side what the kernel has seen of it and not shown, where nothing of the
    /// connection was shown before; by those of the `other`, whether this side has accepted the connection.
    pub(super) fn opened_unseen(&mut self, own: SideNumbers, other: SideNumbers) {
        let is_certain = own.known & Known::DISPUTED == 0;
        let Some(initial) = own.initial().filter(|_| is_certain) else { return };
        self.begin(initial.wrapping_add(1));
        if other.is_confirmed() {
            self.is_answer = true;
            self.message.end();
        } else {
            self.is_unmeasured = own.is_confirmed();
        }
    }

    /// Whether all that it sends is to wait until the other end has acknowledged it.
    pub(super) fn is_unmeasured(&self) -> bool {
        self.is_unmeasured
    }

    /// Whether something of it waits, and what the other end has acknowledged meanwhile would have it read.
    pub(super) fn awaits_acknowledgement(&self) -> bool {
        self.is_unmeasured && self.doubtful.first().is_some()
    }

    /// Whether these numbers are of the same connection as what waits.
    pub(super) fn begins_with(&self, own: SideNumbers) -> bool {
        own.initial().is_some_and(|initial| initial.wrapping_add(1) == self.copied_from)
    }

    /// Learns what the kernel has seen acknowledged of this side by the `other`, in packets that were not shown.
    pub(super) fn acknowledge_unseen(&mut self, other: SideNumbers) -> bool {
        let number = other.acknowledged().filter(|_| self.is_unmeasured);
        number.is_some_and(|number| self.acknowledge((number, false), 0))
    }

    /// The other end has sent a segment with a timestamp, or without one.
    pub(super) fn is_read_by(&mut self, options: &TcpOptions) {
        self.sender.is_compared = options.timestamp.is_some();
    }

    fn begin(&mut self, start: u32) {
        self.next = Some(start);
        self.copied_from = start;
    }

    /// Up to how many bytes beyond what it acknowledges a segment of it offers to take from `other`.
    pub(super) fn offers(&self, other: &Self, segment: &Segment) -> u32 {
        let shift = match (self.window_shift, other.window_shift) {
            // The window of a SYN is never scaled (RFC 7323, section 2.2).
            _ if segment.has(tcp::SYN) => 0,
            (Some(shift), Some(_)) => shift,
            _ if self.opened && other.opened => 0,
            _ => LARGEST_SHIFT,
        };
        u32::from(segment.window) << shift
    }

    /// Whether its SYN was seen.
    pub(super) fn is_opened(&self) -> bool {
        self.opened
    }

    /// Whether it is known what is read next.
    pub(super) fn is_ordered(&self) -> bool {
        self.next.is_some()
    }

    /// The largest payload that can have come to this side in one packet on the wire. It may take less, but who
    /// sends it need not keep to that.
    pub(super) fn takes_at_once(&self) -> u32 {
        self.segment_size.unwrap_or_default().max(USUAL_SEGMENT_SIZE).into()
    }

    /// Notes which byte a segment that is read says is urgent. A byte that was read already is none.
    fn skips(&mut self, segment: &Segment, findings: &mut Findings) {
        if !segment.has(URG) || segment.urgent == 0 {
            return;
        }
        // Servers that take urgent bytes in line read another stream.
        findings.insert(Finding::Ambiguous);
        let at = segment.sequence.wrapping_add(u32::from(segment.urgent) - 1);
        if self.next.is_some_and(|next| !is_after(next, at)) {
            self.urgent = Some(at);
        }
    }

    /// Gives up the order: what follows is read as it comes.
    pub(super) fn lose_order(&mut self, read: Read) {
        self.message.release(read);
        self.next = None;
        (self.early, self.doubtful) = Default::default();
    }

    /// Whether a segment is one that the other end takes, by its sequence number.
    pub(super) fn is_in_window(&self, segment: &Segment) -> bool {
        let Some(next) = self.next else { return true };
        let edge = self.edge.map_or(next.wrapping_add(ANY_WINDOW), |edge| edge.wrapping_add(SLACK));
        let oldest = next.wrapping_sub(ANY_WINDOW);
        !is_after(segment.first(), edge) && !is_after(oldest, segment.behind())
    }

    /// Whether a segment begins with what is read next, or before that and reaches it.
    pub(super) fn is_next(&self, segment: &Segment) -> bool {
        self.next.is_none_or(|next| {
            !is_after(segment.first(), next) && !is_after(next, segment.behind())
        })
    }

    /// The other end has acknowledged all before `number`, perhaps in its answer to a SYN, and takes `window` bytes more. False where it
    /// cannot have.
    pub(super) fn acknowledge(&mut self, (number, of_syn): (u32, bool), window: u32) -> bool {
        if self.copied.is_empty()
            && (of_syn || self.next != Some(number))
            && let Some(opening) = self.others.take(number, of_syn)
        {
            self.begin_with(opening);
        }
        self.is_accepted |= of_syn && self.opened && !self.is_answer && self.next == Some(number);
        match self.next {
            // The SYN was missed, its answer was not.
            None if of_syn && !self.seen => {
                self.begin(number);
                self.is_unmeasured = true;
            }
            None => {}
            Some(next) => {
                let edge = self.edge.unwrap_or(next.wrapping_add(ANY_WINDOW)).wrapping_add(SLACK);
                if is_after(number, edge) || is_after(self.copied_from, number) {
                    return false;
                }
            }
        }
        if self.acknowledged.is_none_or(|before| is_after(number, before)) {
            self.acknowledged = Some(number);
        }
        let edge = number.wrapping_add(window);
        if self.edge.is_none_or(|before| is_after(edge, before)) {
            self.edge = Some(edge);
        }
        true
    }

    /// A segment whose payload may be read at once, if it is next.
    pub(super) fn take(&mut self, piece: Piece, room: usize, findings: &mut Findings, read: Read) {
        let Some(next) = self.next else {
            // The start of its first message was not seen either.
            self.message.end();
            return read(&piece.packet);
        };
        let segment = piece.segment;
        self.skips(&segment, findings);
        if !is_after(segment.behind(), next) {
            return self.compare(&piece, findings);
        }
        if is_after(segment.first(), next) {
            if self.early.insert(piece) {
                findings.insert(Finding::Ambiguous);
            }
            if !self.message.is_over() {
                findings.insert(Finding::ReorderedHello);
            }
            self.pass_over_hole();
        } else {
            self.compare(&piece, findings);
            self.deliver(&piece, room, findings, read);
        }
        self.advance(room, findings, read);
    }

    /// A segment whose payload waits until the other end acknowledges it.
    pub(super) fn hold(&mut self, piece: Piece, room: usize, findings: &mut Findings) {
        let known = self.next.is_none_or(|next| is_after(piece.segment.behind(), next));
        if let Some(requests) = self.requests.as_mut().filter(|_| known) {
            // What the other end says of it is not shown.
            findings.insert(Finding::Ambiguous);
            let is_next = Some(piece.segment.first()) == self.next;
            requests.suspect(piece.segment.bytes(&piece.packet), is_next);
        } else if known {
            self.doubtful.push(piece);
            self.bound(room, findings);
        } else if self.is_another_copy(&piece) {
            findings.insert(Finding::FakeSegment);
        }
    }

    /// Reads all that can be read now.
    pub(super) fn advance(&mut self, room: usize, findings: &mut Findings, read: Read) {
        while let Some(piece) = self.next_piece(findings) {
            self.deliver(&piece, room, findings, read);
        }
        self.discard_old(findings);
        self.bound(room, findings);
    }

    /// Nothing more is shown: what the other end has acknowledged is read, and where it was never seen, all.
    pub(super) fn release(&mut self, is_answered: bool, findings: &mut Findings, read: Read) {
        if !is_answered {
            let behind = [self.early.behind(), self.doubtful.behind()].into_iter().flatten();
            self.acknowledged = behind.reduce(|a, b| if is_after(a, b) { a } else { b });
        }
        self.advance(usize::MAX, findings, read);
        if self.doubtful.first().is_some() {
            findings.insert(Finding::Ambiguous);
        }
        self.message.release(read);
    }

    /// Nothing more comes, and nothing can be done about the flow: all that waited is read, for the record.
    pub(super) fn release_all(&mut self, findings: &mut Findings, read: Read) {
        self.release(false, findings, read);
        while let Some(piece) = self.doubtful.take(|_| true) {
            read(&piece.packet);
        }
    }

    /// Whether its first message is one that no answer adds anything to.
    pub(super) fn is_said(&self) -> bool {
        self.message.is_simple()
    }

    /// Whether its first message is one that names a server, and is not whole with these bytes, which are all that is
    /// there of a packet.
    pub(super) fn is_cut_in(&self, bytes: &[u8]) -> bool {
        self.message.is_cut_in(bytes)
    }

    /// Whether its first message has begun, or may have, and is not whole.
    pub(super) fn is_unfinished(&self) -> bool {
        let waits = self.early.kept() + self.doubtful.kept() + self.message.kept() > 0;
        waits && !self.message.is_over()
    }

    /// How many bytes it keeps.
    pub(super) fn kept(&self) -> usize {
        let requests = self.requests.as_ref().map_or(0, Requests::kept);
        self.early.kept()
            + self.doubtful.kept()
            + self.others.kept()
            + self.copied.len()
            + self.message.kept()
            + requests
    }

    /// The name that it asks for in its first message, where nDPI keeps only the end of it.
    pub(super) fn long_name(&self) -> Option<&str> {
        self.message.long_name()
    }

    /// Reads nothing but requests from here on, of which only those segments come that reach what is next.
    /// Nothing is followed where it is not known what is next, or it began with no request.
    pub(super) fn follow_requests(&mut self, findings: &mut Findings) {
        let Some(next) = self.next else { return };
        self.copied = Vec::new();
        let Some(requests) = self.message.take_requests(findings) else { return };
        self.requests = Some(requests);
        self.message = FirstMessage::default();
        self.message.end();
        self.is_unmeasured = false;
        (self.acknowledged, self.edge, self.doubtful) = Default::default();
        self.skip_body(next);
        self.advance(usize::MAX, findings, &mut |_| {});
    }

    /// What the other end sends is not shown any more: nothing can be compared with it.
    pub(super) fn lose_sight(&mut self) {
        (self.next, self.early, self.doubtful, self.copied) = Default::default();
        self.others = Openings::default();
        self.message = FirstMessage::default();
    }

    /// The requests that are followed, if any are.
    pub(super) fn requests(&mut self) -> Option<&mut Requests> {
        self.requests.as_mut()
    }

    /// The sequence number of the next byte that is of interest to them; `None` where none are followed, or
    /// no more will be found.
    pub(super) fn followed(&self) -> Option<u32> {
        self.requests.as_ref().filter(|requests| !requests.is_over()).and(self.next)
    }

    /// The next byte, after what of the bytes from `next` on is of no interest.
    fn skip_body(&mut self, next: u32) {
        let Some(requests) = &mut self.requests else { return };
        let skipped = u32::try_from(requests.to_skip()).unwrap_or(u32::MAX).min(ANY_WINDOW);
        requests.skip(skipped.into());
        self.next = Some(next.wrapping_add(skipped));
    }

    /// A segment of which only the beginning is there, where requests are followed.
    pub(super) fn take_cut(
        &mut self,
        piece: Piece,
        missing: u32,
        room: usize,
        findings: &mut Findings,
    ) {
        let behind = piece.segment.behind();
        self.take(piece, room, findings, &mut |_| {});
        let (Some(requests), Some(next)) = (&mut self.requests, self.next) else { return };
        let end = behind.wrapping_add(missing);
        // What is missing may be of a body.
        if !is_after(behind, next) && is_after(end, next) {
            requests.skip(end.wrapping_sub(next).into());
            self.skip_body(end);
        }
    }

    /// Goes on behind a hole that has not been filled for long: it went by unseen.
    fn pass_over_hole(&mut self) {
        let Some(first) = self.early.first().filter(|_| self.early.len() > MOST_EARLY) else {
            return;
        };
        if let (Some(requests), Some(next)) = (&mut self.requests, self.next) {
            requests.skip(first.wrapping_sub(next).into());
            self.next = Some(first);
        }
    }

    fn next_piece(&mut self, findings: &mut Findings) -> Option<Piece> {
        let next = self.next?;
        let reaches = |it: &Segment| !is_after(it.first(), next) && is_after(it.behind(), next);
        if let Some(piece) = self.early.take(reaches) {
            return Some(piece);
        }
        let acknowledged = self.acknowledged.filter(|&it| is_after(it, next))?;
        let within = |it: &Segment| reaches(it) && !is_after(it.behind(), acknowledged);
        let proven = self.doubtful.take_best(within, acknowledged, self.sender.is_compared);
        if let Some((piece, might_be_another)) = proven {
            if might_be_another {
                findings.insert(Finding::Ambiguous);
            }
            self.sender.proves(&piece.segment, piece.checksum);
            self.skips(&piece.segment, findings);
            return Some(piece);
        }
        // The other end has what is missing here: it went by unseen.
        let first = self.early.first().filter(|&first| !is_after(first, acknowledged))?;
        self.message.pass_over(first.wrapping_sub(next));
        self.next = Some(first);
        self.early.take(|it| it.first() == first)
    }

    /// Reads what is new of a piece that reaches what is next.
    fn deliver(&mut self, piece: &Piece, room: usize, findings: &mut Findings, read: Read) {
        let (segment, next) = (piece.segment, self.next.unwrap_or(piece.segment.first()));
        let cut = next.wrapping_sub(segment.first()) as usize;
        let bytes = &segment.bytes(&piece.packet)[cut..];
        self.next = Some(segment.behind());
        let in_line = self.in_line(next, bytes);
        if let Some(requests) = &mut self.requests {
            requests.take(&in_line, findings);
            return self.skip_body(segment.behind());
        }
        self.copy(next, bytes);
        let room = room.saturating_sub(self.copied.len());
        self.message.next((&piece.packet, &segment), (next, &in_line), room, findings, read);
        if in_line.len() < bytes.len() {
            self.message.skipped();
        }
    }

    /// What of the bytes from `next` on is read in line: not the urgent one.
    fn in_line<'b>(&mut self, next: u32, bytes: &'b [u8]) -> Cow<'b, [u8]> {
        let place = self.urgent.map(|at| at.wrapping_sub(next) as usize);
        let Some(at) = place.filter(|&at| at < bytes.len()) else { return bytes.into() };
        self.urgent = None;
        [&bytes[..at], &bytes[at + 1..]].concat().into()
    }

    /// Keeps what of the bytes from `next` on is to be compared with later copies.
    fn copy(&mut self, next: u32, bytes: &[u8]) {
        if next.wrapping_sub(self.copied_from) as usize == self.copied.len() {
            let length = bytes.len().min(COPIED.saturating_sub(self.copied.len()));
            self.copied.extend_from_slice(&bytes[..length]);
        }
    }

    /// Compares bytes that were read before with another copy of them.
    fn compare(&self, piece: &Piece, findings: &mut Findings) {
        if self.is_another_copy(piece) {
            findings.insert(Finding::Ambiguous);
        }
        // There are no bytes before the first: a receiver cuts them off, and others may read them.
        if is_after(self.copied_from, piece.segment.first()) && !self.keeps_alive(&piece.segment) {
            findings.insert(Finding::FakeSegment);
        }
    }

    fn is_another_copy(&self, piece: &Piece) -> bool {
        let (segment, bytes) = (piece.segment, piece.segment.bytes(&piece.packet));
        !self.keeps_alive(&segment)
            && differ_at(self.copied_from, &self.copied, segment.first(), bytes)
    }

    /// One byte before what is next keeps a connection alive, whatever it is (RFC 9293, section 3.8.4).
    fn keeps_alive(&self, segment: &Segment) -> bool {
        segment.len() == 1 && self.next == Some(segment.behind())
    }

    /// Drops what is behind all that was read.
    fn discard_old(&mut self, findings: &mut Findings) {
        let Some(next) = self.next else { return };
        let is_old = |piece: &Piece| !is_after(piece.segment.behind(), next);
        if self.doubtful.iter().any(|it| is_old(it) && self.is_another_copy(it)) {
            findings.insert(Finding::FakeSegment);
        }
        self.doubtful.discard(is_old);
        self.early.discard(is_old);
    }

    /// Keeps no more than there is room for: what is furthest ahead goes.
    fn bound(&mut self, room: usize, findings: &mut Findings) {
        while self.kept() > room {
            findings.insert(Finding::Oversize);
            if self.doubtful.take_last().or_else(|| self.early.take_last()).is_none() {
                self.copied = Vec::new();
                if self.kept() > room {
                    self.message.forget_requests();
                }
                return;
            }
        }
    }
}
