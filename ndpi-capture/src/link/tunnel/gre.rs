//! Whose the tunnels of GRE are.

use ndpi_common::parse::{GreHeader, ethertype};

use super::{Tunnel, TunnelKind};

/// The tunnel with this header. NVGRE (RFC 7637) is GRE that carries Ethernet
/// with a key; its virtual subnets begin at 0x1000 (section 3.2), which leaves keys below 0x100000, as
/// people choose them, to plain GRE.
pub(super) fn tunnel(header: &GreHeader) -> Tunnel {
    const LOWEST: u32 = 0x1000;
    const RESERVED: u32 = 0xff_ffff;
    let is_subnet = |key| (LOWEST..RESERVED).contains(&(key >> 8));
    let is_nvgre =
        header.protocol == ethertype::BRIDGED_ETHERNET && header.key.is_some_and(is_subnet);
    let kind = if is_nvgre { TunnelKind::Nvgre } else { TunnelKind::Gre };
    Tunnel { kind, id: header.key }
}
