//! Tunnels: IP-in-IP, GRE, VXLAN, Geneve, GTP-U. Opened only on request.

use super::transport::{UDP_LEN, proto};
use super::{
    ETHERNET_LEN, Fragment, GreHeader, Link, Options, Packet, Source, ethertype, link, network,
};
use crate::TenantKind;

/// Tunnels that are opened one within the other.
pub const MAX_DEPTH: u32 = 2;

/// UDP destination ports (IANA) that say which tunnel it is.
mod port {
    pub(super) const GTP_U: u16 = 2152;
    pub(super) const VXLAN: u16 = 4789;
    pub(super) const GENEVE: u16 = 6081;
}

/// The innermost tunnel that was opened.
#[repr(u8)]
#[derive(Clone, Copy, PartialEq, Eq)]
#[cfg_attr(feature = "user", derive(Debug, Hash))]
pub enum Tunnel {
    /// No tunnel, or not opened.
    None = 0,
    /// IPv4 or IPv6 directly in IP (RFC 2003, RFC 4213).
    IpInIp = 1,
    /// GRE, version 0 (RFC 2784, RFC 2890).
    Gre = 2,
    /// VXLAN (RFC 7348).
    Vxlan = 3,
    /// Geneve (RFC 8926).
    Geneve = 4,
    /// GTP-U, version 1 (3GPP TS 29.281).
    GtpU = 5,
}

/// The packet within `outer`, as far in as it can be parsed; `outer` where it is no tunnel.
#[inline(always)]
pub(super) fn innermost<S: Source + ?Sized>(source: &S, outer: Packet, options: Options) -> Packet {
    let mut packet = outer;
    for _ in 0..MAX_DEPTH {
        let Some((tunnel, link)) = entrance(source, &packet) else { return packet };
        let Ok(inner) = network(source, link, options) else { return packet };
        packet = Packet { tunnel, ..inner };
    }
    packet
}

/// Which tunnel `packet` is the outside of, and where the inner packet's IP header starts; `None`
/// where it is no tunnel that can be opened.
///
/// The inner packet keeps the outer one's tags: the same inner addresses in two VLANs are two
/// flows.
#[inline(always)]
pub fn entrance<S: Source + ?Sized>(source: &S, packet: &Packet) -> Option<(Tunnel, Link)> {
    let Fragment::Whole { .. } = packet.fragment else { return None };
    let at = packet.payload;
    let (tunnel, inside) = match packet.key.proto() {
        proto::IPV4 => (Tunnel::IpInIp, nobodys(Link::bare(ethertype::IPV4, at))),
        proto::IPV6 => (Tunnel::IpInIp, nobodys(Link::bare(ethertype::IPV6, at))),
        proto::GRE => (Tunnel::Gre, gre(source, at)?),
        proto::UDP if packet.payload >= packet.l4 + UDP_LEN => udp(source, packet)?,
        _ => return None,
    };
    let depth = packet.key.tunnel();
    let tenant = packet.tenant.with(depth, inside.tenant);
    Some((tunnel, Link { tags: packet.tags, tunnel: depth + 1, tenant, ..inside.link }))
}

/// What a tunnel carries, and what its header says of whose it is.
struct Carried {
    link: Link,
    tenant: (TenantKind, u32),
}

#[inline(always)]
fn nobodys(link: Link) -> Carried {
    Carried { link, tenant: (TenantKind::None, 0) }
}

#[inline(always)]
fn udp<S: Source + ?Sized>(source: &S, packet: &Packet) -> Option<(Tunnel, Carried)> {
    let at = packet.payload;
    match packet.ports().1 {
        port::VXLAN => Some((Tunnel::Vxlan, vxlan(source, at)?)),
        port::GENEVE => Some((Tunnel::Geneve, geneve(source, at)?)),
        port::GTP_U => Some((Tunnel::GtpU, gtp_u(source, at)?)),
        _ => None,
    }
}

/// What stands at `at` under an EtherType: an Ethernet frame, or IP with or without tags.
#[inline(always)]
fn inside<S: Source + ?Sized>(source: &S, mut ethertype: u16, at: u32) -> Option<Link> {
    let mut at = source.forget(at);
    if ethertype == ethertype::BRIDGED_ETHERNET {
        ethertype = u16::from_be_bytes(source.load(at + 12)?);
        at += ETHERNET_LEN;
    }
    link::walk(source, Link::bare(ethertype, at)).ok()
}

#[inline(always)]
fn gre<S: Source + ?Sized>(source: &S, at: u32) -> Option<Carried> {
    let header = GreHeader::load(source, at)?;
    let link = inside(source, header.protocol, at + header.len)?;
    Some(Carried { link, tenant: header.tenant() })
}

/// A number of 24 bits in network order.
#[inline(always)]
const fn identifier(a: u8, b: u8, c: u8) -> u32 {
    u32::from_be_bytes([0, a, b, c])
}

#[inline(always)]
fn vxlan<S: Source + ?Sized>(source: &S, at: u32) -> Option<Carried> {
    const HAS_IDENTIFIER: u8 = 0x08;
    let [flags, _, _, _, a, b, c, _] = source.load(at)?;
    if flags & HAS_IDENTIFIER == 0 {
        return None;
    }
    let link = inside(source, ethertype::BRIDGED_ETHERNET, at + 8)?;
    Some(Carried { link, tenant: (TenantKind::Vxlan, identifier(a, b, c)) })
}

#[inline(always)]
fn geneve<S: Source + ?Sized>(source: &S, at: u32) -> Option<Carried> {
    let [first, _, protocol @ .., x, y, z, _]: [u8; 8] = source.load(at)?;
    if first >> 6 != 0 {
        return None;
    }
    let options = u32::from(first & 0x3f) * 4;
    let link = inside(source, u16::from_be_bytes(protocol), at + 8 + options)?;
    Some(Carried { link, tenant: (TenantKind::Geneve, identifier(x, y, z)) })
}

/// A user packet (message type 255) of GTP version 1. Its extension headers are stepped over as
/// far as one, which is what the PDU session container of 5G needs.
#[inline(always)]
fn gtp_u<S: Source + ?Sized>(source: &S, at: u32) -> Option<Carried> {
    const USER_PACKET: u8 = 255;
    let [flags, kind] = source.load(at)?;
    if flags >> 5 != 1 || flags & 0x10 == 0 || kind != USER_PACKET {
        return None;
    }
    let mut at = source.forget(at + 8);
    if flags & 7 != 0 {
        let [_, _, _, next] = source.load(at)?;
        at += 4;
        if flags & 4 != 0 && next != 0 {
            let [words] = source.load(at)?;
            let len = u32::from(words) * 4;
            let [more] = source.load((at + len).checked_sub(1)?)?;
            if len == 0 || more != 0 {
                return None;
            }
            at += len;
        }
    }
    let [first] = source.load(at)?;
    let ethertype = match first >> 4 {
        4 => ethertype::IPV4,
        6 => ethertype::IPV6,
        _ => return None,
    };
    Some(nobodys(Link::bare(ethertype, source.forget(at))))
}
