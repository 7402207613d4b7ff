//! Whom an answer may go to, and in whose name.

use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr, SocketAddrV4, SocketAddrV6};

use ndpi_common::{Direction, Key, TenantKey};

/// The two ends of a packet, of one family.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Ends {
    V4 { source: Ipv4Addr, destination: Ipv4Addr },
    V6 { source: Ipv6Addr, destination: Ipv6Addr },
}

impl Ends {
    /// The ends of a packet that goes `direction`.
    pub(crate) fn of(key: &Key, direction: Direction) -> Self {
        let lower_to_upper = match key {
            Key::V4(key) => Self::V4 { source: key.lower.into(), destination: key.upper.into() },
            Key::V6(key) | Key::Tenant(TenantKey { flow: key, .. }) => {
                Self::V6 { source: key.lower.into(), destination: key.upper.into() }
            }
        };
        match direction {
            Direction::FromLower => lower_to_upper,
            Direction::FromUpper => lower_to_upper.reversed(),
        }
    }

    /// The ends of an answer.
    pub(crate) fn reversed(self) -> Self {
        match self {
            Self::V4 { source, destination } => {
                Self::V4 { source: destination, destination: source }
            }
            Self::V6 { source, destination } => {
                Self::V6 { source: destination, destination: source }
            }
        }
    }

    /// Whether both ends are single hosts: nobody else is answered, nor answers (RFC 1122, section
    /// 3.2.2; RFC 4443, section 2.4(e)).
    pub(crate) fn are_hosts(self) -> bool {
        match self {
            Self::V4 { source, destination } => is_host_v4(source) && is_host_v4(destination),
            Self::V6 { source, destination } => is_host_v6(source) && is_host_v6(destination),
        }
    }

    /// Where the stack is to send what goes to the destination. Of a link-local address, only the
    /// interface `ifindex` tells which link it is on.
    pub(crate) fn target(self, ifindex: u32) -> SocketAddr {
        match self {
            Self::V4 { destination, .. } => SocketAddrV4::new(destination, 0).into(),
            Self::V6 { destination, .. } => {
                let scope = if destination.is_unicast_link_local() { ifindex } else { 0 };
                SocketAddrV6::new(destination, 0, 0, scope).into()
            }
        }
    }
}

/// Neither "this network" (0/8), loopback, multicast, reserved (class E) nor limited broadcast.
fn is_host_v4(address: Ipv4Addr) -> bool {
    let first = address.octets()[0];
    first != 0 && !address.is_loopback() && first < 224
}

fn is_host_v6(address: Ipv6Addr) -> bool {
    !address.is_unspecified() && !address.is_loopback() && !address.is_multicast()
}
