//! Tunnels, as captures are read: those that the programs in the kernel open, and more.

mod closed;
mod erspan;
mod gre;
mod kind;
mod vxlan;

use ndpi_common::parse::{self, Fragment, GreHeader, Link, Packet, Source};

pub(super) use closed::closed;
pub use kind::{Tunnel, TunnelKind};

/// Where a tunnel's inner packet begins.
#[derive(Clone, Copy, Debug)]
pub(super) struct Entrance {
    pub(super) tunnel: Tunnel,
    /// Where its IP header is.
    pub(super) link: Link,
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
        let tunnel = header(source, packet, tunnel)?;
        return Some(Entrance { tunnel, link, in_kernel: true });
    }
    let Fragment::Whole { .. } = packet.fragment else { return None };
    let (tunnel, link) =
        erspan::find(source, packet).or_else(|| vxlan::find(source, packet, vxlan_ports))?;
    let link = Link { tunnel: packet.key.tunnel() + 1, ..link };
    Some(Entrance { tunnel, link, in_kernel: false })
}

/// The header of a tunnel that the programs know.
fn header<S: Source + ?Sized>(source: &S, packet: &Packet, known: parse::Tunnel) -> Option<Tunnel> {
    use TunnelKind::{Geneve, GtpU, IpInIp, Vxlan};
    let at = packet.payload;
    let tunnel = |kind, id| Tunnel { kind, id: Some(id) };
    Some(match known {
        parse::Tunnel::None => return None,
        parse::Tunnel::IpInIp => Tunnel { kind: IpInIp, id: None },
        parse::Tunnel::Gre => gre::tunnel(&GreHeader::load(source, at)?),
        parse::Tunnel::Vxlan => tunnel(Vxlan, vxlan::identifier(source, at)?),
        parse::Tunnel::Geneve => tunnel(Geneve, vxlan::identifier(source, at)?),
        parse::Tunnel::GtpU => tunnel(GtpU, u32::from_be_bytes(source.load(at.checked_add(4)?)?)),
    })
}

#[cfg(test)]
mod tests;
