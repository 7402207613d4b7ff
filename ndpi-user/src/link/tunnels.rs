//! Which tunnels are looked into.

use std::net::{IpAddr, Ipv6Addr};

use ipnet::{IpNet, Ipv6Net};
use ndpi_common::parse::{self, Options, Packet, Source};

/// Which tunnels are looked into.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Tunnels {
    open: bool,
    ends: Vec<Ipv6Net>,
}

impl Tunnels {
    /// All of them, or none.
    pub fn all(open: bool) -> Self {
        Self { open, ends: Vec::new() }
    }

    /// Those of which both ends are in these networks; all of them where there is none.
    pub fn between(ends: &[IpNet]) -> Self {
        Self { open: true, ends: ends.iter().map(mapped).collect() }
    }

    /// Whether any are looked into.
    pub fn are_open(&self) -> bool {
        self.open
    }

    /// The networks that both ends must be in; IPv4 as IPv4-mapped IPv6, as the kernel has them.
    pub fn ends(&self) -> &[Ipv6Net] {
        &self.ends
    }

    /// The packet inside of `packet`, if that is one of a tunnel that is looked into.
    pub fn inside<S: Source + ?Sized>(&self, frame: &S, packet: &Packet) -> Option<Packet> {
        if !self.open || !self.are_ends(packet) {
            return None;
        }
        let (tunnel, link) = parse::entrance(frame, packet)?;
        let inner = parse::network(frame, link, Options::LENIENT).ok()?;
        Some(Packet { tunnel, ..inner })
    }

    fn are_ends(&self, packet: &Packet) -> bool {
        let is_end = |address| self.ends.iter().any(|net| net.contains(&address));
        let ends = [packet.key.lower().0, packet.key.upper().0].map(as_ipv6);
        self.ends.is_empty() || ends.into_iter().all(is_end)
    }
}

fn as_ipv6(address: IpAddr) -> Ipv6Addr {
    match address {
        IpAddr::V4(address) => address.to_ipv6_mapped(),
        IpAddr::V6(address) => address,
    }
}

fn mapped(net: &IpNet) -> Ipv6Net {
    match net {
        IpNet::V4(net) => Ipv6Net::new_assert(net.addr().to_ipv6_mapped(), 96 + net.prefix_len()),
        IpNet::V6(net) => *net,
    }
}
