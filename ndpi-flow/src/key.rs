//! The key that distinguishes flows: the canonical key that the kernel side uses, too.

use std::net::IpAddr;

use ndpi_common::{Direction, KeyV4, KeyV6};
pub use ndpi_common::{Endpoint, Key as FlowKey};

/// The key of the flow between two ends, by their addresses and ports, and which way packets from `src` go. Of the
/// flow are known its VLAN, its protocol, and how many tunnels it is inside of. `None` for ends of two families.
pub fn key_between(
    src: (IpAddr, u16),
    dst: (IpAddr, u16),
    (vlan, proto, tunnel): (u16, u8, u8),
) -> Option<(FlowKey, Direction)> {
    match (src.0, dst.0) {
        (IpAddr::V4(from), IpAddr::V4(to)) => {
            let ends = ((from.octets(), src.1), (to.octets(), dst.1));
            let (key, direction) = KeyV4::new(ends.0, ends.1, vlan, proto);
            Some((FlowKey::V4(KeyV4 { tunnel, ..key }), direction))
        }
        (IpAddr::V6(from), IpAddr::V6(to)) => {
            let ends = ((from.octets(), src.1), (to.octets(), dst.1));
            let (key, direction) = KeyV6::new(ends.0, ends.1, vlan, proto);
            Some((FlowKey::V6(KeyV6 { tunnel, ..key }), direction))
        }
        _ => None,
    }
}
