//! Streams of a few bytes, sent in every way.

mod left_out;
mod property;
mod segments;

use std::cell::RefCell;

use ndpi_common::{Direction, KeyV4, SequenceNumbers};
use ndpi_labels::{Finding, Findings};
use testkit::tcp::{self, Segment, flags};

use super::checksum::Checksum;
use super::segment::Reading;
use super::stream::{MOST_KEPT, Stream};
use crate::key::FlowKey;
use crate::sample::Sample;

/// Whose segments are sent.
const CONNECTION: tcp::Connection = tcp::Connection::new(40_000, 443);
/// How far away both ends are.
const TTL: u8 = 60;

/// A connection, and what is read of its client.
struct Connection {
    stream: Stream,
    findings: Findings,
    /// Packets of its with payload: how far from the first byte each begins, and the payload.
    read: RefCell<Vec<(usize, Vec<u8>)>>,
}

impl Connection {
    fn new() -> Self {
        Self { stream: Stream::default(), findings: Findings::NONE, read: RefCell::default() }
    }

    /// After a handshake.
    fn open() -> Self {
        let mut connection = Self::new();
        for segment in CONNECTION.handshake() {
            connection.send(&segment);
        }
        connection
    }

    fn send(&mut self, segment: &Segment) {
        self.send_l3(segment.from_client, &segment.l3());
    }

    fn send_l3(&mut self, from_client: bool, l3: &[u8]) {
        self.send_with(from_client, l3, SequenceNumbers::UNKNOWN);
    }

    /// The same, with what the kernel knows of the connection.
    fn send_with(&mut self, from_client: bool, l3: &[u8], sequence: SequenceNumbers) {
        let direction = if from_client { Direction::FromLower } else { Direction::FromUpper };
        let key = KeyV4::new(([198, 18, 0, 2], 1), ([198, 18, 0, 1], 2), 0, 6).0;
        let sample = Sample { sequence, ..Sample::new(FlowKey::V4(key), direction, 0, l3) };
        let read = &self.read;
        self.stream.packet(&sample, MOST_KEPT, &mut self.findings, |l3| note(read, l3));
    }

    /// The bytes that were read of the client.
    fn read(&self) -> Vec<u8> {
        self.packets().concat()
    }

    /// The payload of each packet.
    fn packets(&self) -> Vec<Vec<u8>> {
        self.read.borrow().iter().map(|(_, payload)| payload.clone()).collect()
    }

    /// Where each packet begins.
    fn places(&self) -> Vec<usize> {
        self.read.borrow().iter().map(|(at, _)| *at).collect()
    }

    fn release(&mut self) {
        let read = &self.read;
        self.stream.release(&mut self.findings, |l3| note(read, l3));
    }

    fn release_all(&mut self) {
        let read = &self.read;
        self.stream.release_all(&mut self.findings, |l3| note(read, l3));
    }

    fn found(&self) -> Vec<&'static str> {
        self.findings.iter().map(Finding::name).collect()
    }
}

fn note(read: &RefCell<Vec<(usize, Vec<u8>)>>, l3: &[u8]) {
    if let Reading::Segment(segment) = Reading::of(l3)
        && l3[15] == 2
        && segment.len() > 0
    {
        let at = segment.first().wrapping_sub(CONNECTION.client).wrapping_sub(1);
        read.borrow_mut().push((at as usize, segment.bytes(l3).to_vec()));
    }
}

/// What is read of the client's segments after a handshake, and found in them.
fn after_handshake(segments: &[Segment]) -> (Vec<u8>, Vec<&'static str>) {
    let mut connection = Connection::open();
    for segment in segments {
        connection.send(segment);
    }
    (connection.read(), connection.found())
}
