//! Servers that are known, by address.

use std::net::IpAddr;
use std::time::Duration;

use ndpi::{Classification, DnsAddress};
use ndpi_common::{MAX_SERVERS, ServerKey};

use super::hint::{Hint, Known};
use super::lru::Lru;
use crate::flow::{DecidedBy, Details};

/// How long a server is remembered whose address no DNS answer gave: the client asked somewhere
/// else. Long enough for a browser's next attempts; no longer, since nobody says for how long the
/// address belongs to the name. nDPI keeps addresses from DNS as long (`lru.fpc_dns.ttl`).
pub const UNANNOUNCED: Duration = Duration::from_mins(1);

/// A DNS answer is believed for no longer, as resolvers do not either (RFC 8767, section 4, speaks
/// of days; `cache-max-ttl` of unbound is one).
pub const LONGEST: Duration = Duration::from_hours(24);

/// Servers (ports) that are remembered at one address.
const AT_ONE_ADDRESS: usize = 4;

/// Addresses that are remembered. The kernel's map has room for all of their servers.
const ADDRESSES: usize = MAX_SERVERS as usize / AT_ONE_ADDRESS;

/// Servers, and the names that DNS answers gave their addresses.
#[derive(Debug)]
pub struct ServerCache {
    hosts: Lru<Place, Host>,
}

/// An address, and how many tunnels it is inside of: what is in a tunnel says nothing of the server
/// that has the same address outside.
type Place = (IpAddr, u8);

/// What is remembered of an address.
#[derive(Debug, Default)]
struct Host {
    /// The name that the last DNS answer gave it.
    name: Option<Box<str>>,
    /// Until when that holds, nanoseconds since the Unix epoch.
    until_ns: u64,
    servers: Vec<Remembered>,
}

/// A server.
#[derive(Clone, Debug)]
pub(super) struct Remembered {
    pub(super) key: ServerKey,
    pub(super) known: Known,
    /// Until when it is remembered, nanoseconds since the Unix epoch.
    pub(super) until_ns: u64,
}

impl Default for ServerCache {
    fn default() -> Self {
        Self::with_room(ADDRESSES)
    }
}

impl ServerCache {
    /// A cache of this many addresses.
    pub fn with_room(addresses: usize) -> Self {
        Self { hosts: Lru::new(addresses) }
    }

    /// Notes what a DNS answer outside of any tunnel says at `now_ns` (nanoseconds since the Unix epoch, here and below).
    /// Returns the servers of which something else is known now, or nothing any more.
    ///
    /// An address that was known by another name serves both: what one of them is says nothing of the
    /// next flow, and is forgotten.
    pub fn learn(&mut self, name: &str, addresses: &[DnsAddress], now_ns: u64) -> Vec<ServerKey> {
        let mut changed = Vec::new();
        for DnsAddress { address, ttl } in addresses {
            let until_ns = later(now_ns, Duration::from_secs((*ttl).into()).min(LONGEST));
            let (host, gone) = self.hosts.enter((*address, 0));
            changed.extend(gone.iter().flat_map(Host::keys));
            changed.extend(host.keys());
            host.announce(name, until_ns);
        }
        changed
    }

    /// Notes that a flow to the server `key` was decided, which is known as `known` by it. Returns
    /// the servers of which something else is known now.
    pub fn remember(&mut self, key: ServerKey, mut known: Known, now_ns: u64) -> Vec<ServerKey> {
        let (host, gone) = self.hosts.enter(place(&key));
        let mut changed: Vec<_> = gone.iter().flat_map(Host::keys).collect();
        let announced = host.name.as_deref().filter(|_| now_ns < host.until_ns);
        let until_ns = match (announced, known.name.as_deref()) {
            (Some(announced), Some(name)) if !same(announced, name) => {
                host.servers.retain(|server| server.key != key);
                changed.push(key);
                return changed;
            }
            (Some(announced), _) => {
                known.name = Some(announced.into());
                host.until_ns
            }
            (None, _) if known.by_name => return changed,
            (None, _) => later(now_ns, UNANNOUNCED),
        };
        changed.extend(host.put(Remembered { key, known, until_ns }));
        changed.push(key);
        changed
    }

    /// What is claimed of a new flow to the server `key`: what is remembered of it, or else what nDPI
    /// says by the first packet.
    pub fn hint(
        &mut self,
        key: &ServerKey,
        said: Option<Classification>,
        now_ns: u64,
    ) -> Option<Hint> {
        let host = self.hosts.use_one(&place(key));
        if let Some(server) = host.and_then(|host| host.server(key)).filter(|it| it.holds(now_ns)) {
            return Some(server.known.hint());
        }
        let name = host.and_then(|host| host.name.as_deref().filter(|_| now_ns < host.until_ns));
        let details = Details::new(name.unwrap_or_default(), "", "");
        Some(Hint { classification: said?, details, by: DecidedBy::FirstPacket })
    }

    /// Forgets what does not hold any more, and returns the servers that were forgotten.
    pub fn expire(&mut self, now_ns: u64) -> Vec<ServerKey> {
        let mut gone = Vec::new();
        self.hosts.retain(|host| {
            let over = host.servers.extract_if(.., |server| !server.holds(now_ns));
            gone.extend(over.map(|server| server.key));
            !host.servers.is_empty() || now_ns < host.until_ns
        });
        gone
    }

    /// What is remembered of a server.
    pub(super) fn server(&mut self, key: &ServerKey) -> Option<&Remembered> {
        self.hosts.use_one(&place(key))?.server(key)
    }

    /// All servers.
    pub(super) fn servers(&self) -> impl Iterator<Item = &Remembered> {
        self.hosts.values().flat_map(|host| &host.servers)
    }
}

impl Host {
    fn keys(&self) -> impl Iterator<Item = ServerKey> {
        self.servers.iter().map(|server| server.key)
    }

    fn server(&self, key: &ServerKey) -> Option<&Remembered> {
        self.servers.iter().find(|server| server.key == *key)
    }

    /// Gives the address a name.
    fn announce(&mut self, name: &str, until_ns: u64) {
        self.servers.retain_mut(|server| match &server.known.name {
            Some(known) if same(known, name) => {
                server.until_ns = server.until_ns.max(until_ns);
                true
            }
            known => known.is_none(),
        });
        (self.name, self.until_ns) = (Some(name.into()), until_ns);
    }

    /// Puts a server in its place, or in that of the one that would be forgotten next; returns the
    /// key of that one.
    fn put(&mut self, server: Remembered) -> Option<ServerKey> {
        if let Some(place) = self.servers.iter_mut().find(|other| other.key == server.key) {
            *place = server;
            return None;
        }
        let mut gone = None;
        if self.servers.len() >= AT_ONE_ADDRESS {
            let soonest = (0..self.servers.len()).min_by_key(|&at| self.servers[at].until_ns);
            gone = soonest.map(|at| self.servers.swap_remove(at).key);
        }
        self.servers.push(server);
        gone
    }
}

impl Remembered {
    pub(super) fn holds(&self, now_ns: u64) -> bool {
        now_ns < self.until_ns
    }
}

/// Names are the same in upper and lower case (RFC 4343).
fn same(a: &str, b: &str) -> bool {
    a.trim_end_matches('.').eq_ignore_ascii_case(b.trim_end_matches('.'))
}

fn later(now_ns: u64, after: Duration) -> u64 {
    now_ns.saturating_add(u64::try_from(after.as_nanos()).unwrap_or(u64::MAX))
}

fn place(key: &ServerKey) -> Place {
    (address(key), key.tunnel)
}

/// The server's address.
pub(super) fn address(key: &ServerKey) -> IpAddr {
    let [a, b, c, d, ..] = key.address;
    if key.family == 4 { [a, b, c, d].into() } else { key.address.into() }
}
