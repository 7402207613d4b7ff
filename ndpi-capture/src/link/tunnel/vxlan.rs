//! VXLAN on ports that the programs do not know, and VXLAN-GPE.

use ndpi_common::parse::{self, ETHERNET_LEN, Link, Packet, Source, ethertype, proto};

use super::{Tunnel, TunnelKind};

/// Bytes of the header.
const LEN: u32 = 8;
/// Bytes of a UDP header.
const UDP_LEN: u32 = 8;

/// The inner packet, where `packet` goes to one of these ports and carries VXLAN (RFC 7348), or
/// VXLAN-GPE (draft-ietf-nvo3-vxlan-gpe-13), whose header says what follows.
pub(super) fn find<S: Source + ?Sized>(
    source: &S,
    packet: &Packet,
    ports: &[u16],
) -> Option<(Tunnel, Link)> {
    const HAS_IDENTIFIER: u8 = 0x08;
    const HAS_PROTOCOL: u8 = 0x04;
    const VERSION: u8 = 0x30;
    const MAINTENANCE: u8 = 0x01;
    let at = packet.payload;
    let is_udp = packet.key.proto() == proto::UDP && at >= packet.l4 + UDP_LEN;
    if !is_udp || !ports.contains(&packet.ports().1) {
        return None;
    }
    let [flags, _, _, protocol]: [u8; 4] = source.load(at)?;
    if flags & HAS_IDENTIFIER == 0 || flags & (VERSION | MAINTENANCE) != 0 {
        return None;
    }
    let inner = at.checked_add(LEN)?;
    let (kind, link) = if flags & HAS_PROTOCOL == 0 {
        (TunnelKind::Vxlan, ethernet(source, inner)?)
    } else {
        (TunnelKind::VxlanGpe, of_protocol(source, inner, protocol)?)
    };
    let link = parse::step_over(source, link).ok()?;
    let tunnel = Tunnel { kind, id: Some(identifier(source, at)?) };
    Some((tunnel, Link { tags: packet.tags, ..link }))
}

/// The network identifier of the VXLAN or Geneve header at `at`: 24 bits at the same place.
pub(super) fn identifier<S: Source + ?Sized>(source: &S, at: u32) -> Option<u32> {
    let [a, b, c] = source.load(at.checked_add(4)?)?;
    Some(u32::from_be_bytes([0, a, b, c]))
}

fn ethernet<S: Source + ?Sized>(source: &S, at: u32) -> Option<Link> {
    let ethertype = u16::from_be_bytes(source.load(at.checked_add(ETHERNET_LEN - 2)?)?);
    Some(link(ethertype, at.checked_add(ETHERNET_LEN)?))
}

/// What a next protocol of VXLAN-GPE stands for.
fn of_protocol<S: Source + ?Sized>(source: &S, at: u32, protocol: u8) -> Option<Link> {
    match protocol {
        1 => Some(link(ethertype::IPV4, at)),
        2 => Some(link(ethertype::IPV6, at)),
        3 => ethernet(source, at),
        5 => Some(link(ethertype::MPLS, at)),
        _ => None,
    }
}

fn link(ethertype: u16, at: u32) -> Link {
    Link::bare(ethertype, at)
}
