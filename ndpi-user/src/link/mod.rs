//! From a captured packet to a sample of its flow: over the link layer, then through the parser
//! that the kernel side uses too.
//!
//! ```text
//! capture::Packet ─▶ types: what is under the link layer? ─▶ ndpi_common::parse ─▶ Sample
//!                      └─────────── Skip: why it has no flow ◀──────┘
//! ```
//!
//! For a replay the kernel parses, and [`Framer`] makes of any packet the frame that it expects.

mod frame;
mod layers;
mod outer;
mod second_look;
mod skip;
mod tunnel;
mod tunnels;
mod types;
mod unfold;

pub use frame::{Frame, Framer};
pub use layers::Layers;
pub use outer::{Outer, closed, outer, unopened};
pub use skip::{Skip, Skips};
pub use tunnels::Tunnels;
pub use unfold::{Packets, packets};

use ndpi_common::parse::{self, Captured, Fragment, Link, MAX_DEPTH, Options, Tags};

use crate::capture::{LinkType, Packet};
use crate::flow::{Tenant, TenantId};
use crate::sample::Sample;
use tunnel::Kind;
use types::Under;

/// The name of a link type in libpcap's registry (<https://www.tcpdump.org/linktypes.html>), without
/// `LINKTYPE_`.
pub fn type_name(link_type: LinkType) -> Option<&'static str> {
    types::name(link_type)
}

/// The sample that a captured packet makes: that of the packet inside, if it is of one of the
/// `tunnels` that are looked into.
///
/// # Errors
/// Why the packet belongs to no flow.
#[inline]
pub fn sample<'a>(packet: &Packet<'a>, tunnels: &Tunnels) -> Result<Sample<'a>, Skip> {
    let Parsed { packet: parsed, tenant, data, .. } = parse(packet, tunnels)?;
    let end = (parsed.end as usize).min(data.len());
    Ok(Sample {
        tenant,
        bytes: parsed.ip_len(),
        tcp_flags: parsed.tcp_flags,
        empty: parsed.tcp_flags != 0 && parsed.payload >= parsed.end,
        ..Sample::new(parsed.key, parsed.direction, packet.time_ns, &data[parsed.l3 as usize..end])
    })
}

/// What the parser says of a packet.
struct Parsed<'a> {
    /// The packet, or the innermost one in tunnels.
    packet: parse::Packet,
    /// The outermost one, and the innermost tunnel, where there is one.
    through: Option<(parse::Packet, Kind)>,
    /// A tunnel that the programs in the kernel do not open.
    beyond_kernel: Option<Kind>,
    tenant: Tenant,
    ids: [TenantId; MAX_DEPTH as usize],
    /// A tunnel that stays closed, where tunnels are looked into.
    closed: Option<String>,
    /// The bytes that offsets count in.
    data: &'a [u8],
}

impl<'a> Parsed<'a> {
    #[inline]
    fn plain(packet: parse::Packet, data: &'a [u8]) -> Self {
        let (ids, tenant) = Default::default();
        Self { packet, through: None, beyond_kernel: None, closed: None, tenant, ids, data }
    }

    /// Looks into tunnels, as far as they go.
    fn look_into(&mut self, source: &Captured<'_>, tunnels: &Tunnels) {
        let outermost = self.packet;
        for level in 0..MAX_DEPTH as usize {
            let Some((entrance, inner)) = tunnels.open(source, &self.packet) else { break };
            self.packet = inner;
            self.through = Some((outermost, entrance.kind));
            self.ids[level] = entrance.tenant;
            if !entrance.in_kernel {
                self.beyond_kernel.get_or_insert(entrance.kind);
            }
        }
        self.tenant = Tenant::new(self.ids);
        if tunnels.are_open() {
            self.closed = tunnel::closed(source, &self.packet);
        }
    }
}

#[inline]
fn parse<'a>(packet: &Packet<'a>, tunnels: &Tunnels) -> Result<Parsed<'a>, Skip> {
    let (under, data) = types::find(packet.link_type, packet.data)?;
    if under == Under::Ethernet
        && !tunnels.are_open()
        && let Some(parsed) = parse::fast(&data)
    {
        return Ok(Parsed::plain(parsed, data));
    }
    let before = packet.data.len() - data.len();
    let wire_len = (packet.wire_len as usize).max(packet.data.len()) - before;
    let source = Captured { bytes: data, wire_len: u32::try_from(wire_len).unwrap_or(u32::MAX) };
    let options = Options::LENIENT;
    let parsed = match under {
        Under::Ethernet => parse::frame(&source, options),
        Under::Ip => parse::from_ip(&source, 0, options),
        Under::EtherType(ethertype) => {
            let link = Link { ethertype, at: 0, tags: Tags::default(), tunnel: 0 };
            parse::from_ethertype(&source, link, options)
        }
    };
    let parsed = parsed.or_else(|refusal| second_look::second_look(&source, under, refusal))?;
    let mut parsed = Parsed::plain(parsed, data);
    parsed.look_into(&source, tunnels);
    match parsed.packet.fragment {
        Fragment::Later { .. } => Err(Skip::LaterFragment),
        Fragment::Whole { .. } | Fragment::First { .. } => Ok(parsed),
    }
}

#[cfg(test)]
mod tests;
