//! The receiver of a flow's packets, by what carries them.

use ndpi_common::parse::proto;
use ndpi_common::{Direction, SequenceNumbers};
use ndpi_labels::Findings;

use super::quic::Connection;
use super::step::Step;
use super::stream::Stream;
use crate::sample::Sample;

/// Whether a packet may open a QUIC connection: then it says what no later one does.
pub fn may_open_quic(sample: &Sample) -> bool {
    sample.key.proto() == proto::UDP && Connection::may_begin(sample)
}

/// What is known of the receiver of a flow until the flow is decided.
#[derive(Debug)]
pub enum Receiver {
    /// Of a TCP stream.
    Tcp(Box<Stream>),
    /// Of a QUIC connection.
    Quic(Box<Connection>),
}

impl Receiver {
    /// Of the flow of which `sample` is a packet; `None` where packets are read as they come, at least until
    /// this one. Whether some were is `was_read`.
    pub fn of(proto: u8, sample: &Sample, was_read: bool) -> Option<Self> {
        match proto {
            proto::TCP => Some(Self::Tcp(Box::default())),
            proto::UDP if Connection::may_begin(sample) => {
                Some(Self::Quic(Box::new(Connection::new(was_read))))
            }
            _ => None,
        }
    }

    /// Takes a packet and calls `read` with what the receiver reads next, in that order; keeps up to `room`
    /// bytes. What cannot be judged is read as it is.
    pub fn packet(
        &mut self,
        sample: &Sample,
        room: usize,
        findings: &mut Findings,
        mut read: impl FnMut(Step),
    ) {
        match self {
            Self::Tcp(stream) => {
                if stream.begins_late_with(sample) {
                    read(Step::Restart);
                }
                stream.packet(sample, room, findings, |l3| read(Step::Packet(l3)));
            }
            Self::Quic(connection) => connection.packet(sample, room, findings, read),
        }
    }

    /// Whether something waits that the kernel may have seen acknowledged meanwhile.
    pub fn awaits_acknowledgement(&self) -> bool {
        matches!(self, Self::Tcp(stream) if stream.awaits_acknowledgement())
    }

    /// Reads what waits, as far as the kernel has seen it acknowledged; keeps up to `room` bytes.
    pub fn acknowledged(
        &mut self,
        numbers: &SequenceNumbers,
        room: usize,
        findings: &mut Findings,
        mut read: impl FnMut(Step),
    ) {
        if let Self::Tcp(stream) = self {
            stream.acknowledged(numbers, room, findings, |l3| read(Step::Packet(l3)));
        }
    }

    /// Whether a client's hello is there, and its server's answer is not.
    pub fn awaits_answer(&self) -> bool {
        matches!(self, Self::Quic(connection) if connection.awaits_answer())
    }

    /// Whether a client has begun to say something by which its flow is judged, and it is not whole.
    pub fn is_unfinished(&self) -> bool {
        matches!(self, Self::Tcp(stream) if stream.is_unfinished())
    }

    /// The name that the client asks for, where nDPI keeps only the end of it.
    pub fn long_name(&self) -> Option<&str> {
        match self {
            Self::Tcp(stream) => stream.long_name(),
            Self::Quic(connection) => connection.long_name(),
        }
    }

    /// Whether a packet was cut that may have named the server.
    pub fn is_cut(&self) -> bool {
        matches!(self, Self::Tcp(stream) if stream.is_cut())
    }

    /// Whether the client has said all that nDPI can know it by, and no answer tells nDPI more.
    pub fn is_said(&self) -> bool {
        matches!(self, Self::Tcp(stream) if stream.is_said())
    }

    /// Which way the packets of the client go, if what it says proves that it is one, whoever was seen first.
    pub fn client(&self) -> Option<Direction> {
        match self {
            Self::Tcp(stream) => stream.client(),
            Self::Quic(connection) => connection.client(),
        }
    }

    /// Whether a packet was seen that opens the connection; `None` where that is not known, or not any more.
    pub fn opening_seen(&self) -> Option<bool> {
        match self {
            Self::Tcp(_) => None,
            Self::Quic(connection) => connection.opening_seen(),
        }
    }

    /// Reads nothing but requests from here on, see `Stream::follow_requests`.
    pub fn follow_requests(&mut self, client: Direction, findings: &mut Findings) {
        if let Self::Tcp(stream) = self {
            stream.follow_requests(client, findings);
        }
    }

    /// What is followed, see `Stream::followed`.
    pub fn followed(&self) -> Option<(Direction, u32)> {
        match self {
            Self::Tcp(stream) => stream.followed(),
            Self::Quic(_) => None,
        }
    }

    /// The hosts that requests asked for since the last call.
    pub fn requested_hosts(&mut self) -> Vec<Box<str>> {
        match self {
            Self::Tcp(stream) => stream.requested_hosts(),
            Self::Quic(_) => Vec::new(),
        }
    }

    /// How many bytes it keeps.
    pub fn kept(&self) -> usize {
        match self {
            Self::Tcp(stream) => stream.kept(),
            Self::Quic(connection) => connection.kept(),
        }
    }

    /// Nothing more is shown, as at the end of a budget: what can be read of what was kept is read.
    pub fn release(&mut self, findings: &mut Findings, mut read: impl FnMut(Step)) {
        match self {
            Self::Tcp(stream) => stream.release(findings, |l3| read(Step::Packet(l3))),
            Self::Quic(connection) => connection.release(findings, read),
        }
    }

    /// The flow is over: all that was kept is read, and where nothing was, what nobody would have read.
    pub fn release_all(&mut self, findings: &mut Findings, mut read: impl FnMut(Step)) {
        match self {
            Self::Tcp(stream) => stream.release_all(findings, |l3| read(Step::Packet(l3))),
            Self::Quic(connection) => connection.release(findings, read),
        }
    }
}
