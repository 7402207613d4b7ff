//! Kinds of tunnels, and what their headers say of whose packet they carry.

/// Kinds of tunnels.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum TunnelKind {
    /// An IP packet in an IP packet (RFC 2003, RFC 2473, RFC 4213).
    IpInIp,
    /// GRE (RFC 2784).
    Gre,
    /// GRE that carries Ethernet for a virtual subnet (RFC 7637).
    Nvgre,
    /// Frames that a switch mirrors in GRE (draft-foschiano-erspan-03).
    Erspan,
    /// VXLAN (RFC 7348).
    Vxlan,
    /// VXLAN whose header says what follows (draft-ietf-nvo3-vxlan-gpe-13).
    VxlanGpe,
    /// Geneve (RFC 8926).
    Geneve,
    /// GTP-U (3GPP TS 29.281).
    GtpU,
}

impl TunnelKind {
    /// Its name in records.
    pub fn name(self) -> &'static str {
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

/// A tunnel's header.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Tunnel {
    /// Which kind it is.
    pub kind: TunnelKind,
    /// The field that tells tenants apart, where the header has one: the network identifier of VXLAN
    /// and Geneve (24 bits), the key of GRE and NVGRE, the tunnel endpoint identifier of GTP-U.
    pub id: Option<u32>,
}

impl Tunnel {
    /// The tenant's number: the identifier without NVGRE's low byte, which is a number of the flow.
    pub fn tenant(&self) -> Option<u32> {
        let id = self.id?;
        Some(if self.kind == TunnelKind::Nvgre { id >> 8 } else { id })
    }
}

#[cfg(test)]
mod tests {
    use super::{Tunnel, TunnelKind};

    #[test]
    fn a_virtual_subnet_has_a_number_without_that_of_the_flow() {
        let tenant = |kind| Tunnel { kind, id: Some(0x1234_5601) }.tenant();
        assert_eq!(tenant(TunnelKind::Nvgre), Some(0x12_3456));
        assert_eq!(tenant(TunnelKind::Gre), Some(0x1234_5601));
        assert_eq!(Tunnel { kind: TunnelKind::Nvgre, id: None }.tenant(), None);
    }
}
