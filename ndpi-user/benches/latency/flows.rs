//! New flows at full speed, each with what decides it.

use std::error::Error;
use std::io;
use std::thread;
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use testkit::checksum::checksum;
use testkit::frame::{ACK, Talk, V4};
use testkit::interface;

use crate::clients::ALLOWED;
use crate::flood::Socket;
use crate::hello::client_hello;
use crate::place::{FAR_LINK, FAR_MAC, NEAR_LINK, NEAR_MAC, Place};
use crate::program::{Parts, Program, Said};
use crate::report::without_room;

/// What flows consist of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    /// A TCP handshake, the hello of a TLS client, and the first of what a server answers.
    Tls,
    /// A question about a name, and its answer.
    Dns,
}

/// What came out.
struct Figures {
    /// Flows that were sent, and those of them that were decided, a second.
    sent: f64,
    decided: f64,
    /// The last record.
    stopped: Value,
    /// Processors that the program kept busy.
    cpus: f64,
}

/// Room for all flows of a measurement.
const TABLES: [&str; 2] = ["--max-flows", "1048576"];

/// The server, which is no host of these namespaces: nobody answers but the bench.
const SERVER: [u8; 4] = [198, 18, 77, 1];

/// The beginning of a server's hello (RFC 8446, sections 4.1.3 and 5.1).
const ANSWER: [u8; 11] = [22, 3, 3, 0, 122, 2, 0, 0, 118, 3, 3];

type Failure = Box<dyn Error + Send + Sync>;

/// Measures both kinds with so many workers each, for so many seconds, with more options.
pub(crate) fn run(
    parts: Parts<'_>,
    place: &Place,
    (workers, seconds): (&[u32], u32),
    more: &[String],
    json: bool,
) -> Result<(), Box<dyn Error>> {
    let lasts = Duration::from_secs(seconds.into());
    for kind in [Kind::Tls, Kind::Dns] {
        for &workers in workers {
            let figures = measure(parts, place, (kind, workers, more), lasts)?;
            print(kind, workers, &figures, json);
        }
    }
    Ok(())
}

fn measure(
    parts: Parts<'_>,
    place: &Place,
    (kind, workers, more): (Kind, u32, &[String]),
    lasts: Duration,
) -> Result<Figures, Box<dyn Error>> {
    let mut options = TABLES.map(str::to_owned).to_vec();
    options.extend(["--workers".to_owned(), workers.to_string()]);
    options.extend_from_slice(more);
    let program = Program::start(parts, place, &options)?;
    let (began, busy) = (Instant::now(), program.busy()?);
    let flows = thread::scope(|scope| {
        let sent = scope.spawn(|| send(place, kind, lasts)).join();
        sent.map_err(|_| "the sender panicked")?.map_err(|error| error.to_string())
    })?;
    let lasted = began.elapsed().as_secs_f64();
    let busy = program.busy()?.saturating_sub(busy);
    let Said { stopped, .. } = program.end()?;
    let decided = stopped["time_to_verdict"]["all"]["count"].as_u64().unwrap_or(0);
    Ok(Figures {
        sent: f64::from(flows) / lasted,
        decided: decided as f64 / lasted,
        stopped,
        cpus: busy.as_secs_f64() / lasted,
    })
}

/// Sends flows one after the other from the last CPU; returns how many.
fn send(place: &Place, kind: Kind, lasts: Duration) -> Result<u32, Failure> {
    let far = place.far.inside(|| socket(FAR_LINK, true))??;
    // Through the queueing discipline, and so the programs at egress.
    let near = place.near.inside(|| socket(NEAR_LINK, false))??;
    testkit::cpu::stay_on_last()?;
    let (mut packets, began, mut flows) = (packets(kind), Instant::now(), 0_u32);
    while began.elapsed() < lasts {
        flows += 1;
        for packet in &mut packets {
            packet.set_client(flows);
            if packet.is_out { &far } else { &near }.send(&packet.frame)?;
        }
    }
    Ok(flows)
}

fn socket(link: &str, bypasses: bool) -> Result<Socket, io::Error> {
    let index = interface::index(link)?.try_into().map_err(io::Error::other)?;
    Socket::open(index, bypasses)
}

/// A packet of each flow, of which only the client differs.
struct Packet {
    is_out: bool,
    frame: Vec<u8>,
    /// The checksums of both headers without the client.
    sums: [u16; 2],
    /// Where that of the transport header is.
    sum_at: usize,
}

/// Where IP and the transport header begin in a frame.
const IP: usize = 14;
const TRANSPORT: usize = IP + 20;
/// Where the client's port is on the way out and back, in its header.
const PORTS: [usize; 2] = [TRANSPORT, TRANSPORT + 2];
/// The same of its address.
const ADDRESSES: [usize; 2] = [IP + 12, IP + 16];

impl Packet {
    fn new(is_out: bool, mut frame: Vec<u8>) -> Self {
        let macs = if is_out { [NEAR_MAC, FAR_MAC] } else { [FAR_MAC, NEAR_MAC] };
        frame[..12].copy_from_slice(macs.as_flattened());
        let (client, server) = (usize::from(!is_out), usize::from(is_out));
        frame[ADDRESSES[client]..][..4].fill(0);
        frame[ADDRESSES[server]..][..4].copy_from_slice(&SERVER);
        frame[PORTS[client]..][..2].fill(0);
        let is_tcp = frame[IP + 9] == 6;
        let length = u16::try_from(frame.len() - TRANSPORT).unwrap_or_default();
        // RFC 9293, section 3.1, and RFC 768.
        let pseudo = [&[0, frame[IP + 9]][..], &length.to_be_bytes(), &frame[IP + 12..]].concat();
        let sums = [checksum(&frame[IP..TRANSPORT]), checksum(&pseudo)];
        Self { is_out, frame, sums, sum_at: TRANSPORT + if is_tcp { 16 } else { 6 } }
    }

    /// Makes it one of the flow of this number.
    fn set_client(&mut self, number: u32) {
        let [_, high, middle, low] = number.to_be_bytes();
        let (address, port) = ([198, 19, high, middle], [0x80 | low >> 1, low << 7 | high]);
        let client = usize::from(!self.is_out);
        self.frame[ADDRESSES[client]..][..4].copy_from_slice(&address);
        self.frame[PORTS[client]..][..2].copy_from_slice(&port);
        let words = [[address[0], address[1]], [address[2], address[3]], port];
        let [ip, transport] = self.sums;
        self.set_sum(IP + 10, ip, &words[..2]);
        self.set_sum(self.sum_at, transport, &words);
    }

    /// Writes a checksum that covers these words too (RFC 1624).
    fn set_sum(&mut self, at: usize, without: u16, words: &[[u8; 2]]) {
        let added: u32 = words.iter().map(|word| u32::from(u16::from_be_bytes(*word))).sum();
        let sum = u32::from(!without) + added;
        let folded = (sum & 0xffff) + (sum >> 16);
        let sum = !u16::try_from((folded & 0xffff) + (folded >> 16)).unwrap_or_default();
        self.frame[at..at + 2].copy_from_slice(&sum.to_be_bytes());
    }
}

/// The packets of a flow, in their order.
fn packets(kind: Kind) -> Vec<Packet> {
    const SYN: u8 = 2;
    let packet = |is_out, talk: Talk, flags, numbers, data: &[u8]| {
        let frame = match kind {
            Kind::Tls => talk.segment(is_out, flags, numbers, data),
            Kind::Dns => talk.ip(is_out, &talk.transport(is_out, 0, data)),
        };
        Packet::new(is_out, frame)
    };
    let hello = client_hello(ALLOWED);
    match kind {
        Kind::Tls => vec![
            packet(true, V4, SYN, [1, 0], b""),
            packet(false, V4, SYN | ACK, [1, 2], b""),
            packet(true, V4, ACK, [2, 2], &hello),
            packet(false, V4, ACK, [2, 2 + u32::try_from(hello.len()).unwrap_or(0)], &ANSWER),
        ],
        Kind::Dns => {
            let talk = Talk { server_port: 53, ..V4 }.udp();
            [(true, question()), (false, answer())]
                .map(|(is_out, data)| packet(is_out, talk, 0, [0, 0], &data))
                .into()
        }
    }
}

/// A question for the address of a host (RFC 1035, section 4.1).
fn question() -> Vec<u8> {
    let header = [0x12, 0x34, 1, 0, 0, 1, 0, 0, 0, 0, 0, 0];
    [&header[..], b"\x03www\x07example\x03net\x00\x00\x01\x00\x01"].concat()
}

/// Its answer.
fn answer() -> Vec<u8> {
    let mut message = question();
    (message[2], message[3], message[7]) = (0x81, 0x80, 1);
    message.extend([0xc0, 12, 0, 1, 0, 1, 0, 0, 0, 60, 0, 4, 198, 18, 77, 2]);
    message
}

fn print(kind: Kind, workers: u32, figures: &Figures, json: bool) {
    let Figures { sent, decided, stopped, cpus } = figures;
    let count = |field: &str| stopped[field].as_u64().unwrap_or(0);
    let without_room = without_room(stopped);
    let flows = match kind {
        Kind::Tls => "TLS hello",
        Kind::Dns => "DNS",
    };
    if json {
        let line = json!({
            "flows": flows, "workers": workers, "sent_per_second": sent.round(),
            "decided_per_second": decided.round(), "left_out": count("left_out"),
            "without_room": without_room, "program_cpus": cpus,
        });
        println!("{line}");
    } else {
        println!(
            "{flows:<10} {workers} workers: {sent:>8.0} flows/s sent, {decided:>8.0} decided; packets not given \
             to nDPI: {} left out, {without_room} without room; {cpus:.2} CPUs",
            count("left_out")
        );
    }
}
