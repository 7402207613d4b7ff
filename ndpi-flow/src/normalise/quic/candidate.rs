//! A connection that a client may have opened.

use ndpi_common::Direction;
use ndpi_labels::{Finding, Findings};

use super::crypto::{Crypto, Rank, variable};
use super::datagram::{Datagram, with_payload};
use super::header::Packet;
use super::keys::{End, Keys, TAG, first_byte, is_retry_to};
use super::version::{Kind, Version};
use crate::normalise::message::long_server_name;

/// A datagram with an Initial has at least this payload (RFC 9000, section 14.1).
const SMALLEST_DATAGRAM: usize = 1200;
const PING: u8 = 1;

/// A connection that a client may have opened.
#[derive(Debug)]
pub(super) struct Candidate {
    pub(super) sender: Direction,
    /// The version of its first Initial; the server may go on in another (RFC 9368).
    version: Version,
    /// The identifier that the keys follow from.
    original: Box<[u8]>,
    /// The client's own.
    client_id: Box<[u8]>,
    /// The server's own, which the client uses once it knows it.
    pub(super) server_id: Option<Box<[u8]>>,
    /// The IP and UDP headers of its first Initial.
    headers: Box<[u8]>,
    crypto: Crypto,
    rank: Rank,
    /// The server has asked for another hello, to another identifier.
    is_retried: bool,
}

impl Candidate {
    pub(super) fn new(sender: Direction, datagram: &Datagram, initial: &Packet) -> Self {
        Self {
            sender,
            version: initial.version,
            original: initial.to.into(),
            client_id: initial.from.into(),
            server_id: None,
            headers: datagram.headers.into(),
            crypto: Crypto::default(),
            rank: datagram.rank(),
            is_retried: false,
        }
    }

    /// What is in an Initial of its client, if it is one.
    pub(super) fn open(&self, sender: Direction, packet: &Packet) -> Option<Vec<u8>> {
        let is_to = packet.to == &*self.original || self.server_id.as_deref() == Some(packet.to);
        if sender != self.sender || !is_to {
            return None;
        }
        let keys = Keys::of(packet.version, &self.original, End::Client);
        Some(keys.open(packet)?.1)
    }

    /// Takes what was in an Initial.
    pub(super) fn take(&mut self, content: &[u8], rank: Rank, findings: &mut Findings) {
        if std::mem::take(&mut self.is_retried) {
            self.crypto = Crypto::default();
        }
        self.rank = self.rank.max(rank);
        self.crypto.take(content, rank, findings);
    }

    /// Whether its server has sent a packet: nobody else knows the identifier.
    pub(super) fn is_answered_by(&self, sender: Direction, packet: &Packet) -> bool {
        sender != self.sender
            && match packet.kind {
                Kind::Initial => {
                    Keys::of(packet.version, &self.original, End::Server).open(packet).is_some()
                }
                Kind::Retry => is_retry_to(packet, &self.original),
                Kind::Other => false,
            }
    }

    /// Takes its server's answer.
    pub(super) fn answered(&mut self, packet: &Packet) {
        if packet.kind == Kind::Retry {
            self.original = packet.from.into();
            self.is_retried = true;
        } else {
            self.server_id = Some(packet.from.into());
        }
    }

    /// What there is to say of it when its server has answered another.
    pub(super) fn contradicts(&self, other: &Self) -> Findings {
        if !self.crypto.differs(&other.crypto) {
            return Findings::NONE;
        }
        let mut findings = Findings::from(Finding::FakeSegment);
        if self.rank.ttl < other.rank.ttl {
            findings.insert(Finding::TtlAnomaly);
        }
        if self.rank.checksum < other.rank.checksum {
            findings.insert(Finding::BadChecksum);
        }
        findings
    }

    /// How likely it is to have reached its server.
    pub(super) fn rank(&self) -> Rank {
        self.rank
    }

    /// Whether the hello is there as a whole.
    pub(super) fn is_whole(&self) -> bool {
        !self.is_retried && self.crypto.is_whole()
    }

    /// The name in its hello, where nDPI keeps only the end of it.
    pub(super) fn long_name(&self) -> Option<Box<str>> {
        long_server_name(&self.crypto.start())
    }

    /// One packet with all that is there of the hello.
    pub(super) fn packet(&self) -> Vec<u8> {
        let keys = Keys::of(self.version, &self.original, End::Client);
        let mut header = vec![first_byte(self.version)];
        header.extend(self.version.number().to_be_bytes());
        for id in [&self.original, &self.client_id] {
            header.push(u8::try_from(id.len()).unwrap_or(0));
            header.extend_from_slice(id);
        }
        // No token.
        header.push(0);
        let mut content = self.crypto.to_frames();
        if content.is_empty() {
            content.push(PING);
        }
        let (length, number) = (4, 4);
        let around = header.len() + length + number + TAG;
        content.resize(content.len().max(SMALLEST_DATAGRAM.saturating_sub(around)), 0);
        header.extend(variable(number + content.len() + TAG));
        with_payload(&self.headers, &keys.seal(&header, &content))
    }

    /// Forgets its hello.
    pub(super) fn forget(&mut self) {
        self.crypto = Crypto::default();
    }

    /// How many bytes it keeps.
    pub(super) fn kept(&self) -> usize {
        let ids = [Some(&self.original), Some(&self.client_id), self.server_id.as_ref()];
        let ids: usize = ids.into_iter().flatten().map(|id| id.len()).sum();
        size_of::<Self>() + self.headers.len() + ids + self.crypto.kept()
    }
}
