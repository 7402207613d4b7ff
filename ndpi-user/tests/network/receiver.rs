//! The streams that we read, held against those that the kernel of a receiver reads.

use std::io::{ErrorKind, Read as _};
use std::net::{TcpListener, TcpStream};

use ndpi_common::KeyV4;
use ndpi_flow::{Finding, Findings, FlowKey, Receiver, Sample, Step};
use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};
use testkit::pair::{NEAR, Pair};
use testkit::tcp::{Connection, Segment, flags};

use crate::client::{Client, TTL};
use crate::ready;

/// No message that would be waited for.
const TEXT: &[u8] = b"\xffthe bytes that arrive at the server in the end, in their order";
/// Another text in the same place.
const OTHER: &[u8] = b"\xffANOTHER COPY OF WHAT THE CLIENT SAYS IN THE SAME PLACE OF IT ALL.";
/// How many bytes may be kept of a flow.
const ROOM: usize = 8 << 10;
const SCHEDULES: u32 = 1000;

/// A segment: where it begins and ends, whether it has the other text, and what is odd about it.
#[derive(Clone, Copy, Debug)]
struct Sent {
    from: usize,
    to: usize,
    is_other: bool,
    oddity: Oddity,
    /// The server's acknowledgement of what it has read is seen behind it.
    is_acknowledged: bool,
}

#[derive(Clone, Copy, Debug)]
enum Oddity {
    None,
    BadChecksum,
    NoFlags,
    FarAway,
    AcknowledgesUnsent,
    Signed,
    Syn,
    Reset,
    /// It begins before the first byte.
    Early,
    /// With a timestamp so much later than that of the handshake.
    Stamped(i32),
}

impl Sent {
    fn segment(self, connection: Connection, stamp: u32) -> Segment {
        let text = if self.is_other { OTHER } else { TEXT };
        let at = i32::try_from(self.from).unwrap();
        let sent = Segment { ttl: TTL, ..connection.data(at, &text[self.from..self.to]) };
        match self.oddity {
            Oddity::None => sent,
            Oddity::BadChecksum => Segment { damage: 7, ..sent },
            Oddity::NoFlags => Segment { flags: 0, ..sent },
            Oddity::FarAway => Segment { sequence: sent.sequence.wrapping_add(1 << 28), ..sent },
            Oddity::AcknowledgesUnsent => {
                Segment { acknowledged: connection.server.wrapping_add(1 << 29), ..sent }
            }
            Oddity::Signed => {
                Segment { options: [&[19, 18][..], &[0; 16], &[1, 1]].concat(), ..sent }
            }
            Oddity::Early => {
                let junk = [b"junk", &text[..self.to]].concat();
                Segment { ttl: TTL, ..connection.data(-4, &junk) }
            }
            Oddity::Stamped(later) => {
                Segment { options: stamped(stamp.wrapping_add_signed(later)), ..sent }
            }
            Oddity::Syn => Segment { flags: flags::SYN | flags::ACK, ..sent },
            // Behind all that is sent: one at what is next would end the connection.
            Oddity::Reset => {
                let behind = connection.data(i32::try_from(TEXT.len()).unwrap() + 9, b"");
                Segment { flags: flags::RST | flags::ACK, ttl: TTL, ..behind }
            }
        }
    }
}

/// The option with a timestamp (RFC 7323, section 3.2).
fn stamped(value: u32) -> Vec<u8> {
    [&[1, 1, 8, 10][..], &value.to_be_bytes(), &[0; 4]].concat()
}

fn sent() -> impl Strategy<Value = Sent> {
    let oddity = prop_oneof![
        8 => Just(Oddity::None),
        1 => Just(Oddity::BadChecksum),
        1 => Just(Oddity::NoFlags),
        1 => Just(Oddity::FarAway),
        1 => Just(Oddity::AcknowledgesUnsent),
        1 => Just(Oddity::Signed),
        1 => Just(Oddity::Syn),
        1 => Just(Oddity::Reset),
        1 => Just(Oddity::Early),
        2 => prop_oneof![Just(0), Just(-100_000), Just(20)].prop_map(Oddity::Stamped),
    ];
    (0..TEXT.len(), 1..30_usize, prop::bool::weighted(0.1), oddity, any::<bool>()).prop_map(
        |(from, length, is_other, oddity, is_acknowledged)| {
            let to = (from + length).min(TEXT.len());
            Sent { from, to, is_other, oddity, is_acknowledged }
        },
    )
}

/// What we read of a client.
struct Reading {
    receiver: Receiver,
    findings: Findings,
    bytes: Vec<u8>,
}

impl Reading {
    /// After a handshake with timestamps.
    fn of(connection: Connection, stamp: u32) -> Self {
        let options = stamped(stamp);
        let [first, others @ ..] = connection.handshake().map(|it| {
            let options = options.clone();
            Segment { ttl: TTL, options, ..it }
        });
        let l3 = first.l3();
        let receiver = Receiver::of(6, &sample(&first, &l3), false).expect("one for TCP");
        let mut reading = Self { receiver, findings: Findings::NONE, bytes: Vec::new() };
        reading.takes(&first);
        for segment in &others {
            reading.takes(segment);
        }
        reading
    }

    fn takes(&mut self, segment: &Segment) {
        let l3 = segment.l3();
        let (client, bytes) = (segment.addresses[0].octets(), &mut self.bytes);
        self.receiver.packet(&sample(segment, &l3), ROOM, &mut self.findings, |step| {
            let Step::Packet(l3) = step else { panic!("streams do not begin again") };
            if l3[12..16] == client {
                let headers = 20 + usize::from(l3[32] >> 4) * 4;
                bytes.extend_from_slice(&l3[headers..]);
            }
        });
    }
}

fn sample<'a>(segment: &Segment, l3: &'a [u8]) -> Sample<'a> {
    let end = |side: usize| (segment.addresses[side].octets(), segment.ports[side]);
    let (from, to) = if segment.from_client { (0, 1) } else { (1, 0) };
    let (key, direction) = KeyV4::new(end(from), end(to), 0, 6);
    Sample::new(FlowKey::V4(key), direction, 0, l3)
}

/// All that has arrived: on a veth, what is not discarded has by the time it is sent.
fn arrived(server: &mut TcpStream, bytes: &mut Vec<u8>) {
    match server.read_to_end(bytes) {
        Ok(_) => {}
        Err(error) => assert_eq!(error.kind(), ErrorKind::WouldBlock, "{error}"),
    }
}

#[test]
fn what_is_read_of_a_stream_is_what_the_kernel_of_its_receiver_reads() {
    if !ready(&[]) {
        return;
    }
    let pair = Pair::new();
    let listener = pair.near(|| TcpListener::bind((NEAR, 443)).unwrap());
    let config = Config { cases: SCHEDULES, failure_persistence: None, ..Config::default() };
    let schedules = prop::collection::vec(sent(), 1..16);
    let outcome = TestRunner::new(config).run(&schedules, |schedule| {
        let client = pair.far(|| Client::connect(443));
        let (mut server, _) = listener.accept().unwrap();
        server.set_nonblocking(true).unwrap();
        let (mut reading, mut read) = (Reading::of(client.connection, client.stamp), Vec::new());
        for sent in schedule {
            let segment = sent.segment(client.connection, client.stamp);
            client.inject(&segment);
            arrived(&mut server, &mut read);
            reading.takes(&segment);
            if sent.is_acknowledged {
                let answer = client.connection.answer(read.len(), b"");
                reading.takes(&Segment { ttl: TTL, ..answer });
            }
            // Of early copies that differ, the kernel reads the one that it could join with others.
            if reading.findings.contains(Finding::Ambiguous) {
                break;
            }
            let [ours, its] = [&reading.bytes, &read].map(|it| String::from_utf8_lossy(it));
            prop_assert_eq!(ours, its, "after {:?}; found: {}", sent, reading.findings);
        }
        Ok(())
    });
    outcome.unwrap_or_else(|error| panic!("{error}"));
}
