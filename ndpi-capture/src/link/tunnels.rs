//! Which tunnels are looked into.

use std::net::{IpAddr, Ipv6Addr};

use ipnet::{IpNet, Ipv6Net};
use ndpi_common::parse::{self, Options, Packet, Source};

use super::tunnel::{self, Entrance};

/// Where VXLAN is looked for: VXLAN-GPE's port, and the one that Linux took before there was a number.
const VXLAN_PORTS: [u16; 2] = [4790, 8472];

/// Which tunnels are looked into.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Tunnels {
    open: bool,
    /// UDP ports of VXLAN beside the one that the programs in the kernel know.
    vxlan_ports: Vec<u16>,
    ends: Vec<Ipv6Net>,
}

impl Tunnels {
    /// All of them, or none.
    pub fn all(open: bool) -> Self {
        Self { open, vxlan_ports: VXLAN_PORTS.to_vec(), ends: Vec::new() }
    }

    /// Those of which both ends are in these networks; all of them where there is none.
    pub fn between(ends: &[IpNet]) -> Self {
        Self { ends: ends.iter().map(mapped).collect(), ..Self::all(true) }
    }

    /// These, and VXLAN on these UDP ports.
    #[must_use]
    pub fn with_vxlan_ports(mut self, ports: impl IntoIterator<Item = u16>) -> Self {
        self.vxlan_ports.extend(ports);
        self
    }

    /// Whether any are looked into.
    pub fn are_open(&self) -> bool {
        self.open
    }

    /// The networks that both ends must be in; IPv4 as IPv4-mapped IPv6, as the kernel has them.
    pub fn ends(&self) -> &[Ipv6Net] {
        &self.ends
    }

    /// The packet inside of `packet`, if that is one of a tunnel that is looked into; and which tunnel it
    /// is.
    #[inline]
    pub(super) fn open<S: Source + ?Sized>(
        &self,
        frame: &S,
        packet: &Packet,
    ) -> Option<(Entrance, Packet)> {
        if !self.open || !self.are_ends(packet) {
            return None;
        }
        let entrance = tunnel::entrance(frame, packet, &self.vxlan_ports)?;
        let inner = parse::network(frame, entrance.link, Options::LENIENT).ok()?;
        Some((entrance, inner))
    }

    /// The packet inside of `packet`, if that is one of a tunnel that the programs in the kernel look
    /// into.
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
