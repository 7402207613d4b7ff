//! The capture that the documents use: a morning in an office.

use etherparse::{PacketBuilder, PacketBuilderStep, TcpHeader, TcpOptionElement, ip_number};

/// Frames with their times, in microseconds since the Unix epoch.
pub(crate) type Frames = Vec<(u64, Vec<u8>)>;

/// After so many frames the verdict of a flow stands: the flow's application. Whoever sends the frames
/// waits for it, so that neither the order of verdicts nor what they count depends on the machine.
pub(crate) const DECIDED: [(usize, &str); 4] =
    [(2, "DNS"), (7, "Facebook"), (20, "HTTP"), (21, "NTP")];

/// 2026-11-23, 09:00 UTC: a Monday.
const START: u64 = 1_795_424_400_000_000;

/// Of a SYN, as Linux has them; without, nDPI takes the sender for malware.
const OPTIONS: [TcpOptionElement; 5] = [
    TcpOptionElement::MaximumSegmentSize(1460),
    TcpOptionElement::SelectiveAcknowledgementPermitted,
    TcpOptionElement::Timestamp(1, 0),
    TcpOptionElement::Noop,
    TcpOptionElement::WindowScale(7),
];

/// A connection or conversation, seen from its client.
#[derive(Clone, Copy)]
struct Ends {
    client: ([u8; 4], u16),
    server: ([u8; 4], u16),
}

/// Who sends a packet.
#[derive(Clone, Copy, PartialEq, Eq)]
enum From {
    Client,
    Server,
}

/// A name is looked up; then TLS to Facebook, HTTP to a plain site, and the time.
pub(crate) fn office() -> Frames {
    let dns = Ends { client: ([198, 18, 1, 10], 40_001), server: ([198, 18, 0, 53], 53) };
    let to = |port, host, service| Ends {
        client: ([198, 18, 1, 10], port),
        server: ([198, 18, 2, host], service),
    };
    let flows = [
        lookup(dns, "www.facebook.com", [198, 18, 2, 1]),
        tls(to(40_002, 1, 443), "www.facebook.com"),
        http(to(40_003, 2, 80), "www.example.com"),
        time(to(40_004, 3, 123)),
    ];
    let packets = flows.into_iter().flatten();
    (0u64..).zip(packets).map(|(number, frame)| (START + number * 12_500, frame)).collect()
}

/// A pcap file of Ethernet frames.
pub(crate) fn pcap(frames: &Frames) -> Vec<u8> {
    let words = |words: [u32; 6]| words.map(u32::to_le_bytes).concat();
    let mut file = words([0xa1b2_c3d4, 4 << 16 | 2, 0, 0, 65_535, 1]);
    for (time, frame) in frames {
        let length = u32::try_from(frame.len()).unwrap();
        let seconds = u32::try_from(time / 1_000_000).unwrap();
        let micros = u32::try_from(time % 1_000_000).unwrap();
        file.extend([seconds, micros, length, length].map(u32::to_le_bytes).concat());
        file.extend(frame);
    }
    file
}

fn lookup(ends: Ends, name: &str, address: [u8; 4]) -> Vec<Vec<u8>> {
    let labels = name
        .split('.')
        .flat_map(|label| [&[u8::try_from(label.len()).unwrap()], label.as_bytes()].concat());
    let question: Vec<u8> = labels.chain([0, 0, 1, 0, 1]).collect();
    let query = [&[7, 7, 1, 0, 0, 1, 0, 0, 0, 0, 0, 0][..], &question].concat();
    let record = [&[0xc0, 12, 0, 1, 0, 1, 0, 0, 1, 44, 0, 4][..], &address].concat();
    let answer = [&[7, 7, 0x81, 0x80, 0, 1, 0, 1, 0, 0, 0, 0][..], &question, &record].concat();
    vec![ends.udp(From::Client, &query), ends.udp(From::Server, &answer)]
}

fn tls(ends: Ends, name: &str) -> Vec<Vec<u8>> {
    let data = [23, 3, 3, 0, 64];
    let answer = [&data[..], &[7; 64]].concat();
    let said = [
        (From::Client, client_hello(name)),
        (From::Server, [&[22, 3, 3, 0, 64][..], &[2; 64]].concat()),
        (From::Client, answer.clone()),
        (From::Server, answer.clone()),
        (From::Client, answer.clone()),
        (From::Server, answer),
    ];
    ends.tcp(&said)
}

fn http(ends: Ends, host: &str) -> Vec<Vec<u8>> {
    let request = format!("GET / HTTP/1.1\r\nHost: {host}\r\nUser-Agent: docs/1\r\n\r\n");
    let answer = "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: 6\r\n\r\nhello\n";
    ends.tcp(&[(From::Client, request.into_bytes()), (From::Server, answer.into())])
}

/// NTP (RFC 5905, section 7.3): a client's packet and the server's.
fn time(ends: Ends) -> Vec<Vec<u8>> {
    let packet = |mode: u8| [&[4 << 3 | mode, 2, 6, 0xec][..], &[9; 44]].concat();
    vec![ends.udp(From::Client, &packet(3)), ends.udp(From::Server, &packet(4))]
}

/// A TLS client hello (RFC 8446, section 4.1.2) with a server name (RFC 6066, section 3) and ALPN
/// (RFC 7301).
fn client_hello(name: &str) -> Vec<u8> {
    let name = counted(2, &[&[0], &counted(2, name.as_bytes())[..]].concat());
    let protocols = counted(2, &counted(1, b"h2"));
    let extensions = [&[0, 0][..], &counted(2, &name), &[0, 16], &counted(2, &protocols)].concat();
    let suites = counted(2, &[0x13, 1, 0x13, 2, 0xc0, 0x2f]);
    let body = [&[3, 3], &[7; 32][..], &[0], &suites, &[1, 0], &counted(2, &extensions)].concat();
    let handshake = [&[1], &counted(3, &body)[..]].concat();
    [&[22, 3, 1], &counted(2, &handshake)[..]].concat()
}

/// `bytes` behind their length, a number of so many bytes.
fn counted(width: usize, bytes: &[u8]) -> Vec<u8> {
    [&bytes.len().to_be_bytes()[size_of::<usize>() - width..], bytes].concat()
}

impl Ends {
    fn packet(self, from: From) -> (PacketBuilderStep<etherparse::IpHeaders>, [u16; 2]) {
        let (source, destination) = match from {
            From::Client => (self.client, self.server),
            From::Server => (self.server, self.client),
        };
        let mac = |last| [2, 0, 0, 0, 0, last];
        let builder = match from {
            From::Client => PacketBuilder::ethernet2(mac(1), mac(2)),
            From::Server => PacketBuilder::ethernet2(mac(2), mac(1)),
        };
        (builder.ipv4(source.0, destination.0, 64), [source.1, destination.1])
    }

    fn udp(self, from: From, payload: &[u8]) -> Vec<u8> {
        let (packet, [source, destination]) = self.packet(from);
        let mut frame = Vec::new();
        packet.udp(source, destination).write(&mut frame, payload).unwrap();
        frame
    }

    /// A connection: the handshake, what is said, and FIN from both sides.
    fn tcp(self, said: &[(From, Vec<u8>)]) -> Vec<Vec<u8>> {
        let mut next = [1000, 5000];
        let mut frames = vec![
            self.segment(From::Client, &mut next, |header| header.syn = true, &[]),
            self.segment(
                From::Server,
                &mut next,
                |header| (header.syn, header.ack) = (true, true),
                &[],
            ),
            self.segment(From::Client, &mut next, |header| header.ack = true, &[]),
        ];
        for (from, payload) in said {
            let push = |header: &mut TcpHeader| (header.ack, header.psh) = (true, true);
            frames.push(self.segment(*from, &mut next, push, payload));
        }
        for from in [From::Client, From::Server] {
            let end = |header: &mut TcpHeader| (header.ack, header.fin) = (true, true);
            frames.push(self.segment(from, &mut next, end, &[]));
        }
        frames
    }

    /// A segment with the next sequence numbers of both sides, which it moves on.
    fn segment(
        self,
        from: From,
        next: &mut [u32; 2],
        flags: impl FnOnce(&mut TcpHeader),
        payload: &[u8],
    ) -> Vec<u8> {
        let (packet, [source, destination]) = self.packet(from);
        let (own, other) = if from == From::Client { (0, 1) } else { (1, 0) };
        let mut header = TcpHeader::new(source, destination, next[own], 64_240);
        flags(&mut header);
        if header.syn {
            header.set_options(&OPTIONS).unwrap();
        }
        header.acknowledgment_number = if header.ack { next[other] } else { 0 };
        next[own] += u32::try_from(payload.len()).unwrap() + u32::from(header.syn || header.fin);
        let mut frame = Vec::new();
        packet.tcp_header(header).write(&mut frame, payload).unwrap();
        frame
    }
}

#[test]
fn the_capture_is_of_a_monday() {
    let frames = office();
    assert!(frames.len() > 20 && frames.is_sorted_by_key(|(time, _)| *time));
    let start = jiff::Timestamp::from_microsecond(START.cast_signed()).unwrap();
    assert_eq!(start.to_string(), "2026-11-23T09:00:00Z");
    assert_eq!(frames[0].1[23], ip_number::UDP.0);
}
