//! The outside of a tunnel.

use std::net::IpAddr;

use serde::Serialize;

use super::Tunnels;
use crate::capture::Packet;
use crate::flow::TenantId;

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
    let parsed = super::parse(packet, tunnels).ok()?;
    let (outer, kind) = parsed.through?;
    let ((src, _), (dst, _)) = outer.key.endpoints(outer.direction);
    let depth = usize::from(parsed.packet.key.tunnel()).min(parsed.ids.len());
    let mut innermost_first = parsed.ids[..depth].iter().rev().copied().map(TenantId::number);
    let tenant = innermost_first.next().flatten();
    let outer_tenant = innermost_first.next().flatten();
    Some(Outer { kind: kind.name(), tenant, outer_tenant, src, dst })
}

/// The kind of a tunnel that `packet` came through and that the programs in the kernel do not open.
pub fn unopened(packet: &Packet<'_>, tunnels: &Tunnels) -> Option<&'static str> {
    Some(super::parse(packet, tunnels).ok()?.beyond_kernel?.name())
}

/// The kind of a tunnel in `packet` that stays closed, though tunnels are looked into.
pub fn closed(packet: &Packet<'_>, tunnels: &Tunnels) -> Option<String> {
    super::parse(packet, tunnels).ok()?.closed
}
