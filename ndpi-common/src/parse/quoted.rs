//! ICMP errors (RFC 792, RFC 4443): they quote the packet that they are about.

use super::transport::proto;
use super::{Fragment, Link, Options, Packet, Source, ethertype, network};
use crate::{Direction, Key};

/// The ICMP header before the quotation.
const HEADER_LEN: u32 = 8;
/// How much of the quoted packet there is at least behind its IP header (RFC 792).
const LEAST: u32 = 8;

/// The packet that `packet` quotes, if that is an ICMP error about one that its receiver sent. Its
/// offsets count in the same frame, and its `end` may be beyond the quotation's.
///
/// The error goes the way that is opposite to the quoted packet's direction, as an answer does.
#[inline(always)]
pub fn quoted<S: Source + ?Sized>(source: &S, packet: &Packet) -> Option<Packet> {
    let link = quotation(source, packet)?;
    let quoted = network(source, link, Options::QUOTED).ok()?;
    is_about(packet, &quoted).then_some(quoted)
}

/// Where the IP header starts that `packet` quotes; `None` where it is no ICMP error. The first
/// step of [`quoted`].
#[inline(always)]
pub fn quotation<S: Source + ?Sized>(source: &S, packet: &Packet) -> Option<Link> {
    // The quotation is in the first of an error's fragments.
    let (Fragment::Whole { .. } | Fragment::First { .. }) = packet.fragment else { return None };
    let [kind] = source.load(packet.l4)?;
    let ethertype = match (&packet.key, packet.key.proto()) {
        (Key::V4(_), proto::ICMP) if is_error(kind) => ethertype::IPV4,
        (Key::V6(_), proto::ICMPV6) if is_error_v6(kind) => ethertype::IPV6,
        _ => return None,
    };
    let at = source.forget(packet.l4 + HEADER_LEN);
    let Packet { tags, tenant, .. } = *packet;
    Some(Link { ethertype, at, tags, tunnel: packet.key.tunnel(), tenant })
}

/// Whether the error in `packet` can be about `quoted`: it was sent to who sent that, and quotes
/// enough of it. The last step of [`quoted`].
#[inline(always)]
pub fn is_about(packet: &Packet, quoted: &Packet) -> bool {
    quoted.l4 + LEAST <= packet.end
        && match (&packet.key, &quoted.key) {
            (Key::V4(error), Key::V4(about)) => {
                let to = pick(packet.direction, error.upper, error.lower);
                to == pick(quoted.direction, about.lower, about.upper)
            }
            (Key::V6(error), Key::V6(about)) => {
                let to = pick(packet.direction, error.upper, error.lower);
                to == pick(quoted.direction, about.lower, about.upper)
            }
            _ => false,
        }
}

#[inline(always)]
fn pick<T>(direction: Direction, from_lower: T, from_upper: T) -> T {
    match direction {
        Direction::FromLower => from_lower,
        Direction::FromUpper => from_upper,
    }
}

/// Destination unreachable, source quench, redirect, time exceeded, parameter problem.
#[inline(always)]
const fn is_error(kind: u8) -> bool {
    matches!(kind, 3 | 4 | 5 | 11 | 12)
}

/// Destination unreachable, packet too big, time exceeded, parameter problem.
#[inline(always)]
const fn is_error_v6(kind: u8) -> bool {
    matches!(kind, 1..=4)
}
