//! The sender of one direction, and why its segments are doubted.

use ndpi_common::parse::tcp;
use ndpi_labels::{Finding, Findings};

use super::checksum::Checksum;
use super::options::TcpOptions;
use super::piece::is_after;
use super::segment::Segment;

/// What a sender's segments have shown.
#[derive(Debug, Default)]
pub(super) struct Sender {
    /// The best checksum.
    checksum: Option<Checksum>,
    /// The largest time to live: what came with less may not reach as far.
    ttl: u8,
    /// How long the IP header of its first SYN was, with those that extend it. Many routers and receivers discard what
    /// has more (RFC 7126, RFC 9098).
    header: Option<usize>,
    /// It has accepted the connection. Another machine may have done so for it, at another distance; and
    /// who hides from a filter is the one that opens a connection.
    accepted: bool,
    /// The timestamp that others are compared with, if its SYN had one (RFC 7323, section 3.2).
    timestamp: Option<u32>,
    /// Its SYN was signed.
    signed: bool,
    /// The last segment of the other end had a timestamp, which it has only where both compare them (RFC 7323,
    /// section 3.2).
    pub(super) is_compared: bool,
}

impl Sender {
    /// Why the other end may not read a segment, though it fits. None of these is certain: networks
    /// change the time to live, and hardware makes checksums.
    pub(super) fn doubts(
        &self,
        segment: &Segment,
        options: &TcpOptions,
        checksum: Option<Checksum>,
        receiver: &Self,
    ) -> Findings {
        let mut doubts = Findings::default();
        if self.checksum.zip(checksum).is_some_and(|(best, this)| this < best) {
            doubts.insert(Finding::BadChecksum);
        }
        if segment.ttl < self.ttl && !self.accepted {
            doubts.insert(Finding::TtlAnomaly);
        }
        let is_old = |last: u32| options.timestamp.is_some_and(|it| is_after(last, it));
        // Where the answer to the SYN was not seen, the receiver may use them.
        let uses_them = receiver.timestamp.is_some() || !receiver.accepted;
        let are_compared = uses_them && self.timestamp.is_some_and(is_old);
        let is_extended = self.header.is_some_and(|usual| segment.l4 > usual);
        if are_compared || is_extended || options.signed && !self.signed {
            doubts.insert(Finding::FakeSegment);
        }
        doubts
    }

    /// Learns from a SYN.
    pub(super) fn opens(&mut self, segment: &Segment, options: &TcpOptions) {
        self.timestamp = options.timestamp.or(self.timestamp);
        self.signed |= options.signed;
        self.accepted |= segment.has(tcp::ACK);
        self.header = self.header.or(Some(segment.l4));
        self.ttl = self.ttl.max(segment.ttl);
    }

    /// Learns from a segment that was not doubted; from its timestamp only where it is next: the one that a
    /// receiver compares with later ones is of what it acknowledges then (RFC 7323, section 4.3).
    pub(super) fn reads(
        &mut self,
        segment: &Segment,
        options: &TcpOptions,
        checksum: Option<Checksum>,
        is_next: bool,
    ) {
        self.checksum = self.checksum.max(checksum);
        if segment.has(tcp::SYN) {
            return self.opens(segment, options);
        }
        let newer = |last: &mut u32| {
            options.timestamp.filter(|&timestamp| is_next && is_after(timestamp, *last))
        };
        if let Some(last) = &mut self.timestamp
            && let Some(timestamp) = newer(last)
        {
            *last = timestamp;
        }
    }

    /// Learns from a doubted segment that the other end has acknowledged.
    pub(super) fn proves(&mut self, segment: &Segment, checksum: Option<Checksum>) {
        self.checksum = checksum.or(self.checksum).min(self.checksum);
        self.ttl = if self.ttl == 0 { segment.ttl } else { self.ttl.min(segment.ttl) };
    }
}
