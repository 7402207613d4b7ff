//! Segments that wait, in the order in which Linux reads them.

use super::checksum::Checksum;
use super::merit::Merit;
use super::segment::Segment;

/// A segment that waits: for what is missing before it, or for an acknowledgement.
#[derive(Debug)]
pub(super) struct Piece {
    /// The packet that it is in.
    pub(super) packet: Box<[u8]>,
    /// Where its parts are.
    pub(super) segment: Segment,
    /// What its checksum says, if it says anything.
    pub(super) checksum: Option<Checksum>,
    /// It acknowledges what was not seen of the other end.
    pub(super) is_ahead: bool,
}

impl Piece {
    /// The sequence numbers of its payload: of its first byte, and behind its last.
    fn range(&self) -> (u32, u32) {
        (self.segment.first(), self.segment.behind())
    }

    fn merit(&self, compares_timestamps: bool) -> Merit {
        let what = (&self.segment, self.checksum);
        Merit::of(&self.packet, what, compares_timestamps, self.is_ahead)
    }
}

/// Pieces of one direction, by their sequence numbers.
#[derive(Debug, Default)]
pub(super) struct Pieces(Vec<Piece>);

impl Pieces {
    /// Keeps a piece that came early, as Linux does (`tcp_data_queue_ofo`): one that is there already is
    /// not kept, those that it covers go; where two overlap in part, the one that begins first is read.
    /// True where bytes of one were to be read in place of other bytes.
    pub(super) fn insert(&mut self, piece: Piece) -> bool {
        let (first, behind) = piece.range();
        let differs = self.0.iter().any(|other| differ(other, &piece));
        let is_there =
            |it: &Piece| !is_after(it.segment.first(), first) && !is_after(behind, it.range().1);
        if self.0.iter().any(is_there) {
            return differs;
        }
        self.0.retain(|it| is_after(first, it.segment.first()) || is_after(it.range().1, behind));
        let at = self.0.iter().position(|it| is_after(it.segment.first(), first));
        self.0.insert(at.unwrap_or(self.0.len()), piece);
        differs
    }

    /// Keeps a piece beside all others, in the order they came.
    pub(super) fn push(&mut self, piece: Piece) {
        self.0.push(piece);
    }

    /// Takes the first for which `is_it` holds.
    pub(super) fn take(&mut self, is_it: impl Fn(&Segment) -> bool) -> Option<Piece> {
        let at = self.0.iter().position(|it| is_it(&it.segment))?;
        Some(self.0.remove(at))
    }

    /// Of those for which `may_be` holds, takes the one that has likeliest arrived, of equals the one that ends at
    /// `end`, or else the first. True with it where another one might have in its place.
    pub(super) fn take_best(
        &mut self,
        may_be: impl Fn(&Segment) -> bool,
        end: u32,
        compares_timestamps: bool,
    ) -> Option<(Piece, bool)> {
        let all = self.0.iter().enumerate().filter(|(_, it)| may_be(&it.segment));
        let all: Vec<_> = all.map(|(at, it)| (at, it, it.merit(compares_timestamps))).collect();
        let best = all.iter().copied().reduce(|best, it| {
            let is_exact = |piece: &Piece| piece.segment.behind() == end;
            let is_as_good = !best.2.is_better_than(it.2);
            let is_taken =
                it.2.is_better_than(best.2) || is_as_good && is_exact(it.1) && !is_exact(best.1);
            if is_taken { it } else { best }
        });
        let (at, piece, merit) = best?;
        let might_be = all.iter().any(|(_, other, others)| {
            differ(piece, other) && !merit.is_beyond_doubt_against(*others)
        });
        Some((self.0.remove(at), might_be))
    }

    /// Takes the one furthest ahead.
    pub(super) fn take_last(&mut self) -> Option<Piece> {
        self.0.pop()
    }

    /// Where the first begins.
    pub(super) fn first(&self) -> Option<u32> {
        self.0.first().map(|it| it.segment.first())
    }

    /// Where the one ends that goes furthest.
    pub(super) fn behind(&self) -> Option<u32> {
        let ends = self.0.iter().map(|it| it.segment.behind());
        ends.reduce(|a, b| if is_after(a, b) { a } else { b })
    }

    /// All pieces.
    pub(super) fn iter(&self) -> impl Iterator<Item = &Piece> {
        self.0.iter()
    }

    /// Drops those for which `is_over` holds.
    pub(super) fn discard(&mut self, is_over: impl Fn(&Piece) -> bool) {
        self.0.retain(|it| !is_over(it));
    }

    /// How many there are.
    pub(super) fn len(&self) -> usize {
        self.0.len()
    }

    /// How many bytes of packets they are.
    pub(super) fn kept(&self) -> usize {
        self.0.iter().map(|it| it.packet.len()).sum()
    }
}

/// Whether sequence number `a` is after `b` (RFC 9293, section 3.4).
pub(super) fn is_after(a: u32, b: u32) -> bool {
    a.wrapping_sub(b).cast_signed() > 0
}

/// Whether the bytes that both have differ.
fn differ(one: &Piece, other: &Piece) -> bool {
    let (a, b) = (one.segment.bytes(&one.packet), other.segment.bytes(&other.packet));
    differ_at(one.segment.first(), a, other.segment.first(), b)
}

/// Whether bytes that begin at two sequence numbers differ where they overlap.
pub(super) fn differ_at(first_a: u32, a: &[u8], first_b: u32, b: &[u8]) -> bool {
    let distance = first_b.wrapping_sub(first_a).cast_signed();
    let skipped = distance.unsigned_abs() as usize;
    let (a, b) = if distance >= 0 {
        (a.get(skipped..).unwrap_or_default(), b)
    } else {
        (a, b.get(skipped..).unwrap_or_default())
    };
    a.iter().zip(b).any(|(a, b)| a != b)
}
