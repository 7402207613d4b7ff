//! Protocols that may carry flows and are not read.

use std::fmt;

use ndpi_common::Reason;

/// A protocol that may carry flows and is not read, by whose numbers it has one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Inner {
    /// An EtherType.
    EtherType(u16),
    /// A protocol of PPP.
    Ppp(u16),
    /// An address family of the system that captured.
    Family(u32),
    /// A service access point of LLC.
    Llc(u8),
    /// A number below all EtherTypes in a link header: Linux's own protocols, or a header of another
    /// length.
    Low(u16),
}

impl Inner {
    /// The kernel's reason for it.
    pub(super) fn reason(self) -> Reason {
        match self {
            Self::EtherType(_) | Self::Ppp(_) | Self::Family(_) => Reason::NotIp,
            Self::Llc(_) | Self::Low(_) => Reason::Llc,
        }
    }
}

/// For people: `EtherType 0x88e5 (MACsec)`.
impl fmt::Display for Inner {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = match self {
            Self::EtherType(number) => {
                write!(f, "EtherType {number:#06x}")?;
                ethertype_name(*number)
            }
            Self::Ppp(number) => {
                write!(f, "PPP protocol {number:#06x}")?;
                ppp_name(*number)
            }
            Self::Family(number) => return write!(f, "address family {number}"),
            Self::Llc(number) => return write!(f, "LLC service access point {number:#04x}"),
            Self::Low(number) => {
                return write!(f, "number {number:#06x} in place of an EtherType");
            }
        };
        name.map_or(Ok(()), |name| write!(f, " ({name})"))
    }
}

fn ethertype_name(number: u16) -> Option<&'static str> {
    Some(match number {
        0x22f3 => "TRILL",
        0x8847 | 0x8848 => "MPLS that carries no IP",
        0x8874 => "Broadcom switch tag",
        0x88e5 => "MACsec",
        0x88e7 => "provider backbone bridging",
        0x88fb => "PRP",
        0x8903 => "FabricPath",
        0x8909 => "Cisco TrustSec",
        0x8926 => "VN-Tag",
        0x892f => "HSR",
        0x894f => "NSH",
        0xdada => "Marvell switch tag",
        _ => return None,
    })
}

fn ppp_name(number: u16) -> Option<&'static str> {
    Some(match number {
        0x002d | 0x002f => "Van Jacobson compression",
        0x003d => "multilink",
        0x0053 => "encrypted",
        0x00fd => "compressed",
        _ => return None,
    })
}
