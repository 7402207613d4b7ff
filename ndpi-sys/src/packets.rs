//! Hand-made packets for the self-test, and for the tests of the crates above.

use std::net::SocketAddrV4;

const TCP: u8 = 6;
const UDP: u8 = 17;

/// TCP flags: SYN.
pub const SYN: u8 = 0x02;
/// TCP flags: ACK.
pub const ACK: u8 = 0x10;
/// TCP flags: PSH and ACK, as on data.
pub const PSH_ACK: u8 = 0x18;
/// TCP flags: FIN and ACK.
pub const FIN_ACK: u8 = 0x11;

/// An IPv4 packet with a TCP segment. Checksums are 0: nDPI does not look at them.
pub fn tcp(
    from: SocketAddrV4,
    to: SocketAddrV4,
    flags: u8,
    sequence: (u32, u32),
    payload: &[u8],
) -> Vec<u8> {
    let mut segment = Vec::with_capacity(20 + payload.len());
    segment.extend(from.port().to_be_bytes());
    segment.extend(to.port().to_be_bytes());
    segment.extend(sequence.0.to_be_bytes());
    segment.extend(sequence.1.to_be_bytes());
    segment.extend([0x50, flags, 0xff, 0xff, 0, 0, 0, 0]);
    segment.extend(payload);
    ipv4(from, to, TCP, &segment)
}

/// An IPv4 packet with a UDP datagram.
pub fn udp(from: SocketAddrV4, to: SocketAddrV4, payload: &[u8]) -> Vec<u8> {
    let mut datagram = Vec::with_capacity(8 + payload.len());
    datagram.extend(from.port().to_be_bytes());
    datagram.extend(to.port().to_be_bytes());
    datagram.extend(length16(8 + payload.len()));
    datagram.extend([0, 0]);
    datagram.extend(payload);
    ipv4(from, to, UDP, &datagram)
}

fn ipv4(from: SocketAddrV4, to: SocketAddrV4, protocol: u8, payload: &[u8]) -> Vec<u8> {
    let mut packet = Vec::with_capacity(20 + payload.len());
    packet.extend([0x45, 0]);
    packet.extend(length16(20 + payload.len()));
    packet.extend([0, 1, 0x40, 0, 64, protocol, 0, 0]);
    packet.extend(from.ip().octets());
    packet.extend(to.ip().octets());
    packet.extend(payload);
    packet
}

/// `GET /path` of a host.
pub fn http_get(host: &str, path: &str, agent: &str) -> Vec<u8> {
    format!("GET {path} HTTP/1.1\r\nHost: {host}\r\nUser-Agent: {agent}\r\nAccept: */*\r\n\r\n")
        .into_bytes()
}

/// A DNS query of type A, class IN.
pub fn dns_query(name: &str) -> Vec<u8> {
    let mut query = vec![0x12, 0x34, 0x01, 0x00, 0, 1, 0, 0, 0, 0, 0, 0];
    for label in name.split('.') {
        query.push(u8::try_from(label.len()).expect("a label has at most 63 bytes"));
        query.extend(label.bytes());
    }
    query.extend([0, 0, 1, 0, 1]);
    query
}

/// A TLS record with a client hello: TLS 1.3 and 1.2, SNI and ALPN as given.
pub fn tls_client_hello(server_name: &str, alpns: &[&str]) -> Vec<u8> {
    let mut hello = vec![0x03, 0x03];
    hello.extend([0x5a; 32]);
    hello.push(32);
    hello.extend([0x11; 32]);
    hello.extend([0, 6, 0x13, 0x01, 0x13, 0x02, 0xc0, 0x2f]);
    hello.extend([1, 0]);
    hello.extend(prefixed16(&client_extensions(server_name, alpns)));
    let mut handshake = vec![0x01, 0x00];
    handshake.extend(prefixed16(&hello));
    let mut record = vec![0x16, 0x03, 0x01];
    record.extend(prefixed16(&handshake));
    record
}

fn client_extensions(server_name: &str, alpns: &[&str]) -> Vec<u8> {
    let mut name = vec![0];
    name.extend(prefixed16(server_name.as_bytes()));
    let protocols: Vec<u8> = alpns.iter().flat_map(|alpn| prefixed8(alpn.as_bytes())).collect();
    let mut extensions = Vec::new();
    for (kind, body) in [
        (0x0000_u16, prefixed16(&name)),
        (0x000a, vec![0, 4, 0, 0x1d, 0, 0x17]),
        (0x000b, vec![1, 0]),
        (0x000d, vec![0, 4, 0x04, 0x03, 0x08, 0x04]),
        (0x0010, prefixed16(&protocols)),
        (0x002b, vec![4, 0x03, 0x04, 0x03, 0x03]),
    ] {
        extensions.extend(kind.to_be_bytes());
        extensions.extend(prefixed16(&body));
    }
    extensions
}

fn prefixed8(body: &[u8]) -> Vec<u8> {
    let length = u8::try_from(body.len()).expect("a short string");
    std::iter::once(length).chain(body.iter().copied()).collect()
}

fn prefixed16(body: &[u8]) -> Vec<u8> {
    length16(body.len()).into_iter().chain(body.iter().copied()).collect()
}

fn length16(length: usize) -> [u8; 2] {
    u16::try_from(length).expect("it fits into one packet").to_be_bytes()
}
