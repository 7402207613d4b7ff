//! The packet parser beside another one: every Ethernet frame of the corpus through both.

use std::fmt::Debug;
use std::net::IpAddr;

use etherparse::err::Layer;
use etherparse::err::packet::SliceError;
use etherparse::{NetSlice, SlicedPacket, TransportSlice};
use ndpi_capture::{Capture, LinkType};
use ndpi_common::Direction;
use ndpi_common::parse::{Captured, Fragment, Notes, Options, Packet, Refusal, fast, frame};
use testkit::reference;

const ETHERNET: LinkType = LinkType(1);
/// IP protocol number of the authentication header, which ours follows in IPv6 only.
const AUTHENTICATION: u8 = 51;

#[test]
fn another_parser_finds_the_same_in_every_frame() {
    let Some(folder) = reference::folder() else { return };
    let (mut compared, mut differing) = (0, Vec::new());
    for name in reference::read(&folder).keys() {
        let mut capture = Capture::open(&folder.join("captures").join(name)).expect("a capture");
        let mut number = 0;
        while let Ok(Some(packet)) = capture.next_packet() {
            number += 1;
            if packet.link_type != ETHERNET {
                continue;
            }
            compared += 1;
            if let Err(difference) = compare(packet.data) {
                differing.push(format!("{name}, packet {number}: {difference}"));
            }
        }
    }
    assert!(compared > 70_000, "only {compared} frames compared");
    assert!(differing.is_empty(), "{} differ:\n{}", differing.len(), differing.join("\n"));
}

fn compare(bytes: &[u8]) -> Result<(), String> {
    let source = Captured { bytes, wire_len: u32::try_from(bytes.len()).expect("a frame") };
    let ours = frame(&source, Options::default());
    if let Some(short) = fast(&bytes)
        && ours != Ok(short)
    {
        return Err(format!("the short cut finds {short:?}, the parser {ours:?}"));
    }
    let theirs = SlicedPacket::from_ethernet(bytes);
    match (&ours, &theirs) {
        (Ok(packet), Ok(sliced)) => match &sliced.net {
            Some(NetSlice::Ipv4(_) | NetSlice::Ipv6(_)) => both(bytes, packet, sliced),
            // Labels, PPPoE and a fourth tag are beyond the other parser.
            None if packet.l3 != 14 + 4 * u32::from(packet.tags.count) => Ok(()),
            None if packet.tags.count > 3 => Ok(()),
            net => Err(format!("ours {packet:?}, theirs {net:?}")),
        },
        (Ok(packet), Err(error)) if is_beyond_ip(packet, error) => Ok(()),
        (Err(refusal), Ok(sliced)) if is_no_ip(*refusal, sliced) => Ok(()),
        (Err(_), Err(_)) => Ok(()),
        _ => Err(format!("ours {ours:?}, theirs {theirs:?}")),
    }
}

/// Both found an IP packet.
fn both(bytes: &[u8], packet: &Packet, sliced: &SlicedPacket) -> Result<(), String> {
    let net = sliced.net.as_ref().expect("checked by the caller");
    let payload = net.ip_payload_ref().expect("an IP packet has a payload");
    let tags: Vec<u16> = sliced.vlan_ids().iter().map(|id| id.value()).collect();
    same("tags", &packet.tags.ids[..usize::from(packet.tags.count)], &tags[..])?;
    same("ends", ends(packet), addresses(net))?;
    let later = matches!(packet.fragment, Fragment::Later { .. });
    same("fragment", !matches!(packet.fragment, Fragment::Whole { .. }), payload.fragmented)?;
    if packet.key.proto() == AUTHENTICATION {
        return Ok(());
    }
    same("protocol", packet.key.proto(), payload.ip_number.0)?;
    let range = |from, to| bytes.get(usize::try_from(from).ok()?..usize::try_from(to).ok()?);
    let rest = range(packet.l4, packet.end).ok_or("ours ends beyond the frame")?;
    same("what follows IP", rest, payload.payload)?;
    if later {
        return same("ports of a later fragment", packet.ports(), (0, 0));
    }
    let own = range(packet.payload, packet.end).ok_or("ours ends beyond the frame")?;
    match &sliced.transport {
        Some(TransportSlice::Tcp(tcp)) => {
            same("ports", packet.ports(), (tcp.source_port(), tcp.destination_port()))?;
            same("SYN", packet.tcp_flags & 2 != 0, tcp.syn())?;
            same("FIN", packet.tcp_flags & 1 != 0, tcp.fin())?;
            same("payload", own, tcp.payload())
        }
        // The length in the UDP header may be shorter than what IP carries.
        Some(TransportSlice::Udp(udp)) => {
            same("ports", packet.ports(), (udp.source_port(), udp.destination_port()))?;
            same("payload", own.starts_with(udp.payload()), true)
        }
        _ => Ok(()),
    }
}

/// Source and destination as ours has them.
fn ends(packet: &Packet) -> (IpAddr, IpAddr) {
    let ((lower, _), (upper, _)) = (packet.key.lower(), packet.key.upper());
    match packet.direction {
        Direction::FromLower => (lower, upper),
        Direction::FromUpper => (upper, lower),
    }
}

fn addresses(net: &NetSlice) -> (IpAddr, IpAddr) {
    match net {
        NetSlice::Ipv4(ip) => {
            (ip.header().source_addr().into(), ip.header().destination_addr().into())
        }
        NetSlice::Ipv6(ip) => {
            (ip.header().source_addr().into(), ip.header().destination_addr().into())
        }
        NetSlice::Arp(_) => unreachable!("checked by the caller"),
    }
}

/// The other parser refuses a packet for what stands behind its IP header; ours goes on with what
/// it has: a flow without ports, or without payload.
fn is_beyond_ip(packet: &Packet, error: &SliceError) -> bool {
    match error {
        SliceError::Tcp(_) => !packet.has_payload(),
        SliceError::Ipv4Exts(_) | SliceError::Ipv6Exts(_) => true,
        SliceError::Len(error) => match error.layer {
            Layer::TcpHeader | Layer::UdpHeader => {
                packet.notes & Notes::TRUNCATED_PORTS != 0 || !packet.has_payload()
            }
            Layer::UdpPayload | Layer::Icmpv4 | Layer::Icmpv6 | Layer::Igmp => true,
            Layer::IpAuthHeader => packet.key.proto() == AUTHENTICATION,
            _ => false,
        },
        _ => false,
    }
}

/// Ours refuses what is no IP for the other parser either, or goes beyond a bound of ours.
fn is_no_ip(refusal: Refusal, sliced: &SlicedPacket) -> bool {
    let ip = matches!(sliced.net, Some(NetSlice::Ipv4(_) | NetSlice::Ipv6(_)));
    !ip || refusal == Refusal::TooManyExtensions
}

#[expect(clippy::needless_pass_by_value, reason = "calls read better with values")]
fn same<T: PartialEq + Debug>(what: &str, ours: T, theirs: T) -> Result<(), String> {
    if ours == theirs {
        return Ok(());
    }
    Err(format!("{what}: ours {ours:?}, theirs {theirs:?}"))
}
