//! A routed network: client – router – server, each a network namespace, joined by veth pairs.
//!
//! ```text
//!  client 198.18.1.2 ── lan 198.18.1.1 router 198.18.2.1 wan ── 198.18.2.2 server
//!     2001:db8:1::2     2001:db8:1::1         2001:db8:2::1     2001:db8:2::2
//! ```
//!
//! The addresses are those of benchmarking (RFC 2544) and documentation (RFC 3849). No namespace
//! has a default route: client and server know the way to each other's network and no other.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use anyhow::Result;

use crate::namespace::Namespace;

/// The server.
pub const SERVER_V4: IpAddr = IpAddr::V4(Ipv4Addr::new(198, 18, 2, 2));
/// The server, over IPv6.
pub const SERVER_V6: IpAddr = IpAddr::V6(Ipv6Addr::new(0x2001, 0xdb8, 2, 0, 0, 0, 0, 2));
/// Where clients are.
pub const CLIENT_V4: IpAddr = IpAddr::V4(Ipv4Addr::new(198, 18, 1, 2));
/// Where clients are, over IPv6.
pub const CLIENT_V6: IpAddr = IpAddr::V6(Ipv6Addr::new(0x2001, 0xdb8, 1, 0, 0, 0, 0, 2));
/// The router's interface on the client's side, where `ndpi-xdp` attaches.
pub const LAN: &str = "lan";

/// The three namespaces. Dropping them removes everything inside.
pub struct Topology {
    /// Has one interface, `eth0`.
    pub client: Namespace,
    /// Forwards between [`LAN`], where the client is, and `wan`.
    pub router: Namespace,
    /// Has one interface, `eth0`.
    pub server: Namespace,
}

impl Topology {
    /// Makes the namespaces, named after their roles, with links and addresses.
    pub fn new(named: impl Fn(&str) -> String) -> Result<Self> {
        let new = |role| Namespace::new(&named(role));
        let lab = Self { client: new("client")?, router: new("router")?, server: new("server")? };
        for namespace in [&lab.client, &lab.router, &lab.server] {
            // Addresses that are used at once: nobody else is there to have them.
            namespace.set("ipv6/conf/default/accept_dad", "0")?;
        }
        lab.join(&lab.client, LAN, 1)?;
        lab.join(&lab.server, "wan", 2)?;
        lab.router.set("ipv4/ip_forward", "1")?;
        lab.router.set("ipv6/conf/all/forwarding", "1")?;
        lab.client.ip("route add 198.18.2.0/24 via 198.18.1.1")?;
        lab.client.ip("route add 2001:db8:2::/64 via 2001:db8:1::1")?;
        lab.server.ip("route add 198.18.1.0/24 via 198.18.2.1")?;
        lab.server.ip("route add 2001:db8:1::/64 via 2001:db8:2::1")?;
        Ok(lab)
    }

    /// Removes everything, and says what could not be.
    pub fn remove(mut self) -> Result<()> {
        [&mut self.client, &mut self.server, &mut self.router]
            .map(Namespace::remove)
            .into_iter()
            .collect()
    }

    /// Joins `host`, as `eth0`, to the router's new interface `port`, on network `number`.
    fn join(&self, host: &Namespace, port: &str, number: u8) -> Result<()> {
        let router = &self.router;
        router.ip(&format!("link add {port} type veth peer name eth0 netns {}", host.name()))?;
        for (namespace, interface, end) in [(router, port, 1), (host, "eth0", 2)] {
            namespace.ip(&format!("address add 198.18.{number}.{end}/24 dev {interface}"))?;
            namespace
                .ip(&format!("address add 2001:db8:{number}::{end}/64 dev {interface} nodad"))?;
            namespace.ip(&format!("link set {interface} up"))?;
        }
        Ok(())
    }
}
