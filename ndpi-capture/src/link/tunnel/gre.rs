//! Whose the tunnels of GRE are.

use ndpi_common::parse::GreHeader;

use super::{Tunnel, TunnelKind};

/// The tunnel with this header.
pub(super) fn tunnel(header: &GreHeader) -> Tunnel {
    let kind = if header.is_nvgre() { TunnelKind::Nvgre } else { TunnelKind::Gre };
    Tunnel { kind, id: header.key }
}
