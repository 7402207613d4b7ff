//! What is under the link layer, by link type (<https://www.tcpdump.org/linktypes.html>).

use ndpi_common::parse::ethertype;

use super::Skip;
use crate::capture::LinkType;

/// Link types by their numbers in captures. Raw IP has several: what one system or another calls
/// it in memory was written to files as it was.
mod link_type {
    pub(super) const NULL: u16 = 0;
    pub(super) const ETHERNET: u16 = 1;
    pub(super) const PPP: u16 = 9;
    pub(super) const RAW_BSD: u16 = 12;
    pub(super) const RAW_OPENBSD: u16 = 14;
    pub(super) const PPP_HDLC: u16 = 50;
    pub(super) const PPP_ETHER: u16 = 51;
    pub(super) const RAW: u16 = 101;
    pub(super) const C_HDLC: u16 = 104;
    pub(super) const LOOP: u16 = 108;
    pub(super) const LINUX_SLL: u16 = 113;
    pub(super) const PPP_WITH_DIRECTION: u16 = 166;
    pub(super) const PPI: u16 = 192;
    pub(super) const IPV4: u16 = 228;
    pub(super) const IPV6: u16 = 229;
    pub(super) const LINUX_SLL2: u16 = 276;
}

/// What comes next in a packet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Under {
    /// An Ethernet header.
    Ethernet,
    /// What an EtherType stands for.
    EtherType(u16),
    /// An IP header, whose version field says which.
    Ip,
}

/// What comes next, and the bytes from there on.
type Found<'a> = Result<(Under, &'a [u8]), Skip>;

/// What is under the link layer of `data`, which begins with what `link_type` says.
#[inline]
pub(super) fn find(link_type: LinkType, data: &[u8]) -> Found<'_> {
    if link_type.0 == link_type::ETHERNET {
        return Ok((Under::Ethernet, data));
    }
    match link_type.0 {
        link_type::PPI => ppi(data),
        _ => unwrapped(link_type, data),
    }
}

fn unwrapped(link_type: LinkType, data: &[u8]) -> Found<'_> {
    match link_type.0 {
        link_type::ETHERNET => Ok((Under::Ethernet, data)),
        link_type::RAW_BSD
        | link_type::RAW_OPENBSD
        | link_type::RAW
        | link_type::IPV4
        | link_type::IPV6 => Ok((Under::Ip, data)),
        link_type::NULL | link_type::LOOP => loopback(data),
        link_type::LINUX_SLL => cooked(data),
        link_type::LINUX_SLL2 => cooked_v2(data),
        link_type::PPP => ppp(data),
        link_type::PPP_WITH_DIRECTION => ppp(split::<1>(data)?.1),
        link_type::PPP_HDLC => serial(data),
        link_type::C_HDLC => cisco_hdlc(data),
        link_type::PPP_ETHER => Ok((Under::EtherType(ethertype::PPPOE_SESSION), data)),
        _ => Err(Skip::LinkType(link_type)),
    }
}

/// BSD loopback: four bytes of address family, in the byte order of whoever captured. `AF_INET` is
/// 2 everywhere, but `AF_INET6` is 10, 23, 24, 26, 28 or 30; the IP version says it as well, and
/// everywhere alike.
fn loopback(data: &[u8]) -> Found<'_> {
    split::<4>(data).map(|(_family, rest)| (Under::Ip, rest))
}

/// Linux "cooked" capture: packet type, ARPHRD_ type, address length and address, protocol.
fn cooked(data: &[u8]) -> Found<'_> {
    let (header, rest) = split::<16>(data)?;
    Ok((linux(u16_at(&header, 2), u16_at(&header, 14)), rest))
}

/// Version 2: protocol, reserved, interface, ARPHRD_ type, packet type, address.
fn cooked_v2(data: &[u8]) -> Found<'_> {
    let (header, rest) = split::<20>(data)?;
    Ok((linux(u16_at(&header, 8), u16_at(&header, 0)), rest))
}

/// The protocol is an EtherType; on GRE interfaces it is GRE's, where one more stands for Ethernet.
fn linux(arphrd: u16, protocol: u16) -> Under {
    const ARPHRD_IPGRE: u16 = 778;
    const ARPHRD_IP6GRE: u16 = 823;
    match (arphrd, protocol) {
        (ARPHRD_IPGRE | ARPHRD_IP6GRE, ethertype::BRIDGED_ETHERNET) => Under::Ethernet,
        _ => Under::EtherType(protocol),
    }
}

/// PPP with or without the address and control bytes of HDLC-like framing (RFC 1661, RFC 1662).
fn ppp(data: &[u8]) -> Found<'_> {
    const ADDRESS_AND_CONTROL: [u8; 2] = [0xff, 0x03];
    let data = data.strip_prefix(&ADDRESS_AND_CONTROL).unwrap_or(data);
    let ([first], rest) = split(data)?;
    // A compressed protocol field is one odd byte.
    let (protocol, rest) = if first & 1 == 1 {
        (first.into(), rest)
    } else {
        let (field, rest) = split(data)?;
        (u16::from_be_bytes(field), rest)
    };
    let under = match protocol {
        0x0021 => ethertype::IPV4,
        0x0057 => ethertype::IPV6,
        0x0281 => ethertype::MPLS,
        0x0283 => ethertype::MPLS_MULTICAST,
        _ => return Err(Skip::NOT_IP),
    };
    Ok((Under::EtherType(under), rest))
}

/// PPP in HDLC-like framing, or Cisco's framing, told apart by the address.
fn serial(data: &[u8]) -> Found<'_> {
    const UNICAST: u8 = 0x0f;
    const MULTICAST: u8 = 0x8f;
    match data.first() {
        Some(&(UNICAST | MULTICAST)) => cisco_hdlc(data),
        _ => ppp(data),
    }
}

/// Cisco HDLC (RFC 1547, section 4.3.1): address, control, EtherType.
fn cisco_hdlc(data: &[u8]) -> Found<'_> {
    let ([_address, _control, a, b], rest) = split(data)?;
    Ok((Under::EtherType(u16::from_be_bytes([a, b])), rest))
}

/// Per-packet information: a header with its own length and the link type of what it precedes, in
/// little endian. PPI within PPI is refused.
fn ppi(data: &[u8]) -> Found<'_> {
    let (header, _) = split::<8>(data)?;
    let [_version, _flags, length @ .., _, _, _, _] = header;
    let inside = [header[4], header[5], header[6], header[7]];
    let length = usize::from(u16::from_le_bytes(length));
    let rest = data.get(length..).filter(|_| length >= 8).ok_or(Skip::LINK_HEADER)?;
    match u16::try_from(u32::from_le_bytes(inside)) {
        Ok(inside) => unwrapped(LinkType(inside), rest),
        Err(_) => Err(Skip::LINK_HEADER),
    }
}

fn split<const N: usize>(data: &[u8]) -> Result<([u8; N], &[u8]), Skip> {
    data.split_first_chunk().map(|(head, rest)| (*head, rest)).ok_or(Skip::LINK_HEADER)
}

fn u16_at(header: &[u8], at: usize) -> u16 {
    u16::from_be_bytes([header[at], header[at + 1]])
}
