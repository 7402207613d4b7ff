//! Link types: what is under the header that a captured packet begins with.
//!
//! The table (`table.rs`) has all of them, by the registry of libpcap
//! (<https://www.tcpdump.org/linktypes.html>): those that are read, with how, and those that are only
//! known by name. Each module holds the headers of one family.

mod bsd;
mod bytes;
mod cooked;
mod infiniband;
mod llc;
mod nflog;
mod odd;
mod ppp;
mod radio;
mod switch;
mod table;
mod under;
mod wifi;
mod wrapped;

use super::Skip;
use crate::packet::LinkType;
use bytes::behind;
use table::{Read, look_up};
use under::Found;
pub(super) use under::Under;
pub(super) use wifi::Subframes;

/// The name of a link type in the registry, without `LINKTYPE_`.
pub(super) fn name(link_type: LinkType) -> Option<&'static str> {
    look_up(link_type).map(|known| known.name)
}

/// What most packets begin with.
const ETHERNET: LinkType = LinkType(1);

/// What is under the link layer of `data`, which begins with what `link_type` says.
#[inline]
pub(super) fn find(link_type: LinkType, data: &[u8]) -> Found<'_> {
    if link_type == ETHERNET {
        return Ok((Under::Ethernet, data));
    }
    let (link_type, data) = unwrap(link_type, data)?;
    match look_up(link_type).and_then(|known| known.read) {
        Some(Read::Behind(len, under)) => behind(data, len).map(|rest| (under, rest)),
        Some(Read::Parse(parse)) => parse(data),
        Some(Read::Wifi(strip)) => wifi::find(strip(data)?),
        // A wrapper within a wrapper is refused.
        Some(Read::Unwrap(_)) | None => Err(Skip::LinkType(link_type)),
    }
}

/// The packets in an aggregate of several (an A-MSDU of 802.11), with their link type; `None` where
/// `data` is of one packet, or none.
pub(super) fn aggregated(link_type: LinkType, data: &[u8]) -> Option<(LinkType, Subframes<'_>)> {
    /// What begins with an LLC header.
    const LLC: LinkType = LinkType(100);
    if link_type == ETHERNET {
        return None;
    }
    let (link_type, data) = unwrap(link_type, data).ok()?;
    let Some(Read::Wifi(strip)) = look_up(link_type)?.read else { return None };
    Some((LLC, wifi::aggregated(strip(data).ok()?)?))
}

/// Takes off the header that says the link type of what follows, if that is what `data` begins with.
fn unwrap(link_type: LinkType, data: &[u8]) -> wrapped::Unwrapped<'_> {
    match look_up(link_type).and_then(|known| known.read) {
        Some(Read::Unwrap(unwrap)) => unwrap(data),
        _ => Ok((link_type, data)),
    }
}

#[cfg(test)]
mod tests;
