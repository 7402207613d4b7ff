//! ERSPAN: frames that a switch mirrors, in GRE (draft-foschiano-erspan-03).

use ndpi_common::parse::{
    self, ETHERNET_LEN, GreHeader, Link, Packet, Source, Tags, ethertype, proto,
};

use super::{Tunnel, TunnelKind};

/// GRE's protocol numbers: types I and II, of which the first has neither a sequence number nor a
/// header of its own; type III.
pub(super) const TYPES_1_AND_2: u16 = 0x88be;
pub(super) const TYPE_3: u16 = 0x22eb;

/// A mirrored frame's header, and which VLAN it was in where its tag was taken off.
struct Mirrored {
    /// Where the frame begins.
    at: u32,
    vlan: u16,
    /// It begins with an IP header.
    is_ip: bool,
}

/// The mirrored packet, where `packet` is of ERSPAN.
pub(super) fn find<S: Source + ?Sized>(source: &S, packet: &Packet) -> Option<(Tunnel, Link)> {
    let (gre, mirrored) = headers(source, packet)?;
    let tunnel = Tunnel { kind: TunnelKind::Erspan, id: gre.key };
    Some((tunnel, link(source, packet, &mirrored)?))
}

/// Whether `packet` is of ERSPAN in a form that is read.
pub(super) fn is_read<S: Source + ?Sized>(source: &S, packet: &Packet) -> bool {
    headers(source, packet).is_some()
}

fn headers<S: Source + ?Sized>(source: &S, packet: &Packet) -> Option<(GreHeader, Mirrored)> {
    if packet.key.proto() != proto::GRE {
        return None;
    }
    let gre = GreHeader::load(source, packet.payload)?;
    let at = packet.payload.checked_add(gre.len)?;
    let mirrored = match (gre.protocol, gre.has_sequence) {
        (TYPES_1_AND_2, false) => Mirrored { at, vlan: 0, is_ip: false },
        (TYPES_1_AND_2, true) => type_2(source, at)?,
        (TYPE_3, true) => type_3(source, at)?,
        _ => return None,
    };
    Some((gre, mirrored))
}

/// Version 1: version and VLAN, class, encapsulation, session, index.
fn type_2<S: Source + ?Sized>(source: &S, at: u32) -> Option<Mirrored> {
    const VERSION: u8 = 1;
    const LEN: u32 = 8;
    let header: [u8; 4] = source.load(at)?;
    if header[0] >> 4 != VERSION {
        return None;
    }
    // The tag is still in the frame where both bits of its encapsulation are set.
    let has_tag = header[2] & 0x18 == 0x18;
    let vlan = if has_tag { 0 } else { vlan(header) };
    Some(Mirrored { at: at.checked_add(LEN)?, vlan, is_ip: false })
}

/// Version 2: version and VLAN, class, session, time; then the frame's type, and whether eight more
/// bytes of the switch's own follow.
fn type_3<S: Source + ?Sized>(source: &S, at: u32) -> Option<Mirrored> {
    const VERSION: u8 = 2;
    const LEN: u32 = 12;
    const MORE: u32 = 8;
    const ETHERNET: u8 = 0;
    const IP: u8 = 2;
    let header: [u8; LEN as usize] = source.load(at)?;
    let frame_type = header[10] >> 2 & 0x1f;
    if header[0] >> 4 != VERSION || !matches!(frame_type, ETHERNET | IP) {
        return None;
    }
    let len = LEN + if header[11] & 1 == 0 { 0 } else { MORE };
    let vlan = vlan([header[0], header[1], header[2], header[3]]);
    Some(Mirrored { at: at.checked_add(len)?, vlan, is_ip: frame_type == IP })
}

fn vlan(header: [u8; 4]) -> u16 {
    u16::from_be_bytes([header[0], header[1]]) & 0xfff
}

/// Where the IP header of a mirrored frame is. Its VLAN is that of its own tags, else the one that the
/// switch tells, else that of the tunnel.
fn link<S: Source + ?Sized>(source: &S, outer: &Packet, mirrored: &Mirrored) -> Option<Link> {
    let at = mirrored.at;
    let (ethertype, at) = if mirrored.is_ip {
        let [first] = source.load(at)?;
        (if first >> 4 == 6 { ethertype::IPV6 } else { ethertype::IPV4 }, at)
    } else {
        let ethertype = u16::from_be_bytes(source.load(at.checked_add(ETHERNET_LEN - 2)?)?);
        (ethertype, at.checked_add(ETHERNET_LEN)?)
    };
    let tags = Tags::one(mirrored.vlan);
    let link = parse::step_over(source, Link { tags, ..Link::bare(ethertype, at) }).ok()?;
    let tags = if link.tags.count == 0 { outer.tags } else { link.tags };
    Some(Link { tags, ..link })
}
