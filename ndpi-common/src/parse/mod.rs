//! The packet parser: one for XDP, TC and user space.
//!
//! It reads through [`Source`], so that the same code runs over a slice and inside a BPF program.
//! It steps over up to [`MAX_TAGS`] VLAN tags, MPLS labels and PPPoE, reads IPv4 with options and
//! IPv6 with up to [`MAX_EXTENSIONS`] extension headers, and gives the flow's key. Only TCP and UDP
//! have ports in the key: nDPI knows other protocols by their number, so all SCTP between two hosts
//! is one flow, as all ICMP is. An ICMP error can be asked for the packet that it [quotes](quoted).
//!
//! [`fast`] is a short cut for what nearly all packets look like; where it answers, it answers the
//! same as [`frame`].

mod fast;
mod gre;
mod ipv4;
mod ipv6;
mod layer3;
mod link;
mod packet;
mod quoted;
mod source;
pub mod tcp;
mod transport;
mod tunnel;

use core::mem::MaybeUninit;

pub use fast::{fast, fast_v4, fast_v6};
pub use gre::GreHeader;
pub use ipv4::parse as ipv4_into;
pub use ipv6::{MAX_EXTENSIONS, parse as ipv6_into};
pub use layer3::layer3;
pub use link::{ETHERNET_LEN, Link, MAX_LABELS, MAX_TAGS, Tags, ethertype};
pub use packet::{Fragment, Notes, Packet, Refusal};
pub use quoted::{is_about, quotation, quoted};
pub use source::{Captured, Head, Source, View};
pub use transport::proto;
pub use tunnel::{MAX_DEPTH, Tunnel, entrance};

/// What the parser is asked to do beyond the default.
#[derive(Clone, Copy, PartialEq, Eq, Default)]
#[cfg_attr(feature = "user", derive(Debug))]
#[expect(clippy::struct_excessive_bools, reason = "each has nothing to do with the others")]
pub struct Options {
    /// Look into tunnels: the key is that of the innermost packet that can be parsed.
    pub tunnels: bool,
    /// Take an IP length of 0 to mean "all that is there", as segmentation offload writes it,
    /// instead of refusing the packet.
    pub zero_length: bool,
    /// Take an IP length beyond the frame's end to mean all that is there, instead of refusing
    /// the packet. No host accepts such a packet, but a flow that only exists of them is still
    /// seen, and a rule on the flow still holds.
    pub cut_length: bool,
    /// Take the first bytes of a TCP header, as far as the ports go, for enough: the packet is one
    /// that an ICMP error quotes.
    pub quoted: bool,
}

impl Options {
    /// How the kernel's programs read packets: as far as they go.
    pub const LENIENT: Self =
        Self { tunnels: false, zero_length: true, cut_length: true, quoted: false };
    /// How the packet in an ICMP error is read: as far as it is there.
    pub const QUOTED: Self = Self { quoted: true, ..Self::LENIENT };
}

/// Parses a frame that starts with an Ethernet header.
///
/// # Errors
/// Says why the frame has no flow: see [`Refusal`].
#[inline(always)]
pub fn frame<S: Source + ?Sized>(source: &S, options: Options) -> Result<Packet, Refusal> {
    let link = ethernet(source)?;
    packet(source, link, options)
}

/// Steps over an Ethernet header at the frame's start and all tags behind it: the first step of
/// [`frame`].
///
/// # Errors
/// As [`frame`].
#[inline(always)]
pub fn ethernet<S: Source + ?Sized>(source: &S) -> Result<Link, Refusal> {
    link::ethernet(source, 0, Tags::default())
}

/// Steps over the tags that `link` leads to: the first step of [`from_ethertype`].
///
/// # Errors
/// As [`frame`].
#[inline(always)]
pub fn step_over<S: Source + ?Sized>(source: &S, link: Link) -> Result<Link, Refusal> {
    link::walk(source, link)
}

/// Parses what stands at `link.at` under the EtherType `link.ethertype`: an IP packet, or tags
/// that lead to one. `link.tags` holds tags that were taken off before (hardware-stripped ones).
///
/// # Errors
/// As [`frame`].
#[inline(always)]
pub fn from_ethertype<S: Source + ?Sized>(
    source: &S,
    link: Link,
    options: Options,
) -> Result<Packet, Refusal> {
    let link = link::walk(source, link)?;
    packet(source, link, options)
}

/// Parses an IP packet whose header is at `at`; the version field says which.
///
/// # Errors
/// As [`frame`].
#[inline(always)]
pub fn from_ip<S: Source + ?Sized>(
    source: &S,
    at: u32,
    options: Options,
) -> Result<Packet, Refusal> {
    let [first] = source.load::<1>(at).ok_or(Refusal::TruncatedIp)?;
    let ethertype = match first >> 4 {
        4 => ethertype::IPV4,
        6 => ethertype::IPV6,
        _ => return Err(Refusal::BadVersion),
    };
    packet(source, Link::bare(ethertype, at), options)
}

#[inline(always)]
fn packet<S: Source + ?Sized>(source: &S, link: Link, options: Options) -> Result<Packet, Refusal> {
    let outer = network(source, link, options)?;
    if options.tunnels { Ok(tunnel::innermost(source, outer, options)) } else { Ok(outer) }
}

/// Parses the IP header that `link` leads to, and what follows it: the step of [`frame`] after the
/// link header. Tunnels stay closed.
///
/// # Errors
/// As [`frame`].
#[inline(always)]
pub fn network<S: Source + ?Sized>(
    source: &S,
    link: Link,
    options: Options,
) -> Result<Packet, Refusal> {
    let mut packet = MaybeUninit::uninit();
    match link.ethertype {
        ethertype::IPV4 => ipv4_into(source, &link, options, &mut packet)?,
        ethertype::IPV6 => ipv6_into(source, &link, options, &mut packet)?,
        _ => return Err(Refusal::NotIp),
    }
    // SAFETY: written, as nothing was refused.
    Ok(unsafe { packet.assume_init() })
}

/// How much a length field stands for when `there` bytes are there, and the [`Notes`] about it.
/// A length of 0 stays 0 unless the options say otherwise.
#[inline(always)]
fn length(field: u32, there: u32, options: Options) -> Result<(u32, u8), Refusal> {
    if field == 0 && options.zero_length {
        Ok((there, Notes::NO_LENGTH))
    } else if field <= there {
        Ok((field, Notes::NONE))
    } else if options.cut_length {
        Ok((there, Notes::CUT_LENGTH))
    } else {
        Err(Refusal::LengthTooLong)
    }
}

#[cfg(test)]
mod tests;
