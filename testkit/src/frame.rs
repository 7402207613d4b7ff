//! Frames, built header by header.

use ndpi_common::{Key, KeyV4, KeyV6, TenantKey};

/// The IP protocol number of ICMP.
pub const ICMP: u8 = 1;
/// That of TCP.
pub const TCP: u8 = 6;
/// That of UDP.
pub const UDP: u8 = 17;
/// That of `ICMPv6`.
pub const ICMPV6: u8 = 58;
/// The TCP flag FIN.
pub const FIN: u8 = 0x01;
/// The TCP flag SYN.
pub const SYN: u8 = 0x02;
/// The TCP flag RST.
pub const RST: u8 = 0x04;
/// The TCP flag ACK.
pub const ACK: u8 = 0x10;

/// The client's address. Over IPv6, it is the end of one of `2001:db8::/32`.
pub const CLIENT: [u8; 4] = [198, 18, 0, 1];
/// The server's.
pub const SERVER: [u8; 4] = [198, 18, 0, 2];
/// The client's port in [`V4`] and [`V6`].
pub const CLIENT_PORT: u16 = 40_000;
/// The server's.
pub const SERVER_PORT: u16 = 443;

/// A conversation between two hosts; its client is the lower endpoint.
#[derive(Clone, Copy, Debug)]
pub struct Talk {
    /// Whether it is over IPv6.
    pub v6: bool,
    /// The IP protocol.
    pub proto: u8,
    /// The client's port.
    pub client_port: u16,
    /// The server's port.
    pub server_port: u16,
    /// The VLAN, or 0 for none.
    pub vlan: u16,
}

/// TCP over IPv4.
pub const V4: Talk =
    Talk { v6: false, proto: TCP, client_port: CLIENT_PORT, server_port: SERVER_PORT, vlan: 0 };
/// TCP over IPv6.
pub const V6: Talk = Talk { v6: true, ..V4 };

impl Talk {
    /// The same over UDP.
    #[must_use]
    pub fn udp(self) -> Self {
        Self { proto: UDP, ..self }
    }

    /// The same from another port of the client.
    #[must_use]
    pub fn with_port(self, client_port: u16) -> Self {
        Self { client_port, ..self }
    }

    /// The same in a VLAN.
    #[must_use]
    pub fn in_vlan(self, vlan: u16) -> Self {
        Self { vlan, ..self }
    }

    /// The key of its flow.
    pub fn key(self) -> Key {
        let ports = (self.client_port, self.server_port);
        if self.v6 {
            let ends = ((v6(CLIENT), ports.0), (v6(SERVER), ports.1));
            Key::V6(KeyV6::new(ends.0, ends.1, self.vlan, self.proto).0)
        } else {
            Key::V4(KeyV4::new((CLIENT, ports.0), (SERVER, ports.1), self.vlan, self.proto).0)
        }
    }

    /// What the client sends.
    pub fn out(self, flags: u8, payload: &[u8]) -> Vec<u8> {
        self.ip(true, &self.transport(true, flags, payload))
    }

    /// What the server sends.
    pub fn back(self, flags: u8, payload: &[u8]) -> Vec<u8> {
        self.ip(false, &self.transport(false, flags, payload))
    }

    /// What the client or the server sends, without data.
    pub fn out_or_back(self, out: bool, flags: u8) -> Vec<u8> {
        if out { self.out(flags, b"") } else { self.back(flags, b"") }
    }

    /// What either end sends in TCP, with these sequence and acknowledgement numbers.
    pub fn segment(self, out: bool, flags: u8, numbers: [u32; 2], data: &[u8]) -> Vec<u8> {
        let mut rest = self.transport(out, flags, data);
        rest[4..12].copy_from_slice(numbers.map(u32::to_be_bytes).as_flattened());
        self.ip(out, &rest)
    }

    /// Transport header and payload. All TCP has the sequence number 1, and an ACK acknowledges that.
    pub fn transport(self, out: bool, flags: u8, payload: &[u8]) -> Vec<u8> {
        let (client, server) = (self.client_port, self.server_port);
        let (from, to) = if out { (client, server) } else { (server, client) };
        let mut bytes = [from.to_be_bytes(), to.to_be_bytes()].concat();
        if self.proto == TCP {
            let acknowledged = if flags & ACK == 0 { 0 } else { 2 };
            bytes.extend([0, 0, 0, 1, 0, 0, 0, acknowledged]);
            bytes.extend([0x50, flags, 0xff, 0xff, 0, 0, 0, 0]);
        } else {
            bytes.extend(u16::try_from(8 + payload.len()).unwrap().to_be_bytes());
            bytes.extend([0, 0]);
        }
        bytes.extend(payload);
        bytes
    }

    /// A frame around what follows the IP header.
    pub fn ip(self, out: bool, rest: &[u8]) -> Vec<u8> {
        if self.v6 { self.ipv6(out, self.proto, rest) } else { self.ipv4(out, &[], 0x4000, rest) }
    }

    /// A frame with IPv4 options and the 16 bits of flags and fragment offset.
    pub fn ipv4(self, out: bool, options: &[u8], bits: u16, rest: &[u8]) -> Vec<u8> {
        let words = 5 + u8::try_from(options.len() / 4).unwrap();
        let mut ip = vec![0x40 | words, 0];
        ip.extend(u16::try_from(usize::from(words) * 4 + rest.len()).unwrap().to_be_bytes());
        ip.extend([0xab, 0xcd]);
        ip.extend(bits.to_be_bytes());
        ip.extend([64, self.proto, 0, 0]);
        let (from, to) = if out { (CLIENT, SERVER) } else { (SERVER, CLIENT) };
        ip.extend(from);
        ip.extend(to);
        ip.extend(options);
        ip.extend(rest);
        self.ethernet(0x0800, &ip)
    }

    /// A fragment of what the client sends: `bytes` at `offset` of it, a multiple of 8, and whether more follows.
    pub fn fragment(self, offset: usize, more: bool, bytes: &[u8]) -> Vec<u8> {
        let offset = u16::try_from(offset).unwrap();
        if self.v6 {
            let [a, b] = (offset | u16::from(more)).to_be_bytes();
            let header = [self.proto, 0, a, b, 0, 0, 0, 77];
            self.ipv6(true, 44, &[&header[..], bytes].concat())
        } else {
            self.ipv4(true, &[], (offset / 8) | if more { 0x2000 } else { 0 }, bytes)
        }
    }

    /// A frame whose IPv6 header announces `next`.
    pub fn ipv6(self, out: bool, next: u8, rest: &[u8]) -> Vec<u8> {
        let mut ip = vec![0x60, 0, 0, 0];
        ip.extend(u16::try_from(rest.len()).unwrap().to_be_bytes());
        ip.extend([next, 64]);
        let (from, to) = if out { (CLIENT, SERVER) } else { (SERVER, CLIENT) };
        ip.extend(v6(from));
        ip.extend(v6(to));
        ip.extend(rest);
        self.ethernet(0x86dd, &ip)
    }

    fn ethernet(self, ethertype: u16, rest: &[u8]) -> Vec<u8> {
        let mut frame = vec![2; 12];
        if self.vlan != 0 {
            frame.extend([0x81, 0]);
            frame.extend(self.vlan.to_be_bytes());
        }
        frame.extend(ethertype.to_be_bytes());
        frame.extend(rest);
        frame
    }
}

/// Bytes that a frame counts for: those behind the Ethernet header, as these tests pad nothing.
pub fn counted(frame: &[u8]) -> u64 {
    u64::try_from(frame.len() - 14).unwrap()
}

fn v6(last: [u8; 4]) -> [u8; 16] {
    let mut address = [0; 16];
    address[..4].copy_from_slice(&[0x20, 1, 0x0d, 0xb8]);
    address[12..].copy_from_slice(&last);
    address
}

/// The key of the same flow inside this many tunnels.
pub fn inside(key: Key, tunnel: u8) -> Key {
    match key {
        Key::V4(key) => Key::V4(KeyV4 { tunnel, ..key }),
        Key::V6(key) => Key::V6(KeyV6 { tunnel, ..key }),
        Key::Tenant(key) => Key::Tenant(TenantKey { flow: KeyV6 { tunnel, ..key.flow }, ..key }),
    }
}

/// A UDP packet over IPv4 in a frame, from this port of the client to that of the server.
pub fn udp4(from: u16, to: u16, payload: &[u8]) -> Vec<u8> {
    datagrams(false, from, to).out(0, payload)
}

/// The same over IPv6.
pub fn udp6(from: u16, to: u16, payload: &[u8]) -> Vec<u8> {
    datagrams(true, from, to).out(0, payload)
}

/// The key of [`udp4`]'s flow.
pub fn key4(from: u16, to: u16) -> Key {
    datagrams(false, from, to).key()
}

/// The key of [`udp6`]'s flow.
pub fn key6(from: u16, to: u16) -> Key {
    datagrams(true, from, to).key()
}

fn datagrams(v6: bool, client_port: u16, server_port: u16) -> Talk {
    Talk { v6, proto: UDP, client_port, server_port, vlan: 0 }
}

/// A TCP segment from its IPv4 header on, with this sequence and acknowledgement number and
/// checksums of zero.
pub fn segment(flags: u8, sequence: u32, acknowledged: u32, data: &[u8]) -> Vec<u8> {
    let mut packet = vec![0; 40];
    (packet[0], packet[8], packet[9]) = (0x45, 64, 6);
    let length = u16::try_from(40 + data.len()).unwrap();
    packet[2..4].copy_from_slice(&length.to_be_bytes());
    packet[12..20].copy_from_slice(&[198, 18, 0, 1, 198, 18, 0, 2]);
    packet[20..24].copy_from_slice(&[0, 1, 1, 187]);
    packet[24..28].copy_from_slice(&sequence.to_be_bytes());
    packet[28..32].copy_from_slice(&acknowledged.to_be_bytes());
    (packet[32], packet[33]) = (5 << 4, flags);
    packet.extend_from_slice(data);
    packet
}
