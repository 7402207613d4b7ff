//! Connections of which somebody sends more than their servers read.

mod openings;
mod property;
mod vectors;

use ndpi_common::{Direction, KeyV4};
use ndpi_labels::{Finding, Findings};

use super::connection::Connection;
use super::crypto::{Crypto, variable};
use super::header::{Packet, packets};
use super::keys::{End, Keys, TAG, first_byte};
use super::version::{Kind, Version};
use crate::key::FlowKey;
use crate::normalise::step::Step;
use crate::normalise::stream::MOST_KEPT;
use crate::sample::Sample;

/// The identifier that the client chooses for its server, the client's own, and the server's own.
const ORIGINAL: &[u8] = &[0x11; 8];
const CLIENT: &[u8] = &[0x22; 5];
const SERVER: &[u8] = &[0x33; 8];
const HEADERS: usize = 28;
const TTL: u8 = 60;

/// A flow, and what is read of it.
#[derive(Default)]
struct Flow {
    connection: Connection,
    findings: Findings,
    read: Vec<Vec<u8>>,
    restarts: usize,
}

impl Flow {
    fn client(&mut self, datagram: &[u8]) {
        self.send(true, TTL, datagram);
    }

    fn server(&mut self, datagram: &[u8]) {
        self.send(false, 50, datagram);
    }

    fn send(&mut self, from_client: bool, ttl: u8, datagram: &[u8]) {
        let direction = if from_client { Direction::FromLower } else { Direction::FromUpper };
        let l3 = udp(ttl, datagram);
        let key = KeyV4::new(([198, 18, 0, 2], 1), ([198, 18, 0, 1], 2), 0, 17).0;
        let sample = Sample::new(FlowKey::V4(key), direction, 0, &l3);
        let (read, restarts) = (&mut self.read, &mut self.restarts);
        let note = |step: Step<'_>| match step {
            Step::Packet(l3) => read.push(l3.to_vec()),
            Step::Restart => *restarts += 1,
        };
        self.connection.packet(&sample, MOST_KEPT, &mut self.findings, note);
        assert!(self.connection.kept() <= MOST_KEPT);
    }

    fn release(&mut self) {
        let read = &mut self.read;
        self.connection.release(&mut self.findings, |step| {
            if let Step::Packet(l3) = step {
                read.push(l3.to_vec());
            }
        });
    }

    /// The hellos in the packets that were read.
    fn hellos(&self) -> Vec<Vec<u8>> {
        self.read.iter().filter_map(|l3| hello_in(l3)).collect()
    }
}

/// The hello in a packet, as nDPI finds it there: by the identifier that is in it.
fn hello_in(l3: &[u8]) -> Option<Vec<u8>> {
    let packets = packets(&l3[HEADERS..]);
    let initial = packets.first().filter(|first| first.kind == Kind::Initial)?;
    let content = Keys::of(initial.version, initial.to, End::Client).open(initial)?.1;
    let length = u16::from_be_bytes([l3[2], l3[3]]);
    assert_eq!(usize::from(length), l3.len());
    let frame = content.strip_prefix(&[6, 0x80, 0, 0, 0])?;
    let length = u32::from_be_bytes(*frame.first_chunk()?) & 0x3fff_ffff;
    Some(frame[4..4 + length as usize].to_vec())
}

/// An IPv4 packet with a datagram, without a checksum.
fn udp(ttl: u8, payload: &[u8]) -> Vec<u8> {
    let number = |length: usize| u16::try_from(length).unwrap().to_be_bytes();
    let [total, length] = [number(HEADERS + payload.len()), number(8 + payload.len())];
    let ip =
        [&[0x45, 0][..], &total, &[0, 0, 0, 0, ttl, 17, 0, 0], &[198, 18, 0, 2, 198, 18, 0, 1]];
    let udp = [&[0x9c, 0x40, 1, 0xbb][..], &length, &[0, 0], payload];
    [ip.concat(), udp.concat()].concat()
}

/// A client's hello, as far as it is looked at here.
fn hello(fill: u8, length: u8) -> Vec<u8> {
    [&[1, 0, 0, length], &vec![fill; usize::from(length)][..]].concat()
}

/// A frame with these bytes of the handshake.
fn crypto(at: usize, bytes: &[u8]) -> Vec<u8> {
    [&[6], &variable(at)[..], &variable(bytes.len()), bytes].concat()
}

/// An Initial with this content, of the connection to `original`.
fn initial(end: End, original: &[u8], [to, from]: [&[u8]; 2], content: &[u8]) -> Vec<u8> {
    initial_of(Version::One, end, original, [to, from], content)
}

fn initial_of(
    version: Version,
    end: End,
    original: &[u8],
    ids: [&[u8]; 2],
    content: &[u8],
) -> Vec<u8> {
    let mut header = [&[first_byte(version)][..], &version.number().to_be_bytes()].concat();
    for id in ids {
        header.push(u8::try_from(id.len()).unwrap());
        header.extend_from_slice(id);
    }
    header.push(0);
    let mut content = content.to_vec();
    content.resize(content.len().max(40), 0);
    header.extend(variable(4 + content.len() + TAG));
    Keys::of(version, original, end).seal(&header, &content)
}

/// A client's Initial to `original`.
fn opening(original: &[u8], content: &[u8]) -> Vec<u8> {
    initial(End::Client, original, [original, CLIENT], content)
}

/// What the server answers to it.
fn answer(original: &[u8]) -> Vec<u8> {
    initial(End::Server, original, [CLIENT, SERVER], &[2, 0, 0, 0, 0])
}

/// The packets that a client opens a connection with, and that its server answers with.
pub(crate) fn initials() -> [Vec<u8>; 2] {
    [opening(ORIGINAL, &crypto(0, &hello(1, 200))), answer(ORIGINAL)]
}
