//! Answers, checked and taken apart.

use std::net::IpAddr;

use etherparse::{Ipv4Header, Ipv6Header, NetSlice, SlicedPacket, TransportSlice};

use crate::Answer;

/// A TCP reset.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Reset {
    pub(super) source: IpAddr,
    pub(super) destination: IpAddr,
    pub(super) source_port: u16,
    pub(super) destination_port: u16,
    pub(super) seq: u32,
    /// `None` without the flag ACK.
    pub(super) ack: Option<u32>,
    pub(super) traffic_class: u8,
    pub(super) flow_label: u32,
}

/// An ICMP error.
#[derive(Clone, Debug)]
pub(super) struct Unreachable {
    pub(super) source: IpAddr,
    pub(super) destination: IpAddr,
    pub(super) kind: u8,
    pub(super) code: u8,
    pub(super) quoted: Vec<u8>,
}

/// What the IP header says.
struct Ip {
    source: IpAddr,
    destination: IpAddr,
    traffic_class: u8,
    flow_label: u32,
}

impl Reset {
    pub(super) fn read(answer: &Answer) -> Self {
        let (ip, transport) = slice(answer);
        let Some(TransportSlice::Tcp(tcp)) = transport else { panic!("not TCP: {answer:?}") };
        let header = tcp.to_header();
        let sum = match (ip.source, ip.destination) {
            (IpAddr::V4(from), IpAddr::V4(to)) => {
                header.calc_checksum_ipv4_raw(from.octets(), to.octets(), &[]).unwrap()
            }
            (IpAddr::V6(from), IpAddr::V6(to)) => {
                header.calc_checksum_ipv6_raw(from.octets(), to.octets(), &[]).unwrap()
            }
            ends => panic!("of two families: {ends:?}"),
        };
        assert_eq!(tcp.checksum(), sum, "TCP checksum");
        assert!(tcp.rst() && !tcp.syn() && !tcp.fin() && !tcp.psh() && tcp.payload().is_empty());
        Self {
            source: ip.source,
            destination: ip.destination,
            source_port: tcp.source_port(),
            destination_port: tcp.destination_port(),
            seq: tcp.sequence_number(),
            ack: tcp.ack().then(|| tcp.acknowledgment_number()),
            traffic_class: ip.traffic_class,
            flow_label: ip.flow_label,
        }
    }
}

impl Unreachable {
    pub(super) fn read(answer: &Answer) -> Self {
        let (ip, transport) = slice(answer);
        let (kind, code, quoted) = match (transport, ip.source, ip.destination) {
            (Some(TransportSlice::Icmpv4(icmp)), ..) => {
                let sum = icmp.header().icmp_type.calc_checksum(icmp.payload());
                assert_eq!(icmp.checksum(), sum, "ICMP checksum");
                (icmp.type_u8(), icmp.code_u8(), icmp.payload())
            }
            (Some(TransportSlice::Icmpv6(icmp)), IpAddr::V6(from), IpAddr::V6(to)) => {
                assert!(icmp.is_checksum_valid(from.octets(), to.octets()), "ICMPv6 checksum");
                (icmp.type_u8(), icmp.code_u8(), icmp.payload())
            }
            _ => panic!("not ICMP: {answer:?}"),
        };
        let quoted = quoted.to_vec();
        Self { source: ip.source, destination: ip.destination, kind, code, quoted }
    }
}

/// Fails unless it is a reset or an error with right lengths and checksums.
pub(super) fn assert_sound(answer: &Answer) {
    let (_, transport) = slice(answer);
    if let Some(TransportSlice::Tcp(_)) = transport {
        Reset::read(answer);
    } else {
        Unreachable::read(answer);
    }
}

pub(super) fn assert_header_checksum(packet: &[u8]) {
    let (header, _) = Ipv4Header::from_slice(packet).unwrap();
    assert_eq!(header.header_checksum, header.calc_header_checksum(), "IPv4 checksum");
}

fn slice(answer: &Answer) -> (Ip, Option<TransportSlice<'_>>) {
    let sliced = SlicedPacket::from_ip(&answer.packet).unwrap();
    let ip = match sliced.net {
        Some(NetSlice::Ipv4(ip)) => ip_of_v4(&ip.header().to_header()),
        Some(NetSlice::Ipv6(ip)) => ip_of_v6(&ip.header().to_header()),
        other => panic!("not IP: {other:?}"),
    };
    assert_eq!((answer.to.ip(), answer.to.port()), (ip.destination, 0));
    (ip, sliced.transport)
}

fn ip_of_v4(header: &Ipv4Header) -> Ip {
    assert_eq!(header.header_checksum, header.calc_header_checksum(), "IPv4 checksum");
    assert_eq!((header.time_to_live, header.ihl()), (64, 5));
    Ip {
        source: header.source.into(),
        destination: header.destination.into(),
        traffic_class: header.dscp.value() << 2 | header.ecn.value(),
        flow_label: 0,
    }
}

fn ip_of_v6(header: &Ipv6Header) -> Ip {
    assert_eq!(header.hop_limit, 64);
    Ip {
        source: header.source.into(),
        destination: header.destination.into(),
        traffic_class: header.traffic_class,
        flow_label: header.flow_label.value(),
    }
}
