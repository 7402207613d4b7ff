//! The outside of a tunnel.

use std::net::IpAddr;

use serde::Serialize;

use super::Tunnels;
use crate::capture::Packet;

/// The tunnel that a packet came through.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Outer {
    /// Which kind it is: `gre`, `vxlan`, …
    pub kind: &'static str,
    /// The tenant, by the innermost tunnel.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tenant: Option<u32>,
    /// The tenant, by the tunnel around that.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub outer_tenant: Option<u32>,
    /// Who sent the outer packet.
    pub src: IpAddr,
    /// Whom it was sent to.
    pub dst: IpAddr,
}

/// The outermost packet's ends, where `packet` is a tunnel's and [`sample`](super::sample) finds a
/// packet inside. The kind is that of the innermost tunnel.
pub fn outer(packet: &Packet<'_>, tunnels: &Tunnels) -> Option<Outer> {
    super::look(packet, tunnels).ok()?.outer()
}
