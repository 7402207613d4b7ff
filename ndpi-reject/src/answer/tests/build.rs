//! Packets to answer.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use etherparse::{IpNumber, PacketBuilder, TcpHeader};
use ndpi_common::parse::{self, Options};
use ndpi_common::{Direction, Key, KeyV4};
use ndpi_flow::Sample;

use super::{CLIENT, SERVER};

pub(super) const IFINDEX: u32 = 7;

/// The outcome of a packet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Fate {
    Passed,
    Dropped,
}

/// Client and server.
#[derive(Clone, Copy, Debug)]
pub(super) enum Ends {
    V4([u8; 4], [u8; 4]),
    V6(Ipv6Addr, Ipv6Addr),
}

pub(super) const V4: Ends = Ends::V4([198, 18, 1, 2], [198, 18, 2, 2]);
pub(super) const V6: Ends = Ends::V6(
    Ipv6Addr::new(0x2001, 0xdb8, 1, 0, 0, 0, 0, 2),
    Ipv6Addr::new(0x2001, 0xdb8, 2, 0, 0, 0, 0, 2),
);

impl Ends {
    pub(super) fn client(self) -> IpAddr {
        match self {
            Self::V4(client, _) => Ipv4Addr::from(client).into(),
            Self::V6(client, _) => client.into(),
        }
    }

    pub(super) fn server(self) -> IpAddr {
        match self {
            Self::V4(_, server) => Ipv4Addr::from(server).into(),
            Self::V6(_, server) => server.into(),
        }
    }
}

/// A packet from the client, from its IP header on.
#[derive(Clone, Debug)]
pub(super) struct Packet {
    pub(super) bytes: Vec<u8>,
    pub(super) wire_bytes: usize,
    pub(super) packets: u32,
}

macro_rules! packet {
    ($ends:expr, |$ip:ident| $transport:expr) => {{
        let mut bytes = Vec::new();
        match $ends {
            Ends::V4(client, server) => {
                let $ip = PacketBuilder::ipv4(client, server, 60);
                $transport.write(&mut bytes, &[]).unwrap();
            }
            Ends::V6(client, server) => {
                let $ip = PacketBuilder::ipv6(client.octets(), server.octets(), 60);
                $transport.write(&mut bytes, &[]).unwrap();
            }
        }
        Packet { wire_bytes: bytes.len(), packets: 1, bytes }
    }};
}

impl Packet {
    pub(super) fn tcp(ends: Ends, set: impl FnOnce(&mut TcpHeader)) -> Self {
        let mut header = TcpHeader::new(CLIENT, SERVER, 0, 1000);
        header.set_options_raw(&[1, 1, 1, 0]).unwrap();
        set(&mut header);
        packet!(ends, |ip| ip.tcp_header(header))
    }

    pub(super) fn udp(ends: Ends) -> Self {
        packet!(ends, |ip| ip.udp(CLIENT, SERVER))
    }

    pub(super) fn icmp(ends: Ends, kind: u8) -> Self {
        match ends {
            Ends::V4(..) => packet!(ends, |ip| ip.icmpv4_raw(kind, 0, [0; 4])),
            Ends::V6(..) => packet!(ends, |ip| ip.icmpv6_raw(kind, 0, [0; 4])),
        }
    }

    /// Any bytes, made to look like a packet at first sight.
    pub(super) fn odd(mut bytes: Vec<u8>, version: u8, proto: u8) -> Self {
        let proto_at = if version == 4 { 9 } else { 6 };
        if bytes.len() > 40 {
            bytes[0] = version << 4 | bytes[0] & 0x0f;
            bytes[proto_at] = proto;
        }
        Self { wire_bytes: bytes.len(), packets: 1, bytes }
    }

    pub(super) fn with_payload(mut self, length: usize) -> Self {
        self.bytes.resize(self.bytes.len() + length, 0x5a);
        self.fixed(|_| ())
    }

    pub(super) fn with_ipv4_options(mut self) -> Self {
        // Router alert (RFC 2113).
        self.bytes.splice(20..20, [0x94, 4, 0, 0]);
        self.fixed(|bytes| bytes[0] = 0x46)
    }

    pub(super) fn with_ipv6_extensions(mut self) -> Self {
        let next = std::mem::replace(&mut self.bytes[6], IpNumber::IPV6_HEADER_HOP_BY_HOP.0);
        let destination = IpNumber::IPV6_DESTINATION_OPTIONS.0;
        let extensions = [[destination, 0, 1, 4, 0, 0, 0, 0], [next, 0, 1, 4, 0, 0, 0, 0]];
        self.bytes.splice(40..40, extensions.concat());
        self.fixed(|_| ())
    }

    pub(super) fn with_class(self, class: u8, label: u32) -> Self {
        self.fixed(|bytes| {
            if bytes[0] >> 4 == 4 {
                bytes[1] = class;
            } else {
                let first = 6 << 28 | u32::from(class) << 20 | label;
                bytes[..4].copy_from_slice(&first.to_be_bytes());
            }
        })
    }

    /// An IPv4 fragment, `offset` in units of 8 bytes.
    pub(super) fn with_fragment(self, offset: u16, more: bool) -> Self {
        let bits = offset | if more { 0x2000 } else { 0 };
        self.fixed(|bytes| bytes[6..8].copy_from_slice(&bits.to_be_bytes()))
    }

    pub(super) fn with_source(self, address: IpAddr) -> Self {
        self.fixed(|bytes| match address {
            IpAddr::V4(address) => bytes[12..16].copy_from_slice(&address.octets()),
            IpAddr::V6(address) => bytes[8..24].copy_from_slice(&address.octets()),
        })
    }

    pub(super) fn with_destination(self, address: IpAddr) -> Self {
        self.fixed(|bytes| match address {
            IpAddr::V4(address) => bytes[16..20].copy_from_slice(&address.octets()),
            IpAddr::V6(address) => bytes[24..40].copy_from_slice(&address.octets()),
        })
    }

    /// The packet as a source of samples gives it; the key of what has none does not matter here.
    pub(super) fn sample(&self, fate: Fate) -> Sample<'_> {
        let (none, _) = KeyV4::new(([0; 4], 0), ([0; 4], 0), 0, 0);
        let (key, direction) = parse::from_ip(&&self.bytes[..], 0, Options::default())
            .map_or((Key::V4(none), Direction::FromLower), |found| (found.key, found.direction));
        Sample {
            bytes: self.wire_bytes.try_into().unwrap(),
            packets: self.packets,
            ifindex: IFINDEX,
            rejected: fate == Fate::Dropped,
            ..Sample::new(key, direction, 0, &self.bytes)
        }
    }

    /// Changes bytes, and sets lengths and the IPv4 checksum right.
    fn fixed(mut self, change: impl FnOnce(&mut [u8])) -> Self {
        change(&mut self.bytes);
        self.wire_bytes = self.bytes.len();
        let length = u16::try_from(self.bytes.len()).unwrap();
        if self.bytes[0] >> 4 == 4 {
            let (mut header, _) = etherparse::Ipv4Header::from_slice(&self.bytes).unwrap();
            header.total_len = length;
            header.header_checksum = header.calc_header_checksum();
            let header = header.to_bytes();
            self.bytes[..header.len()].copy_from_slice(&header);
        } else {
            self.bytes[4..6].copy_from_slice(&(length - 40).to_be_bytes());
        }
        self
    }
}
