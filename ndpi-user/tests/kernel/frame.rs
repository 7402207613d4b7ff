//! Frames, built header by header.

use ndpi_common::{Key, KeyV4, KeyV6};

pub(crate) const ICMP: u8 = 1;
pub(crate) const TCP: u8 = 6;
pub(crate) const UDP: u8 = 17;
pub(crate) const ICMPV6: u8 = 58;
pub(crate) const FIN: u8 = 0x01;
pub(crate) const SYN: u8 = 0x02;
pub(crate) const RST: u8 = 0x04;
pub(crate) const ACK: u8 = 0x10;

pub(crate) const CLIENT: [u8; 4] = [198, 18, 0, 1];
pub(crate) const SERVER: [u8; 4] = [198, 18, 0, 2];
pub(crate) const CLIENT_PORT: u16 = 40_000;
pub(crate) const SERVER_PORT: u16 = 443;

/// A conversation between two hosts; its client is the lower endpoint.
#[derive(Clone, Copy)]
pub(crate) struct Talk {
    pub(crate) v6: bool,
    pub(crate) proto: u8,
    pub(crate) client_port: u16,
    pub(crate) server_port: u16,
    pub(crate) vlan: u16,
}

pub(crate) const V4: Talk =
    Talk { v6: false, proto: TCP, client_port: CLIENT_PORT, server_port: SERVER_PORT, vlan: 0 };
pub(crate) const V6: Talk = Talk { v6: true, ..V4 };

impl Talk {
    pub(crate) fn udp(self) -> Self {
        Self { proto: UDP, ..self }
    }

    pub(crate) fn with_port(self, client_port: u16) -> Self {
        Self { client_port, ..self }
    }

    pub(crate) fn in_vlan(self, vlan: u16) -> Self {
        Self { vlan, ..self }
    }

    pub(crate) fn key(self) -> Key {
        let ports = (self.client_port, self.server_port);
        if self.v6 {
            let ends = ((v6(CLIENT), ports.0), (v6(SERVER), ports.1));
            Key::V6(KeyV6::new(ends.0, ends.1, self.vlan, self.proto).0)
        } else {
            Key::V4(KeyV4::new((CLIENT, ports.0), (SERVER, ports.1), self.vlan, self.proto).0)
        }
    }

    /// What the client sends.
    pub(crate) fn out(self, flags: u8, payload: &[u8]) -> Vec<u8> {
        self.ip(true, &self.transport(true, flags, payload))
    }

    /// What the server sends.
    pub(crate) fn back(self, flags: u8, payload: &[u8]) -> Vec<u8> {
        self.ip(false, &self.transport(false, flags, payload))
    }

    /// What the client or the server sends, without data.
    pub(crate) fn out_or_back(self, out: bool, flags: u8) -> Vec<u8> {
        if out { self.out(flags, b"") } else { self.back(flags, b"") }
    }

    /// What either end sends in TCP, with these sequence and acknowledgement numbers.
    pub(crate) fn segment(self, out: bool, flags: u8, numbers: [u32; 2], data: &[u8]) -> Vec<u8> {
        let mut rest = self.transport(out, flags, data);
        rest[4..12].copy_from_slice(numbers.map(u32::to_be_bytes).as_flattened());
        self.ip(out, &rest)
    }

    /// Transport header and payload. All TCP has the sequence number 1, and an ACK acknowledges that.
    pub(crate) fn transport(self, out: bool, flags: u8, payload: &[u8]) -> Vec<u8> {
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
    pub(crate) fn ip(self, out: bool, rest: &[u8]) -> Vec<u8> {
        if self.v6 { self.ipv6(out, self.proto, rest) } else { self.ipv4(out, &[], 0x4000, rest) }
    }

    /// A frame with IPv4 options and the 16 bits of flags and fragment offset.
    pub(crate) fn ipv4(self, out: bool, options: &[u8], bits: u16, rest: &[u8]) -> Vec<u8> {
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

    /// A frame whose IPv6 header announces `next`.
    pub(crate) fn ipv6(self, out: bool, next: u8, rest: &[u8]) -> Vec<u8> {
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
pub(crate) fn counted(frame: &[u8]) -> u64 {
    u64::try_from(frame.len() - 14).unwrap()
}

fn v6(last: [u8; 4]) -> [u8; 16] {
    let mut address = [0; 16];
    address[..4].copy_from_slice(&[0x20, 1, 0x0d, 0xb8]);
    address[12..].copy_from_slice(&last);
    address
}

/// The key of the same flow inside this many tunnels.
pub(crate) fn inside(key: Key, tunnel: u8) -> Key {
    match key {
        Key::V4(key) => Key::V4(KeyV4 { tunnel, ..key }),
        Key::V6(key) => Key::V6(KeyV6 { tunnel, ..key }),
    }
}
