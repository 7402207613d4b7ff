//! Packets of devices without a link header: tun, WireGuard, PPP, IP in IP, cellular modems.
//!
//! Such a device hands over packets that begin with their IP header. Some of them nevertheless have
//! an Ethernet header in front: what IPsec took out of its tunnel keeps that of the device it came
//! in on (`xfrm_mode_tunnel_input` in Linux makes it anew).

use super::{ETHERNET_LEN, Link, Refusal, Source, ethertype, ipv4, ipv6};

/// Finds the IP header of such a packet: at the start, else behind an Ethernet header; by what fits
/// the packet, since both begin with bytes that are made to be anything: an address that looks like
/// an EtherType does not make a packet a frame, nor a MAC address that begins like an IP header a
/// frame a packet. What fits nowhere is taken for IP that is broken.
///
/// # Errors
/// [`Refusal::TruncatedIp`] and [`Refusal::BadVersion`].
#[inline(always)]
pub fn layer3<S: Source + ?Sized>(source: &S) -> Result<Link, Refusal> {
    let start: [u8; 6] = source.load(0).ok_or(Refusal::TruncatedIp)?;
    let len = source.len();
    let is_packet = match start[0] >> 4 {
        4 => is_v4(&start, len) && (surely_v4(&start, len) || sums_up(source, start[0])),
        6 => is_v6(&start, len),
        _ => false,
    };
    if !is_packet && let Some(link) = behind_ethernet(source, len) {
        return Ok(link);
    }
    match start[0] >> 4 {
        4 => Ok(Link::bare(ethertype::IPV4, 0)),
        6 => Ok(Link::bare(ethertype::IPV6, 0)),
        _ => Err(Refusal::BadVersion),
    }
}

/// IP behind an Ethernet header that names it.
#[inline(always)]
fn behind_ethernet<S: Source + ?Sized>(source: &S, len: u32) -> Option<Link> {
    let [a, b, start @ ..]: [u8; 8] = source.load(ETHERNET_LEN - 2)?;
    let there = len.checked_sub(ETHERNET_LEN)?;
    let fits = match (u16::from_be_bytes([a, b]), start[0] >> 4) {
        (ethertype::IPV4, 4) => is_v4(&start, there),
        (ethertype::IPV6, 6) => is_v6(&start, there),
        _ => false,
    };
    fits.then(|| Link::bare(u16::from_be_bytes([a, b]), ETHERNET_LEN))
}

#[inline(always)]
fn is_v4(start: &[u8; 6], there: u32) -> bool {
    let header = u32::from(start[0] & 0x0f) * 4;
    let total = u32::from(u16::from_be_bytes([start[2], start[3]]));
    ipv4::HEADER_LEN <= header && header <= total && total <= there
}

#[inline(always)]
fn is_v6(start: &[u8; 6], there: u32) -> bool {
    ipv6::HEADER_LEN + u32::from(u16::from_be_bytes([start[4], start[5]])) <= there
}

/// No MAC address of a receiver begins with 0x45, which is a group's; nor is it likely that one is
/// the length of its frame, to the byte.
#[inline(always)]
fn surely_v4(start: &[u8; 6], len: u32) -> bool {
    start[0] == 0x45 || u32::from(u16::from_be_bytes([start[2], start[3]])) == len
}

/// Whether an IPv4 header at the start has the checksum that it needs to be taken by any host.
#[inline(always)]
fn sums_up<S: Source + ?Sized>(source: &S, first: u8) -> bool {
    let words = u32::from(first & 0x0f);
    let mut sum = 0;
    for word in 0..15 {
        if word < words {
            let Some([a, b, c, d]) = source.load(word * 4) else { return false };
            sum += u32::from(u16::from_be_bytes([a, b])) + u32::from(u16::from_be_bytes([c, d]));
        }
    }
    // Thirty words of 16 bits: folded twice, nothing is left above.
    sum = (sum & 0xffff) + (sum >> 16);
    sum = (sum & 0xffff) + (sum >> 16);
    sum == 0xffff
}
