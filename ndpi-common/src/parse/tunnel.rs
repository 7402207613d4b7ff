//! Tunnels: IP-in-IP, GRE, VXLAN, Geneve, GTP-U. Opened only on request.

use super::transport::{UDP_LEN, proto};
use super::{Fragment, Link, Options, Packet, Refusal, Source, Tags, ethertype, link, network};

/// Tunnels that are opened one within the other.
const MAX_DEPTH: u32 = 2;

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
///
/// The inner packet keeps the outer one's VLAN in its key: the same inner addresses in two VLANs
/// are two flows.
#[inline(always)]
pub(super) fn innermost<S: Source + ?Sized>(source: &S, outer: Packet, options: Options) -> Packet {
    let mut packet = outer;
    for _ in 0..MAX_DEPTH {
        let Some((tunnel, link)) = entrance(source, &packet) else { return packet };
        let Ok(inner) = link.and_then(|link| network(source, link, options)) else {
            return packet;
        };
        packet = Packet { tunnel, ..inner };
    }
    packet
}

/// Which tunnel `packet` is the outside of, and where the inner packet starts.
#[inline(always)]
fn entrance<S: Source + ?Sized>(
    source: &S,
    packet: &Packet,
) -> Option<(Tunnel, Result<Link, Refusal>)> {
    if packet.fragment != Fragment::Whole {
        return None;
    }
    let (at, tags) = (packet.payload, packet.tags);
    match packet.key.proto() {
        proto::IPV4 => Some((Tunnel::IpInIp, Ok(Link { ethertype: ethertype::IPV4, at, tags }))),
        proto::IPV6 => Some((Tunnel::IpInIp, Ok(Link { ethertype: ethertype::IPV6, at, tags }))),
        proto::GRE => Some((Tunnel::Gre, gre(source, at, tags)?)),
        proto::UDP if packet.payload >= packet.l4 + UDP_LEN => match packet.ports().1 {
            port::VXLAN => Some((Tunnel::Vxlan, vxlan(source, at, tags)?)),
            port::GENEVE => Some((Tunnel::Geneve, geneve(source, at, tags)?)),
            port::GTP_U => Some((Tunnel::GtpU, gtp_u(source, at, tags)?)),
            _ => None,
        },
        _ => None,
    }
}

/// What stands at `at` under an EtherType: an Ethernet frame, or IP with or without tags.
#[inline(always)]
fn inside<S: Source + ?Sized>(
    source: &S,
    ethertype: u16,
    at: u32,
    tags: Tags,
) -> Result<Link, Refusal> {
    let at = source.forget(at);
    let link = if ethertype == ethertype::BRIDGED_ETHERNET {
        link::ethernet(source, at, Tags::default())?
    } else {
        link::walk(source, Link { ethertype, at, tags: Tags::default() })?
    };
    Ok(Link { tags, ..link })
}

/// Checksum, key and sequence number are there when their bits are set.
#[inline(always)]
fn gre<S: Source + ?Sized>(source: &S, at: u32, tags: Tags) -> Option<Result<Link, Refusal>> {
    const CHECKSUM: u8 = 0x80;
    const ROUTING: u8 = 0x40;
    const KEY: u8 = 0x20;
    const SEQUENCE: u8 = 0x10;
    let [flags, version, a, b] = source.load(at)?;
    if version & 7 != 0 || flags & ROUTING != 0 {
        return None;
    }
    let mut len = 4;
    for bit in [CHECKSUM, KEY, SEQUENCE] {
        len += if flags & bit != 0 { 4 } else { 0 };
    }
    Some(inside(source, u16::from_be_bytes([a, b]), at + len, tags))
}

#[inline(always)]
fn vxlan<S: Source + ?Sized>(source: &S, at: u32, tags: Tags) -> Option<Result<Link, Refusal>> {
    const HAS_IDENTIFIER: u8 = 0x08;
    let [flags] = source.load(at)?;
    if flags & HAS_IDENTIFIER == 0 {
        return None;
    }
    Some(inside(source, ethertype::BRIDGED_ETHERNET, at + 8, tags))
}

#[inline(always)]
fn geneve<S: Source + ?Sized>(source: &S, at: u32, tags: Tags) -> Option<Result<Link, Refusal>> {
    let [first, _, a, b] = source.load(at)?;
    if first >> 6 != 0 {
        return None;
    }
    let options = u32::from(first & 0x3f) * 4;
    Some(inside(source, u16::from_be_bytes([a, b]), at + 8 + options, tags))
}

/// A user packet (message type 255) of GTP version 1. Its extension headers are stepped over as
/// far as one, which is what the PDU session container of 5G needs.
#[inline(always)]
fn gtp_u<S: Source + ?Sized>(source: &S, at: u32, tags: Tags) -> Option<Result<Link, Refusal>> {
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
    Some(Ok(Link { ethertype, at: source.forget(at), tags }))
}
