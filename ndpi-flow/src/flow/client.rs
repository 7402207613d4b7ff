//! Clients, as shares of a table are counted: an IPv4 address, or an IPv6 network of 64 bits.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use ndpi_common::{Direction, TenantIds};

use crate::key::FlowKey;

/// A client in its VLAN, or in its tenant's network. Any host may take as many IPv6 addresses of its network as it likes (RFC
/// 4291, section 2.5.1: interface identifiers have 64 bits), so they count together.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Client {
    network: Network,
    vlan: u16,
    tenant: TenantIds,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Network {
    V4(Ipv4Addr),
    /// The first half of the address.
    V6(u64),
}

impl Client {
    /// The client of a flow whose client's packets go `direction`.
    pub fn of(key: &FlowKey, direction: Direction) -> Self {
        let ((address, _), _) = key.endpoints(direction);
        let network = match address {
            IpAddr::V4(address) => Network::V4(address),
            IpAddr::V6(address) => Network::V6((address.to_bits() >> 64) as u64),
        };
        Self { network, vlan: key.vlan(), tenant: key.tenant().unwrap_or_default() }
    }

    /// The first address of its network.
    pub fn address(&self) -> IpAddr {
        match self.network {
            Network::V4(address) => address.into(),
            Network::V6(half) => Ipv6Addr::from_bits(u128::from(half) << 64).into(),
        }
    }
}

/// An address, or a network with its prefix length; then the VLAN, where there is one.
impl fmt::Display for Client {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.network {
            Network::V4(address) => write!(f, "{address}")?,
            Network::V6(_) => write!(f, "{}/64", self.address())?,
        }
        if self.vlan != 0 {
            write!(f, " (VLAN {})", self.vlan)?;
        }
        let numbers = self.tenant.numbered().into_iter().flatten();
        numbers.into_iter().try_for_each(|(_, number)| write!(f, " (tenant {number})"))
    }
}

#[cfg(test)]
mod tests {
    use ndpi_common::{Direction, KeyV4, KeyV6, TenantIds, TenantKind};

    use super::Client;
    use crate::key::FlowKey;

    fn v6(last: u8) -> [u8; 16] {
        let mut address = [0; 16];
        address[..4].copy_from_slice(&[0x20, 1, 0x0d, 0xb8]);
        address[15] = last;
        address
    }

    #[test]
    fn the_sender_of_the_first_packet_is_the_client() {
        let (key, direction) = KeyV4::new(([198, 18, 0, 2], 5), ([198, 18, 0, 1], 53), 0, 17);
        let client = Client::of(&FlowKey::V4(key), direction);
        assert_eq!(client.to_string(), "198.18.0.2");
        assert_ne!(client, Client::of(&FlowKey::V4(key), direction.opposite()));
    }

    #[test]
    fn the_same_address_of_two_tenants_is_two_clients() {
        let (key, direction) = KeyV4::new(([198, 18, 0, 1], 5), ([198, 18, 0, 2], 53), 0, 17);
        let of = |number| {
            let tenant = TenantIds::NONE.with(0, (TenantKind::Vxlan, number));
            Client::of(&FlowKey::of_tenant(&FlowKey::V4(key), tenant), direction)
        };
        assert_eq!(of(7), of(7));
        assert!(of(7) != of(8) && of(7) != Client::of(&FlowKey::V4(key), direction));
        assert_eq!(of(7).to_string(), "198.18.0.1 (tenant 7)");
    }

    #[test]
    fn addresses_of_one_network_are_one_client() {
        let client = |last| {
            let (key, direction) = KeyV6::new((v6(last), 5), ([0xff; 16], 53), 7, 17);
            assert_eq!(direction, Direction::FromLower);
            Client::of(&FlowKey::V6(key), direction)
        };
        assert_eq!(client(1), client(2));
        assert_eq!(client(1).to_string(), "2001:db8::/64 (VLAN 7)");
    }
}
