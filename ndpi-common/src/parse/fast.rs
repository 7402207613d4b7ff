//! The short cut: Ethernet, at most one VLAN tag, IPv4 without options or IPv6 without extension
//! headers, TCP or UDP, not a fragment. Every offset is a constant.

use super::transport::{TCP_LEN, UDP_LEN, proto, tcp_payload};
use super::{Fragment, Head, Notes, Packet, Tags, Tunnel, View, ethertype, ipv4, ipv6};
use crate::TenantIds;
use crate::{Direction, Key, KeyV4, KeyV6};

/// Version 4, five words of header.
const PLAIN_IPV4: u8 = 0x45;
/// More fragments, or a fragment offset.
const ANY_FRAGMENT: u16 = 0x3fff;

/// Parses a frame that starts with an Ethernet header, when it is of the common form.
///
/// `None` says nothing about the frame: ask [`super::frame`].
pub fn fast<S: Head>(source: &S) -> Option<Packet> {
    let link = source.head(18)?;
    match (link.be16::<12>(), link.be16::<16>()) {
        (ethertype::IPV4, _) => fast_v4(source, 14, Tags::default()).map(|p| p.map_key(Key::V4)),
        (ethertype::IPV6, _) => fast_v6(source, 14, Tags::default()).map(|p| p.map_key(Key::V6)),
        (ethertype::VLAN, ethertype::IPV4) => {
            fast_v4(source, 18, Tags::one(link.be16::<14>())).map(|p| p.map_key(Key::V4))
        }
        (ethertype::VLAN, ethertype::IPV6) => {
            fast_v6(source, 18, Tags::one(link.be16::<14>())).map(|p| p.map_key(Key::V6))
        }
        _ => None,
    }
}

/// Parses IPv4 at the constant offset `l3`, when it is of the common form.
#[inline(always)]
pub fn fast_v4<S: Head>(source: &S, l3: usize, tags: Tags) -> Option<Packet<KeyV4>> {
    let l4 = l3 + ipv4::HEADER_LEN as usize;
    let ip = source.head(l4 + UDP_LEN as usize)?.skip(l3);
    let total = u32::from(ip.be16::<2>());
    if ip.byte::<0>() != PLAIN_IPV4 || ip.be16::<6>() & ANY_FRAGMENT != 0 {
        return None;
    }
    let end = offset(l3) + total;
    let proto = ip.byte::<9>();
    let rest = rest(source, proto, l4, end)?;
    let (key, direction) = KeyV4::new(
        (ip.four::<12>(), ip.be16::<20>()),
        (ip.four::<16>(), ip.be16::<22>()),
        tags.innermost(),
        proto,
    );
    Some(packet(
        key,
        direction,
        tags,
        Offsets { id: u32::from(ip.be16::<4>()), l3: offset(l3), l4: offset(l4), end },
        rest,
    ))
}

/// Parses IPv6 at the constant offset `l3`, when it is of the common form.
#[inline(always)]
pub fn fast_v6<S: Head>(source: &S, l3: usize, tags: Tags) -> Option<Packet<KeyV6>> {
    let l4 = l3 + ipv6::HEADER_LEN as usize;
    let ip = source.head(l4 + UDP_LEN as usize)?.skip(l3);
    if ip.byte::<0>() >> 4 != 6 {
        return None;
    }
    let end = offset(l4) + u32::from(ip.be16::<4>());
    let proto = ip.byte::<6>();
    let rest = rest(source, proto, l4, end)?;
    let (key, direction) = KeyV6::new(
        (ip.sixteen::<8>(), ip.be16::<40>()),
        (ip.sixteen::<24>(), ip.be16::<42>()),
        tags.innermost(),
        proto,
    );
    Some(packet(key, direction, tags, Offsets { id: 0, l3: offset(l3), l4: offset(l4), end }, rest))
}

/// What the transport header says beyond the ports.
#[derive(Clone, Copy)]
struct Rest {
    payload: u32,
    tcp_flags: u8,
}

#[derive(Clone, Copy)]
struct Offsets {
    id: u32,
    l3: u32,
    l4: u32,
    end: u32,
}

/// `None` for protocols other than TCP and UDP, and where lengths do not fit.
#[inline(always)]
fn rest<S: Head>(source: &S, proto: u8, l4: usize, end: u32) -> Option<Rest> {
    if end > source.together() {
        return None;
    }
    if proto == proto::TCP {
        let tcp = source.head(l4 + TCP_LEN as usize)?.skip(l4);
        if end < offset(l4) + TCP_LEN {
            return None;
        }
        let payload = tcp_payload(tcp.byte::<12>(), offset(l4), end);
        Some(Rest { payload, tcp_flags: tcp.byte::<13>() })
    } else if proto == proto::UDP && end >= offset(l4) + UDP_LEN {
        Some(Rest { payload: offset(l4) + UDP_LEN, tcp_flags: 0 })
    } else {
        None
    }
}

#[inline(always)]
fn packet<K>(key: K, direction: Direction, tags: Tags, offsets: Offsets, rest: Rest) -> Packet<K> {
    Packet {
        key,
        direction,
        fragment: Fragment::Whole { id: offsets.id },
        l3: offsets.l3,
        l4: offsets.l4,
        payload: rest.payload,
        end: offsets.end,
        tcp_flags: rest.tcp_flags,
        notes: Notes::NONE,
        tags,
        tunnel: Tunnel::None,
        tenant: TenantIds::NONE,
    }
}

#[inline(always)]
#[expect(clippy::cast_possible_truncation, reason = "constants below 100")]
const fn offset(at: usize) -> u32 {
    at as u32
}
