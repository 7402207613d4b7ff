//! One datagram, as its receiver puts it together.
//!
//! The receiver is modelled on Linux (`inet_frag_queue_insert`, `ip_frag_queue`): what lies within what is there is a
//! copy and not read; what overlaps it otherwise discards the datagram (RFC 5722, which Linux heeds for IPv4 too), and so
//! does an end that contradicts another.

use super::piece::Piece;
use crate::ipv4_header;
use crate::resegment::set_ip_length;

/// The most bytes that are kept of a datagram; of a longer one nDPI sees the beginning.
pub(super) const MOST_KEPT: usize = 4 << 10;
/// So many parts without anything between are in no honest datagram, however it is reordered.
const MOST_PARTS: usize = 64;

/// The fragments of a datagram that have come so far.
#[derive(Debug, Default)]
pub(super) struct Datagram {
    /// The headers, once the first fragment is there.
    header: Option<Vec<u8>>,
    /// The first [`MOST_KEPT`] bytes, zeros where none have come.
    bytes: Vec<u8>,
    /// What has come, in order, with something missing between each two.
    parts: Vec<(usize, usize)>,
    /// Its length, once the last fragment is there.
    len: Option<usize>,
}

/// What a fragment made of its datagram.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Added {
    /// More is missing.
    Waits,
    /// It is whole.
    Whole,
    /// It brought nothing new.
    Copy,
    /// It had the same bytes again, and they differ.
    DifferingCopy,
    /// It overlaps what is there: the datagram is discarded.
    Overlap,
    /// It contradicts what is there, or is one part too many: the datagram is discarded.
    Contradiction,
}

impl Datagram {
    /// Adds a fragment.
    pub(super) fn add(&mut self, piece: &Piece) -> Added {
        if self.contradicts(piece) {
            return Added::Contradiction;
        }
        let at = self.parts.partition_point(|part| part.1 < piece.start);
        if let Some(&(start, end)) = self.parts.get(at) {
            if start <= piece.start && piece.end <= end {
                return if self.has(piece) { Added::Copy } else { Added::DifferingCopy };
            }
            // The next one too: it may end where this begins, and reach into the one behind.
            let mut touched = self.parts[at..].iter().take_while(|part| part.0 < piece.end);
            if touched.any(|part| part.1 > piece.start) {
                return Added::Overlap;
            }
        }
        if self.parts.len() >= MOST_PARTS {
            return Added::Contradiction;
        }
        if !piece.more {
            self.len = Some(piece.end);
        }
        if piece.is_first() {
            self.header = Some(piece.whole_header());
        }
        self.keep(piece);
        self.join(at, piece);
        if self.is_whole() { Added::Whole } else { Added::Waits }
    }

    /// Whether a fragment says another end than is known, or lies behind it.
    fn contradicts(&self, piece: &Piece) -> bool {
        let furthest = self.parts.last().map_or(0, |part| part.1);
        match self.len {
            Some(len) => piece.end > len || !piece.more && piece.end < len,
            None => !piece.more && piece.end < furthest,
        }
    }

    /// Whether the bytes of a fragment are those that are kept, as far as they are.
    fn has(&self, piece: &Piece) -> bool {
        let kept = self.bytes.get(piece.start..).unwrap_or_default();
        kept.iter().zip(piece.bytes).all(|(one, other)| one == other)
    }

    fn keep(&mut self, piece: &Piece) {
        let end = (piece.start + piece.bytes.len()).min(MOST_KEPT);
        if let Some(len) = end.checked_sub(piece.start) {
            self.bytes.resize(self.bytes.len().max(end), 0);
            self.bytes[piece.start..end].copy_from_slice(&piece.bytes[..len]);
        }
    }

    /// Notes what has come; `at` is the first part that does not end before it.
    fn join(&mut self, at: usize, piece: &Piece) {
        let start = match self.parts.get(at) {
            Some(before) if before.1 == piece.start => self.parts.remove(at).0,
            _ => piece.start,
        };
        // What is cut in the sample never becomes whole.
        let end = piece.start + piece.bytes.len();
        let is_all_there = end == piece.end;
        let end = match self.parts.get(at) {
            Some(behind) if is_all_there && behind.0 == end => self.parts.remove(at).1,
            _ => end,
        };
        self.parts.insert(at, (start, end));
    }

    fn is_whole(&self) -> bool {
        self.len.is_some_and(|len| self.parts == [(0, len)]) && self.header.is_some()
    }

    /// Whether more was sent of it than is kept.
    pub(super) fn is_cut(&self) -> bool {
        self.parts.last().is_some_and(|part| part.1 > MOST_KEPT)
    }

    /// The datagram as a packet that is none of fragments, as far as its beginning has come; `None` where that has not.
    pub(super) fn packet(&self) -> Option<Vec<u8>> {
        let header = self.header.as_ref()?;
        let end = self.parts.first().filter(|part| part.0 == 0)?.1.min(self.bytes.len());
        let mut packet = [header, &self.bytes[..end]].concat();
        let length = packet.len();
        set_ip_length(&mut packet, length);
        ipv4_header::make(&mut packet);
        Some(packet)
    }

    /// How many bytes it keeps.
    #[cfg(test)]
    pub(super) fn kept(&self) -> usize {
        self.bytes.len()
    }
}
