//! Networks in CIDR notation.

use std::fmt;
use std::net::IpAddr;
use std::ops::RangeInclusive;

use ipnet::{IpNet, Ipv4Net};
use serde::{Deserialize, Serialize};

/// An IPv4 or IPv6 network. In their order, a network stands before those inside it.
///
/// No bits are set below its prefix, and what IPv4-mapped IPv6 addresses say is a network of IPv4.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(from = "IpNet")]
pub struct Net(IpNet);

impl Net {
    /// Reads `198.18.0.0/15`, `2001:db8::/32` or one address. The flag says whether bits were set
    /// below the prefix, which are cleared.
    ///
    /// # Errors
    /// What is wrong with it.
    pub fn parse(entry: &str) -> Result<(Self, bool), NetError> {
        let (address, prefix) = match entry.split_once('/') {
            Some((address, prefix)) => (address, Some(prefix)),
            None => (entry, None),
        };
        let single: IpNet = address.parse::<IpAddr>().map_err(|_| NetError::Address)?.into();
        let Some(prefix) = prefix else { return Ok((unmapped(single).into(), false)) };
        let network = number(prefix).and_then(|prefix| IpNet::new(single.addr(), prefix).ok());
        let network = unmapped(network.ok_or(NetError::Prefix(single.max_prefix_len()))?);
        Ok((network.into(), network.addr() != network.network()))
    }

    /// Whether an address belongs to it. IPv4-mapped IPv6 addresses (RFC 4291, section 2.5.5.2)
    /// count as IPv4.
    pub fn contains(self, address: IpAddr) -> bool {
        self.0.contains(&address.to_canonical())
    }

    /// Whether every address of another network belongs to it.
    pub fn covers(self, other: Self) -> bool {
        self.0.contains(&other.0)
    }

    /// Whether its addresses are IPv4.
    pub(super) fn is_ipv4(self) -> bool {
        matches!(self.0, IpNet::V4(_))
    }
}

/// Bits below the prefix are cleared.
impl From<IpNet> for Net {
    fn from(network: IpNet) -> Self {
        Self(network.trunc())
    }
}

impl fmt::Display for Net {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// The network of IPv4 that one of mapped addresses stands for.
fn unmapped(network: IpNet) -> IpNet {
    let mapped = |network: &IpNet| {
        let IpNet::V6(v6) = network else { return None };
        Ipv4Net::new(v6.addr().to_ipv4_mapped()?, v6.prefix_len().checked_sub(96)?).ok()
    };
    mapped(&network).map_or(network, IpNet::V4)
}

/// A number without a sign.
fn number(text: &str) -> Option<u8> {
    text.parse().ok().filter(|_| text.bytes().all(|byte| byte.is_ascii_digit()))
}

/// What is wrong with a network.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NetError {
    /// No IPv4 or IPv6 address.
    #[error("this is not an IPv4 or IPv6 address or network")]
    Address,
    /// A prefix length that is no number or too long.
    #[error("a prefix length here is a number from 0 to {0}")]
    Prefix(u8),
}

/// The range of numbers an index sorts a network by.
#[derive(Clone, Debug)]
pub(super) enum Range {
    V4(RangeInclusive<u32>),
    V6(RangeInclusive<u128>),
}

impl From<Net> for Range {
    fn from(Net(network): Net) -> Self {
        match network {
            IpNet::V4(v4) => Self::V4(v4.network().to_bits()..=v4.broadcast().to_bits()),
            IpNet::V6(v6) => Self::V6(v6.network().to_bits()..=v6.broadcast().to_bits()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn net(entry: &str) -> Net {
        Net::parse(entry).unwrap_or_else(|error| panic!("{entry}: {error}")).0
    }

    fn ip(text: &str) -> IpAddr {
        text.parse().unwrap()
    }

    #[test]
    fn borders_belong_to_the_network() {
        let lab = net("198.18.0.0/15");
        assert!(lab.contains(ip("198.18.0.0")) && lab.contains(ip("198.19.255.255")));
        assert!(!lab.contains(ip("198.17.255.255")) && !lab.contains(ip("198.20.0.0")));
        assert!(net("2001:db8::/32").contains(ip("2001:db8:ffff:ffff:ffff:ffff:ffff:ffff")));
        assert!(!net("2001:db8::/32").contains(ip("2001:db9::")));
    }

    #[test]
    fn everything_and_a_single_address() {
        assert!(net("0.0.0.0/0").contains(ip("255.255.255.255")));
        assert!(!net("0.0.0.0/0").contains(ip("::1")));
        assert!(net("::/0").contains(ip("2001:db8::1")));
        assert!(!net("::/0").contains(ip("198.18.0.1")));
        assert!(net("198.18.0.1").contains(ip("198.18.0.1")));
        assert!(!net("198.18.0.1").contains(ip("198.18.0.2")));
    }

    #[test]
    fn mapped_addresses_are_ipv4() {
        assert!(net("198.18.0.0/15").contains(ip("::ffff:198.18.0.1")));
        assert_eq!(net("::ffff:198.18.0.0/111"), net("198.18.0.0/15"));
        assert_eq!(net("::ffff:198.18.0.1"), net("198.18.0.1"));
        assert_eq!(net("::ffff:0:0/95").to_string(), "::fffe:0:0/95");
    }

    #[test]
    fn wide_networks_stand_before_those_inside_them() {
        let sorted =
            ["0.0.0.0/0", "198.18.0.0/15", "198.18.0.0/16", "198.19.0.0/16", "::/0", "::1"];
        assert!(sorted.map(net).is_sorted());
    }

    #[test]
    fn bits_below_the_prefix_are_cleared_and_told() {
        assert_eq!(Net::parse("198.18.4.7/24"), Ok((net("198.18.4.0/24"), true)));
        assert_eq!(Net::parse("198.18.4.0/24"), Ok((net("198.18.4.0/24"), false)));
        assert_eq!(net("198.18.4.7/24").to_string(), "198.18.4.0/24");
        assert_eq!(net("2001:db8::1/32").to_string(), "2001:db8::/32");
    }

    #[test]
    fn what_is_no_network_is_refused() {
        assert_eq!(Net::parse("198.18.0"), Err(NetError::Address));
        assert_eq!(Net::parse("example.com/24"), Err(NetError::Address));
        assert_eq!(Net::parse("198.18.0.0/33"), Err(NetError::Prefix(32)));
        assert_eq!(Net::parse("198.18.0.0/+8"), Err(NetError::Prefix(32)));
        assert_eq!(Net::parse("2001:db8::/129"), Err(NetError::Prefix(128)));
        assert_eq!(Net::parse("2001:db8::/"), Err(NetError::Prefix(128)));
    }
}
