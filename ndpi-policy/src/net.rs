//! Networks in CIDR notation.

use std::net::IpAddr;
use std::ops::RangeInclusive;

/// An IPv4 or IPv6 network, as the range of its addresses.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Net {
    /// First and last address.
    V4(u32, u32),
    /// First and last address.
    V6(u128, u128),
}

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
        let address: IpAddr = address.parse().map_err(|_| NetError::Address)?;
        let widest = if address.is_ipv4() { 32 } else { 128 };
        let prefix = match prefix {
            None => widest,
            Some(text) => text
                .parse::<u32>()
                .ok()
                .filter(|bits| *bits <= widest && text.bytes().all(|b| b.is_ascii_digit()))
                .ok_or(NetError::Prefix(widest))?,
        };
        Ok(Self::new(address, prefix))
    }

    /// Whether an address belongs to it. IPv4-mapped IPv6 addresses (RFC 4291, section 2.5.5.2)
    /// count as IPv4.
    pub fn contains(self, address: IpAddr) -> bool {
        match (self, address.to_canonical()) {
            (Self::V4(first, last), IpAddr::V4(ip)) => (first..=last).contains(&ip.to_bits()),
            (Self::V6(first, last), IpAddr::V6(ip)) => (first..=last).contains(&ip.to_bits()),
            _ => false,
        }
    }

    /// Whether every address of another network belongs to it.
    pub fn covers(self, other: Self) -> bool {
        match (self, other) {
            (Self::V4(a, b), Self::V4(c, d)) => a <= c && d <= b,
            (Self::V6(a, b), Self::V6(c, d)) => a <= c && d <= b,
            _ => false,
        }
    }

    /// A key that sorts networks by where they start, wide ones before those inside them.
    pub(super) fn widest_first_key(self) -> (bool, u128, std::cmp::Reverse<u128>) {
        match self {
            Self::V4(first, last) => (false, first.into(), std::cmp::Reverse(last.into())),
            Self::V6(first, last) => (true, first, std::cmp::Reverse(last)),
        }
    }

    fn new(address: IpAddr, prefix: u32) -> (Self, bool) {
        match address {
            IpAddr::V4(ip) => {
                let below = u32::MAX.checked_shr(prefix).unwrap_or(0);
                let bits = ip.to_bits();
                (Self::V4(bits & !below, bits | below), bits & below != 0)
            }
            IpAddr::V6(ip) => match ip.to_ipv4_mapped() {
                Some(v4) if prefix >= 96 => Self::new(IpAddr::V4(v4), prefix - 96),
                _ => {
                    let below = u128::MAX.checked_shr(prefix).unwrap_or(0);
                    let bits = ip.to_bits();
                    (Self::V6(bits & !below, bits | below), bits & below != 0)
                }
            },
        }
    }
}

impl std::fmt::Display for Net {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::V4(first, last) => {
                let prefix = (first ^ last).leading_zeros();
                write!(f, "{}/{prefix}", std::net::Ipv4Addr::from_bits(*first))
            }
            Self::V6(first, last) => {
                let prefix = (first ^ last).leading_zeros();
                write!(f, "{}/{prefix}", std::net::Ipv6Addr::from_bits(*first))
            }
        }
    }
}

/// What is wrong with a network.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NetError {
    /// No IPv4 or IPv6 address.
    #[error("this is not an IPv4 or IPv6 address or network")]
    Address,
    /// A prefix length that is no number or too long.
    #[error("a prefix length here is a number from 0 to {0}")]
    Prefix(u32),
}

/// The range of numbers an index sorts a network by.
#[derive(Clone, Debug)]
pub(super) enum Range {
    V4(RangeInclusive<u32>),
    V6(RangeInclusive<u128>),
}

impl From<Net> for Range {
    fn from(net: Net) -> Self {
        match net {
            Net::V4(first, last) => Self::V4(first..=last),
            Net::V6(first, last) => Self::V6(first..=last),
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
