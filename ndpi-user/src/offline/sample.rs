//! Samples of captured packets.

use crate::capture::Packet;
use crate::flow::{Tenant, TenantId};
use crate::link::{self, Decoded, Skip, Tunnel, TunnelKind, Tunnels};
use crate::sample::Sample;

/// The sample that a captured packet makes: that of the packet inside, if it is of one of the
/// `tunnels` that are looked into.
///
/// # Errors
/// Why the packet belongs to no flow.
#[inline]
pub fn sample<'a>(packet: &Packet<'a>, tunnels: &Tunnels) -> Result<Sample<'a>, Skip> {
    Ok(of(&link::decode(packet, tunnels)?, packet.time_ns))
}

/// The sample that a decoded packet makes, seen at `time_ns` nanoseconds since the Unix epoch.
#[inline]
pub fn of<'a>(decoded: &Decoded<'a>, time_ns: u64) -> Sample<'a> {
    let packet = decoded.packet();
    Sample {
        tenant: tenant(decoded),
        bytes: packet.ip_len(),
        tcp_flags: packet.tcp_flags,
        empty: packet.tcp_flags != 0 && packet.payload >= packet.end,
        ..Sample::new(packet.key, packet.direction, time_ns, decoded.l3())
    }
}

#[inline]
fn tenant(decoded: &Decoded<'_>) -> Tenant {
    Tenant::new(decoded.tunnels().map(|tunnel| tunnel.map_or(TenantId::None, tenant_id)))
}

fn tenant_id(tunnel: Tunnel) -> TenantId {
    let Some(id) = tunnel.id else { return TenantId::None };
    match tunnel.kind {
        TunnelKind::IpInIp => TenantId::None,
        TunnelKind::Gre | TunnelKind::Erspan => TenantId::GreKey(id),
        TunnelKind::Nvgre => TenantId::Nvgre(id),
        TunnelKind::Vxlan | TunnelKind::VxlanGpe => TenantId::Vxlan(id),
        TunnelKind::Geneve => TenantId::Geneve(id),
        TunnelKind::GtpU => TenantId::Teid(id),
    }
}
