//! The outside of a tunnel.

use std::net::IpAddr;

use ndpi_common::parse::Tunnel;
use serde::Serialize;

use super::Tunnels;
use crate::capture::Packet;

/// The tunnel that a packet came through.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Outer {
    /// Which kind it is: `gre`, `vxlan`, …
    pub kind: &'static str,
    /// Who sent the outer packet.
    pub src: IpAddr,
    /// Whom it was sent to.
    pub dst: IpAddr,
}

/// The outermost packet's ends, where `packet` is a tunnel's and [`sample`](super::sample) finds a
/// packet inside. The kind is that of the innermost tunnel.
pub fn outer(packet: &Packet<'_>, tunnels: &Tunnels) -> Option<Outer> {
    let (inner, _) = super::parse(packet, tunnels).ok()?;
    let kind = kind(inner.tunnel)?;
    let (outer, _) = super::parse(packet, &Tunnels::all(false)).ok()?;
    let ((src, _), (dst, _)) = outer.key.endpoints(outer.direction);
    Some(Outer { kind, src, dst })
}

fn kind(tunnel: Tunnel) -> Option<&'static str> {
    match tunnel {
        Tunnel::None => None,
        Tunnel::IpInIp => Some("ip-in-ip"),
        Tunnel::Gre => Some("gre"),
        Tunnel::Vxlan => Some("vxlan"),
        Tunnel::Geneve => Some("geneve"),
        Tunnel::GtpU => Some("gtp-u"),
    }
}
