//! From a captured packet to its IP packet and flow key: over the link layer, then through the parser
//! that the kernel side uses too.
//!
//! ```text
//! capture::Packet ─▶ types: what is under the link layer? ─▶ ndpi_common::parse ─▶ Decoded
//!                      └─────────── Skip: why it has no flow ◀──────┘
//! ```
//!
//! For a replay the kernel parses, and [`Framer`] makes of any packet the frame that it expects.

mod decoded;
mod frame;
mod inner;
mod layers;
mod outer;
mod second_look;
mod skip;
mod tunnel;
mod tunnels;
mod types;
mod unfold;

pub use decoded::Decoded;
pub use frame::{Frame, Framer};
pub use layers::Layers;
pub use outer::Outer;
pub use skip::{Skip, Skips};
pub use tunnel::{Tunnel, TunnelKind};
pub use tunnels::Tunnels;
pub use unfold::{Packets, packets};

use ndpi_common::parse::{self, Captured, Fragment, Link, Options};

use crate::packet::{LinkType, Packet};
use types::Under;

/// The name of a link type in libpcap's registry (<https://www.tcpdump.org/linktypes.html>), without
/// `LINKTYPE_`.
pub fn type_name(link_type: LinkType) -> Option<&'static str> {
    types::name(link_type)
}

/// What is in a captured packet: the packet inside, if it is of one of the `tunnels` that are looked
/// into.
///
/// # Errors
/// Why the packet belongs to no flow.
#[inline]
pub fn decode<'a>(packet: &Packet<'a>, tunnels: &Tunnels) -> Result<Decoded<'a>, Skip> {
    let (under, data) = types::find(packet.link_type, packet.data)?;
    let before = packet.data.len() - data.len();
    let wire_len = (packet.wire_len as usize).max(packet.data.len()) - before;
    let source = Captured { bytes: data, wire_len: u32::try_from(wire_len).unwrap_or(u32::MAX) };
    if under == Under::Ethernet
        && !tunnels.are_open()
        && let Some(parsed) = parse::fast(&data)
    {
        return Ok(Decoded::plain(parsed, source));
    }
    let options = Options::LENIENT;
    let parsed = match under {
        Under::Ethernet => parse::frame(&source, options),
        Under::Ip => parse::from_ip(&source, 0, options),
        Under::EtherType(ethertype) => {
            let link = Link::bare(ethertype, 0);
            parse::from_ethertype(&source, link, options)
        }
    };
    let parsed = parsed.or_else(|refusal| second_look::second_look(&source, under, refusal))?;
    let mut decoded = Decoded::plain(parsed, source);
    decoded.look_into(tunnels);
    match decoded.packet().fragment {
        Fragment::Later { .. } => Err(Skip::LaterFragment),
        Fragment::Whole { .. } | Fragment::First { .. } => Ok(decoded),
    }
}

#[cfg(test)]
mod tests;
