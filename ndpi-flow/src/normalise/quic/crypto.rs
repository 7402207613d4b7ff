//! The bytes of a TLS handshake in the frames of QUIC packets (RFC 9000, section 19.6).

use ndpi_labels::{Finding, Findings};

use super::super::checksum::Checksum;
use super::header::Reader;

const PADDING: usize = 0;
const PING: usize = 1;
const ACK: usize = 2;
const ACK_ECN: usize = 3;
const CRYPTO: usize = CRYPTO_FRAME as usize;
const CRYPTO_FRAME: u8 = 6;
/// The TLS message of a client that opens a connection (RFC 8446, section 4).
const CLIENT_HELLO: u8 = 1;

/// How likely a datagram is to have reached its receiver, to be compared with others of its sender.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Rank {
    pub(super) checksum: Checksum,
    pub(super) ttl: u8,
}

/// Some of the bytes.
#[derive(Debug)]
struct Range {
    first: usize,
    bytes: Vec<u8>,
    rank: Rank,
}

impl Range {
    fn behind(&self) -> usize {
        self.first + self.bytes.len()
    }

    fn overlaps(&self, first: usize, behind: usize) -> bool {
        self.first < behind && first < self.behind()
    }

    /// Whether both have a byte at the same place that differs.
    fn differs(&self, first: usize, bytes: &[u8]) -> bool {
        let start = self.first.max(first);
        let (a, b) = (self.bytes.get(start - self.first..), bytes.get(start - first..));
        a.unwrap_or_default().iter().zip(b.unwrap_or_default()).any(|(a, b)| a != b)
    }
}

/// What is there of the bytes, in order and without overlaps.
#[derive(Debug, Default)]
pub(super) struct Crypto(Vec<Range>);

impl Crypto {
    /// Takes what is in a packet. Of bytes that differ, those count that are likelier to have arrived, then those
    /// that came first.
    pub(super) fn take(&mut self, content: &[u8], rank: Rank, findings: &mut Findings) {
        for (first, bytes) in frames(content) {
            self.insert(first, bytes, rank, findings);
        }
    }

    fn insert(&mut self, first: usize, bytes: &[u8], rank: Rank, findings: &mut Findings) {
        let contradicted = |it: &Range| it.differs(first, bytes);
        for other in self.0.iter().filter(|it| contradicted(it)) {
            findings.extend(why(rank, other.rank).iter());
        }
        self.0.retain(|it| !(it.rank < rank && contradicted(it)));
        let (mut at, behind) = (first, first + bytes.len());
        let mut missing = Vec::new();
        for it in self.0.iter().filter(|it| it.overlaps(first, behind)) {
            missing.push((at, it.first.max(at)));
            at = it.behind().max(at);
        }
        missing.push((at, behind.max(at)));
        for (from, to) in missing.into_iter().filter(|(from, to)| from < to) {
            let bytes = bytes[from - first..to - first].to_vec();
            let index = self.0.partition_point(|it| it.first < from);
            self.0.insert(index, Range { first: from, bytes, rank });
        }
    }

    /// Whether bytes of it are others in another.
    pub(super) fn differs(&self, other: &Self) -> bool {
        self.0.iter().any(|a| other.0.iter().any(|b| a.differs(b.first, &b.bytes)))
    }

    /// Whether the whole of a hello is there, or something else.
    pub(super) fn is_whole(&self) -> bool {
        let start = self.start();
        whole(&start).is_some() || start.first().is_some_and(|&kind| kind != CLIENT_HELLO)
    }

    /// The bytes from the first to the first that is missing.
    pub(super) fn start(&self) -> Vec<u8> {
        let mut start = Vec::new();
        for range in &self.0 {
            if range.first != start.len() {
                break;
            }
            start.extend_from_slice(&range.bytes);
        }
        start
    }

    /// Frames with all that is there: one, if nothing is missing.
    pub(super) fn to_frames(&self) -> Vec<u8> {
        let start = self.start();
        if let Some(hello) = whole(&start) {
            return frame(0, hello);
        }
        let behind = start.len();
        let rest = self.0.iter().filter(|it| it.first >= behind);
        let rest = rest.map(|it| (it.first, &it.bytes));
        let mut frames = Vec::new();
        let start = Some((0, &start)).filter(|(_, start)| !start.is_empty());
        for (first, bytes) in start.into_iter().chain(rest) {
            frames.extend(frame(first, bytes));
        }
        frames
    }

    /// How many bytes it keeps.
    pub(super) fn kept(&self) -> usize {
        self.0.iter().map(|it| it.bytes.len() + size_of::<Range>()).sum()
    }
}

/// A client's hello, if it is whole, of the bytes that begin with it.
fn whole(start: &[u8]) -> Option<&[u8]> {
    match start.first_chunk() {
        Some(&[CLIENT_HELLO, a, b, c]) => {
            start.get(..4 + u32::from_be_bytes([0, a, b, c]) as usize)
        }
        _ => None,
    }
}

/// A frame with bytes that begin at `first`.
fn frame(first: usize, bytes: &[u8]) -> Vec<u8> {
    [&[CRYPTO_FRAME][..], &variable(first), &variable(bytes.len()), bytes].concat()
}

/// Why of two datagrams whose bytes differ one is not believed.
fn why(rank: Rank, other: Rank) -> Findings {
    if rank == other {
        return Finding::Ambiguous.into();
    }
    let checksum = (rank.checksum != other.checksum).then_some(Finding::BadChecksum);
    let ttl = (rank.ttl != other.ttl).then_some(Finding::TtlAnomaly);
    checksum.into_iter().chain(ttl).chain([Finding::FakeSegment]).collect()
}

/// A number as QUIC writes it, in four bytes.
pub(super) fn variable(number: usize) -> [u8; 4] {
    (u32::try_from(number).unwrap_or(u32::MAX) & 0x3fff_ffff | 0x8000_0000).to_be_bytes()
}

/// Where the bytes of each frame begin, and the bytes. Behind a frame that no Initial has, nothing is read
/// (RFC 9000, section 12.4).
fn frames(content: &[u8]) -> Vec<(usize, &[u8])> {
    let mut reader = Reader { bytes: content, at: 0 };
    let mut frames = Vec::new();
    while let Some(frame) = next_frame(&mut reader) {
        frames.extend(frame);
    }
    frames
}

#[expect(clippy::option_option, reason = "the end of the frames, and a frame of another kind")]
fn next_frame<'a>(reader: &mut Reader<'a>) -> Option<Option<(usize, &'a [u8])>> {
    match reader.variable()? {
        PADDING | PING => Some(None),
        kind @ (ACK | ACK_ECN) => {
            let [_largest, _delay, ranges, _first] =
                [reader.variable()?, reader.variable()?, reader.variable()?, reader.variable()?];
            let counts = if kind == ACK_ECN { 3 } else { 0 };
            for _ in 0..ranges.checked_mul(2)?.checked_add(counts)? {
                reader.variable()?;
            }
            Some(None)
        }
        CRYPTO => {
            let (first, length) = (reader.variable()?, reader.variable()?);
            first.checked_add(length)?;
            Some(Some((first, reader.take(length)?)))
        }
        _ => None,
    }
}
