//! Reads captures: pcap and pcapng with Ethernet, Linux "cooked" or bare IP packets in them.

use std::error::Error;
use std::fmt;
use std::fs::File;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::path::Path;

use pcap_parser::pcapng::EnhancedPacketBlock;
use pcap_parser::{Block, Linktype, PcapBlockOwned, PcapError, create_reader};

/// A packet from its IP header on.
pub(crate) struct Packet {
    /// When it was captured, in milliseconds since 1970.
    pub(crate) time_ms: u64,
    /// The IP packet, without anything that the link layer put behind it.
    pub(crate) l3: Vec<u8>,
    /// The flow it belongs to.
    pub(crate) flow: FlowKey,
}

/// Both ends of a flow, the lower one first, and the IP protocol number.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct FlowKey {
    pub(crate) protocol: u8,
    pub(crate) ends: [SocketAddr; 2],
}

impl fmt::Display for FlowKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { protocol, ends: [a, b] } = self;
        match protocol {
            6 => write!(f, "TCP {a} <-> {b}"),
            17 => write!(f, "UDP {a} <-> {b}"),
            other => write!(f, "IP/{other} {} <-> {}", a.ip(), b.ip()),
        }
    }
}

/// All IP packets in a capture. Those that are cut short or are later fragments are left out.
pub(crate) fn packets(path: &Path) -> Result<Vec<Packet>, Box<dyn Error>> {
    let mut reader = create_reader(1 << 20, File::open(path)?)?;
    let mut packets = Vec::new();
    let mut links = Vec::new();
    loop {
        match reader.next() {
            Ok((size, block)) => {
                packets.extend(packet(&block, &mut links));
                reader.consume(size);
            }
            Err(PcapError::Eof) => return Ok(packets),
            Err(PcapError::Incomplete(_)) => reader.refill().map_err(|error| error.to_string())?,
            Err(error) => return Err(error.to_string().into()),
        }
    }
}

/// What the header of a capture, or of one of its interfaces, says.
struct Link {
    kind: Linktype,
    units_per_second: u64,
    offset: i64,
}

fn packet(block: &PcapBlockOwned<'_>, links: &mut Vec<Link>) -> Option<Packet> {
    match block {
        PcapBlockOwned::LegacyHeader(header) => {
            let units_per_second =
                if header.is_nanosecond_precision() { 1_000_000_000 } else { 1_000_000 };
            links.push(Link { kind: header.network, units_per_second, offset: 0 });
            None
        }
        PcapBlockOwned::NG(Block::InterfaceDescription(interface)) => {
            let units_per_second = interface.ts_resolution()?;
            let offset = interface.ts_offset();
            links.push(Link { kind: interface.linktype, units_per_second, offset });
            None
        }
        PcapBlockOwned::Legacy(packet) => {
            let link = links.first()?;
            let fraction = u64::from(packet.ts_usec) * 1000 / link.units_per_second;
            ip_packet(u64::from(packet.ts_sec) * 1000 + fraction, network(link.kind, packet.data)?)
        }
        PcapBlockOwned::NG(Block::EnhancedPacket(packet)) => {
            let link = links.get(usize::try_from(packet.if_id).ok()?)?;
            ip_packet(time_ms(packet, link), network(link.kind, captured(packet)?)?)
        }
        PcapBlockOwned::NG(_) => None,
    }
}

fn time_ms(packet: &EnhancedPacketBlock<'_>, link: &Link) -> u64 {
    let units = u128::from(packet.ts_high) << 32 | u128::from(packet.ts_low);
    let since_offset = units * 1000 / u128::from(link.units_per_second);
    let time = since_offset.cast_signed() + i128::from(link.offset) * 1000;
    u64::try_from(time).unwrap_or_default()
}

fn captured<'a>(packet: &EnhancedPacketBlock<'a>) -> Option<&'a [u8]> {
    packet.data.get(..usize::try_from(packet.caplen).ok()?)
}

/// The part of a frame from the network layer on.
fn network(link: Linktype, frame: &[u8]) -> Option<&[u8]> {
    let (mut kind, mut rest) = match link {
        Linktype::ETHERNET => (frame.get(12..14)?, frame.get(14..)?),
        Linktype::LINUX_SLL => (frame.get(14..16)?, frame.get(16..)?),
        Linktype(12 | 101 | 228 | 229) => return Some(frame),
        _ => return None,
    };
    while let [0x81, 0x00] | [0x88, 0xa8] = kind {
        (kind, rest) = (rest.get(2..4)?, rest.get(4..)?);
    }
    matches!(kind, [0x08, 0x00] | [0x86, 0xdd]).then_some(rest)
}

fn ip_packet(time_ms: u64, packet: &[u8]) -> Option<Packet> {
    let number = |at: usize| Some(u16::from_be_bytes(*packet.get(at..)?.first_chunk()?));
    let (protocol, addresses, payload, length) = match packet.first()? >> 4 {
        // The fragment offset, below three bits of flags.
        4 if number(6)? << 3 == 0 => {
            let address =
                |at: usize| Some(IpAddr::from(Ipv4Addr::from(*packet.get(at..)?.first_chunk()?)));
            let header = usize::from(packet[0] & 0xf) * 4;
            let length = if number(2)? == 0 { packet.len() } else { number(2)?.into() };
            (*packet.get(9)?, [address(12)?, address(16)?], header, length)
        }
        6 => {
            let address =
                |at: usize| Some(IpAddr::from(Ipv6Addr::from(*packet.get(at..)?.first_chunk()?)));
            (*packet.get(6)?, [address(8)?, address(24)?], 40, usize::from(number(4)?) + 40)
        }
        _ => return None,
    };
    let has_ports = protocol == 6 || protocol == 17;
    let port = |at: usize| if has_ports { number(payload + at) } else { Some(0) };
    let mut ends =
        [SocketAddr::new(addresses[0], port(0)?), SocketAddr::new(addresses[1], port(2)?)];
    ends.sort_unstable();
    let l3 = packet.get(..length)?.to_vec();
    Some(Packet { time_ms, l3, flow: FlowKey { protocol, ends } })
}
