//! Tunnels, as captures are read: those that the programs in the kernel open, and more.

mod closed;
mod erspan;
mod gre;
mod vxlan;

use ndpi_common::parse::{self, Fragment, Link, Packet, Source, Tunnel};

use crate::flow::TenantId;
pub(super) use closed::closed;
use gre::Header;

/// Kinds of tunnels.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Kind {
    IpInIp,
    Gre,
    Nvgre,
    Erspan,
    Vxlan,
    VxlanGpe,
    Geneve,
    GtpU,
}

impl Kind {
    /// The word for it in records.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::IpInIp => "ip-in-ip",
            Self::Gre => "gre",
            Self::Nvgre => "nvgre",
            Self::Erspan => "erspan",
            Self::Vxlan => "vxlan",
            Self::VxlanGpe => "vxlan-gpe",
            Self::Geneve => "geneve",
            Self::GtpU => "gtp-u",
        }
    }
}

/// Where a tunnel's inner packet begins.
#[derive(Clone, Copy, Debug)]
pub(super) struct Entrance {
    pub(super) kind: Kind,
    /// Where its IP header is.
    pub(super) link: Link,
    pub(super) tenant: TenantId,
    /// Whether the programs in the kernel open it too.
    pub(super) in_kernel: bool,
}

/// Which tunnel `packet` is the outside of; `None` where it is none that is opened. VXLAN is looked for
/// on these UDP ports too.
pub(super) fn entrance<S: Source + ?Sized>(
    source: &S,
    packet: &Packet,
    vxlan_ports: &[u16],
) -> Option<Entrance> {
    if let Some((tunnel, link)) = parse::entrance(source, packet) {
        let (kind, tenant) = known(source, packet, tunnel)?;
        return Some(Entrance { kind, link, tenant, in_kernel: true });
    }
    let Fragment::Whole { .. } = packet.fragment else { return None };
    let (kind, link, tenant) =
        erspan::find(source, packet).or_else(|| vxlan::find(source, packet, vxlan_ports))?;
    let link = Link { tunnel: packet.key.tunnel() + 1, ..link };
    Some(Entrance { kind, link, tenant, in_kernel: false })
}

/// The kind and the tenant of a tunnel that the programs know.
fn known<S: Source + ?Sized>(
    source: &S,
    packet: &Packet,
    tunnel: Tunnel,
) -> Option<(Kind, TenantId)> {
    let at = packet.payload;
    Some(match tunnel {
        Tunnel::None => return None,
        Tunnel::IpInIp => (Kind::IpInIp, TenantId::None),
        Tunnel::Gre => gre::tenant(&Header::load(source, at)?),
        Tunnel::Vxlan => (Kind::Vxlan, TenantId::Vxlan(vxlan::identifier(source, at)?)),
        Tunnel::Geneve => (Kind::Geneve, TenantId::Geneve(vxlan::identifier(source, at)?)),
        Tunnel::GtpU => {
            (Kind::GtpU, TenantId::Teid(u32::from_be_bytes(source.load(at.checked_add(4)?)?)))
        }
    })
}

#[cfg(test)]
mod tests;
