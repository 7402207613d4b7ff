//! TCP segments with every field to choose, and checksums that are right.

use std::net::Ipv4Addr;

/// The flags of a TCP header (RFC 9293, section 3.1).
pub mod flags {
    /// The sender will send no more.
    pub const FIN: u8 = 0x01;
    /// Opens a connection, or accepts one.
    pub const SYN: u8 = 0x02;
    /// Ends the connection.
    pub const RST: u8 = 0x04;
    /// The acknowledgement number counts.
    pub const ACK: u8 = 0x10;
    /// The urgent pointer counts.
    pub const URG: u8 = 0x20;
}

/// A segment between a client and a server.
#[derive(Clone, Debug)]
pub struct Segment {
    /// The client sends it.
    pub from_client: bool,
    /// The client's address and the server's.
    pub addresses: [Ipv4Addr; 2],
    /// The client's port and the server's.
    pub ports: [u16; 2],
    /// Its sequence number.
    pub sequence: u32,
    /// Its acknowledgement number.
    pub acknowledged: u32,
    /// Its [`flags`].
    pub flags: u8,
    /// How much its sender offers to take.
    pub window: u16,
    /// The urgent pointer.
    pub urgent: u16,
    /// The time to live.
    pub ttl: u8,
    /// Its options, a multiple of four bytes.
    pub options: Vec<u8>,
    /// Its payload.
    pub payload: Vec<u8>,
    /// Added to its checksum, to make it wrong.
    pub damage: u16,
    /// Added to that of its IP header.
    pub ip_damage: u16,
}

/// A connection, by its ends and their initial sequence numbers.
#[derive(Clone, Copy, Debug)]
pub struct Connection {
    /// The client's address and the server's.
    pub addresses: [Ipv4Addr; 2],
    /// The client's port and the server's.
    pub ports: [u16; 2],
    /// The client's initial sequence number.
    pub client: u32,
    /// The server's.
    pub server: u32,
}

impl Connection {
    /// One between 198.18.0.2 and 198.18.0.1. The client's sequence numbers begin near their end, and go on at
    /// 0.
    pub const fn new(client_port: u16, server_port: u16) -> Self {
        Self {
            addresses: [Ipv4Addr::new(198, 18, 0, 2), Ipv4Addr::new(198, 18, 0, 1)],
            ports: [client_port, server_port],
            client: u32::MAX - 3,
            server: 7_000_000,
        }
    }

    /// Payload of the client, `at` bytes from its first.
    pub fn data(self, at: i32, payload: &[u8]) -> Segment {
        Segment {
            from_client: true,
            addresses: self.addresses,
            ports: self.ports,
            sequence: self.client.wrapping_add(1).wrapping_add_signed(at),
            acknowledged: self.server + 1,
            flags: flags::ACK,
            window: 500,
            urgent: 0,
            ttl: 60,
            options: Vec::new(),
            payload: payload.to_vec(),
            damage: 0,
            ip_damage: 0,
        }
    }

    /// The first payload of the server, after it has read `length` bytes.
    pub fn answer(self, length: usize, payload: &[u8]) -> Segment {
        let length = u32::try_from(length).unwrap();
        Segment {
            from_client: false,
            sequence: self.server + 1,
            acknowledged: self.client.wrapping_add(1 + length),
            ..self.data(0, payload)
        }
    }

    /// What opens it.
    pub fn syn(self) -> Segment {
        let flags = flags::SYN;
        Segment { sequence: self.client, acknowledged: 0, flags, ..self.data(0, b"") }
    }

    /// What accepts it.
    pub fn syn_ack(self) -> Segment {
        let flags = flags::SYN | flags::ACK;
        Segment { sequence: self.server, flags, ..self.answer(0, b"") }
    }

    /// Its three first segments.
    pub fn handshake(self) -> [Segment; 3] {
        [self.syn(), self.syn_ack(), self.data(0, b"")]
    }
}

impl Segment {
    /// The packet, from its IPv4 header on.
    pub fn l3(&self) -> Vec<u8> {
        let end = |side: usize| (self.addresses[side].octets(), self.ports[side]);
        let [from, to] = if self.from_client { [end(0), end(1)] } else { [end(1), end(0)] };
        let header = 20 + self.options.len();
        let length = u16::try_from(20 + header + self.payload.len()).unwrap().to_be_bytes();
        let mut l3 = vec![0x45, 0, length[0], length[1], 0, 0, 0, 0, self.ttl, 6, 0, 0];
        l3.extend([from.0, to.0].concat());
        l3.extend([from.1.to_be_bytes(), to.1.to_be_bytes()].concat());
        l3.extend([self.sequence.to_be_bytes(), self.acknowledged.to_be_bytes()].concat());
        l3.extend([u8::try_from(header / 4).unwrap() << 4, self.flags]);
        l3.extend(self.window.to_be_bytes());
        l3.extend([0, 0]);
        l3.extend(self.urgent.to_be_bytes());
        l3.extend_from_slice(&self.options);
        l3.extend_from_slice(&self.payload);
        let sum = header_checksum(&l3[..20]).wrapping_add(self.ip_damage);
        l3[10..12].copy_from_slice(&sum.to_be_bytes());
        let sum = right_checksum(&l3).wrapping_add(self.damage);
        l3[36..38].copy_from_slice(&sum.to_be_bytes());
        l3
    }
}

/// The checksum that makes an IP header valid, where it is 0 yet.
fn header_checksum(header: &[u8]) -> u16 {
    let words = header.chunks(2).map(|it| u64::from(it[0]) * 256 + u64::from(it[1]));
    !u16::try_from(words.sum::<u64>() % 0xffff).unwrap()
}

/// The checksum that makes the segment in `l3` valid, where it is 0 yet.
fn right_checksum(l3: &[u8]) -> u16 {
    let word = |it: &[u8]| u64::from(it[0]) * 256 + it.get(1).map_or(0, |&low| low.into());
    let total = l3[12..].chunks(2).map(word).sum::<u64>() + 6 + (l3.len() as u64 - 20);
    !u16::try_from(total % 0xffff).unwrap()
}
