//! Extension headers of IPv6 before the first words of a connection, between real kernels: what these read is decided.

use std::io::{Read as _, Write as _};
use std::net::{Ipv6Addr, SocketAddrV6, TcpListener, TcpStream};
use std::time::Duration;

use socket2::{Domain, Protocol, Socket, Type};
use testkit::checksum::checksum;
use testkit::pair::{FAR_V6, NEAR_V6, Pair};
use testkit::program::PROGRAMS;
use testkit::tcp::{Connection, Segment};
use testkit::tls::{answer, hello};

use crate::client::{TTL, numbers};
use crate::ready;

const BLOCKED: &str = "www.facebook.com";
const ALLOWED: &str = "www.example.com";
const PATIENCE: Duration = Duration::from_secs(10);
const TCP: u8 = 6;

/// Headers before that of TCP, each with its number (RFC 8200, section 4), and where what follows is cut into fragments.
type Headers = &'static [(u8, &'static [u8])];

/// Nothing but padding, of eight bytes in all.
const PADDING: &[u8] = &[0, 0, 1, 4, 0, 0, 0, 0];
/// A fragment that is all of its datagram (RFC 6946).
const ATOMIC: &[u8] = &[0, 0, 0, 0, 0, 0, 0, 9];

const WAYS: [(&str, Headers); 5] = [
    ("hop-by-hop options", &[(0, PADDING)]),
    ("destination options", &[(60, PADDING)]),
    ("both", &[(0, PADDING), (60, PADDING)]),
    ("a fragment header", &[(44, ATOMIC)]),
    ("all three", &[(0, PADDING), (44, ATOMIC), (60, PADDING)]),
];

/// The TCP segment in IPv6, behind these headers.
fn packet(segment: &Segment, ends: [Ipv6Addr; 2], headers: Headers) -> Vec<u8> {
    let mut tcp = segment.l3()[20..].to_vec();
    tcp[16..18].fill(0);
    let ends = ends.map(|it| it.octets()).concat();
    let length = u32::try_from(tcp.len()).unwrap();
    let sum = checksum(&[&ends[..], &length.to_be_bytes(), &[0, 0, 0, TCP], &tcp].concat());
    tcp[16..18].copy_from_slice(&sum.to_be_bytes());
    let mut rest = Vec::new();
    let numbers = headers.iter().map(|it| it.0).skip(1).chain([TCP]);
    for ((_, header), next) in headers.iter().zip(numbers) {
        rest.push(next);
        rest.extend_from_slice(&header[1..]);
    }
    rest.extend(tcp);
    let length = u16::try_from(rest.len()).unwrap().to_be_bytes();
    let first = headers.first().map_or(TCP, |it| it.0);
    [&[0x60, 0, 0, 0][..], &length, &[first, TTL], &ends, &rest].concat()
}

#[test]
fn a_hello_behind_extension_headers_is_decided_as_the_receiver_reads_it() {
    if !ready(&PROGRAMS) {
        return;
    }
    let pair = Pair::new();
    pair.add_v6();
    let rule = "[[rule]]\nname = \"the rule\"\napp = \"Facebook\"\naction = \"drop\"\n";
    let policy = pair.sandbox.file("policy.toml", rule);
    let run = format!("run --iface left --json --policy {}", policy.display());
    let instance = pair.sandbox.start(&run);
    let listener = pair.near(|| TcpListener::bind((NEAR_V6, 443)).unwrap());
    let ends = [FAR_V6, NEAR_V6].map(|it| it.parse::<Ipv6Addr>().unwrap());
    let raw =
        pair.far(|| Socket::new(Domain::IPV6, Type::RAW, Some(Protocol::from(libc::IPPROTO_RAW))));
    let raw = raw.unwrap();
    for (what, headers) in WAYS {
        for name in [BLOCKED, ALLOWED] {
            let client = pair.far(|| TcpStream::connect((NEAR_V6, 443)).unwrap());
            let (mut server, from) = listener.accept().unwrap();
            server.set_read_timeout(Some(PATIENCE)).unwrap();
            let [sent, received] = numbers(&client).unwrap();
            let connection = Connection {
                client: sent.wrapping_sub(1),
                server: received.wrapping_sub(1),
                ..Connection::new(from.port(), 443)
            };
            let packet = packet(&connection.data(0, &hello(name)), ends, headers);
            raw.send_to(&packet, &SocketAddrV6::new(ends[1], 0, 0, 0).into()).unwrap();
            let mut read = vec![0; hello(name).len()];
            server.read_exact(&mut read).unwrap();
            assert_eq!(read, hello(name), "{what}: a real receiver reads it");
            let _ = server.write_all(&answer());
            let verdict =
                instance.wait_for(|it| it["type"] == "verdict" && it["sport"] == from.port());
            assert_eq!(verdict["action"] == "drop", name == BLOCKED, "{what}: {verdict:#}");
            assert_eq!(verdict["hostname"], name, "{what}: {verdict:#}");
        }
    }
}
