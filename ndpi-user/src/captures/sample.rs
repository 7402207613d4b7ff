//! Samples of captured packets.

use ndpi_capture::Packet;
use ndpi_capture::link::{self, Decoded, Skip, Tunnel, TunnelKind, Tunnels};

use ndpi_flow::{Sample, Tenant, TenantId};

/// The sample that a captured packet makes: that of the packet inside, if it is of one of the
/// `tunnels` that are looked into.
///
/// # Errors
/// Why the packet belongs to no flow.
#[inline]
pub(crate) fn sample<'a>(packet: &Packet<'a>, tunnels: &Tunnels) -> Result<Sample<'a>, Skip> {
    Ok(sample_of(&link::decode(packet, tunnels)?, packet.time_ns))
}

/// The sample that a decoded packet makes, seen at `time_ns` nanoseconds since the Unix epoch.
#[inline]
pub(crate) fn sample_of<'a>(decoded: &Decoded<'a>, time_ns: u64) -> Sample<'a> {
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

#[cfg(test)]
mod tests {
    use ndpi_capture::link::Tunnels;
    use ndpi_capture::{LinkType, Packet};

    use super::{Tenant, TenantId, sample};

    /// An IPv4 packet of this protocol from 198.18.0.2 to 198.18.0.1.
    fn ipv4(proto: u8, payload: &[u8]) -> Vec<u8> {
        let [a, b] = u16::try_from(20 + payload.len()).unwrap().to_be_bytes();
        let header = [0x45, 0, a, b, 0, 0, 0, 0, 64, proto, 0, 0, 198, 18, 0, 2, 198, 18, 0, 1];
        [&header[..], payload].concat()
    }

    fn packet(data: &[u8]) -> Packet<'_> {
        let wire_len = u32::try_from(data.len()).unwrap();
        Packet { time_ns: 7, link_type: LinkType(101), data, wire_len }
    }

    #[test]
    fn a_sample_is_of_the_packet_inside_and_its_tenant() {
        let mut segment = [0; 20];
        (segment[3], segment[12], segment[13]) = (80, 5 << 4, 0x02);
        let inner = ipv4(6, &segment);
        let keyed = ipv4(47, &[&[0x20, 0, 8, 0, 0, 0, 0, 3][..], &inner].concat());
        let sample = |tunnels| sample(&packet(&keyed), &Tunnels::all(tunnels)).unwrap();
        let inside = sample(true);
        assert_eq!((inside.l3, inside.bytes, inside.time_ns), (&inner[..], 40, 7));
        assert_eq!((inside.tcp_flags, inside.empty), (0x02, true));
        assert_eq!(inside.tenant, Tenant::new([TenantId::GreKey(3), TenantId::None]));
        let outside = sample(false);
        assert_eq!((outside.l3, outside.bytes), (&keyed[..], 68));
        assert_eq!((outside.tcp_flags, outside.empty), (0, false));
        assert_eq!(outside.tenant, Tenant::default());
    }
}
