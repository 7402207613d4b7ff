//! The memory of servers, by address.

use std::net::IpAddr;
use std::time::Duration;

use ndpi::{Classification, DnsAddress};
use ndpi_common::{MAX_SERVERS, ServerKey};

use super::hint::{Basis, Hint, Known};
use super::lesson::Lesson;
use super::lifetime::{LONGEST, UNANNOUNCED, later};
use super::lru::Lru;
use super::witnesses::Witnesses;
use crate::classify::DnsAnswer;
use crate::flow::{DecidedBy, Details};

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
    /// What nDPI knows by that name.
    known_as: Option<Known>,
    /// Until when that holds, nanoseconds since the Unix epoch.
    until_ns: u64,
    servers: Vec<Remembered>,
    witnesses: Witnesses,
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
    /// A memory for this many addresses.
    pub fn with_room(addresses: usize) -> Self {
        Self { hosts: Lru::new(addresses) }
    }

    /// Notes a DNS answer, to a question that was asked outside of any tunnel, at `now_ns` (nanoseconds
    /// since the Unix epoch, here and below). Returns the servers of which something else is known now,
    /// or nothing any more.
    ///
    /// An address that was known by another name serves both: what one of them is says nothing of the
    /// next flow, and is forgotten.
    pub fn learn(&mut self, dns_answer: &DnsAnswer, now_ns: u64) -> Vec<ServerKey> {
        let mut changed = Vec::new();
        for DnsAddress { address, ttl } in &dns_answer.addresses {
            let until_ns = later(now_ns, Duration::from_secs((*ttl).into()).min(LONGEST));
            let (host, gone) = self.hosts.enter((*address, 0));
            changed.extend(gone.iter().flat_map(Host::keys));
            changed.extend(host.keys());
            host.announce(dns_answer, until_ns);
        }
        changed
    }

    /// Notes what a flow to a server was found to be. Returns the servers of which something else is
    /// known now.
    ///
    /// What a flow says is its client's word: it is believed when a DNS answer gave the address the
    /// flow's name, or when a second client says the same.
    pub fn remember(&mut self, lesson: Lesson, now_ns: u64) -> Vec<ServerKey> {
        let Lesson { server: key, mut known, client } = lesson;
        let (host, gone) = self.hosts.enter(place(&key));
        let mut changed: Vec<_> = gone.iter().flat_map(Host::keys).collect();
        let announced = host.name.as_deref().filter(|_| now_ns < host.until_ns);
        let (agreed, until_ns) = match (announced, known.name.as_deref()) {
            (Some(announced), Some(name)) if !same(announced, name) => {
                host.servers.retain(|server| server.key != key);
                changed.push(key);
                return changed;
            }
            (Some(announced), name) => {
                let agreed = name.is_some() || known.basis != Basis::Flow;
                known.name = Some(announced.into());
                (agreed, host.until_ns)
            }
            (None, _) if known.basis == Basis::Name => return changed,
            (None, _) => (known.basis == Basis::Address, later(now_ns, UNANNOUNCED)),
        };
        if agreed || host.witnesses.agree(&key, &known, client, now_ns) {
            changed.extend(host.put(Remembered { key, known, until_ns }));
            changed.push(key);
        }
        changed
    }

    /// What is claimed of a new flow to the server `key`: what is remembered of it, else what it is by
    /// the name that a DNS answer gave its address, or else what nDPI says by the first packet.
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
        let named = host.filter(|host| now_ns < host.until_ns);
        let details =
            Details::new(named.and_then(|it| it.name.as_deref()).unwrap_or_default(), "", "");
        if let Some(known) = named.and_then(|host| host.known_as.as_ref()) {
            return Some(Hint { details, by: DecidedBy::FirstPacket, ..known.hint() });
        }
        Hint::by_first_packet(said, details)
    }

    /// Forgets what does not hold any more, and returns the servers that were forgotten.
    pub fn expire(&mut self, now_ns: u64) -> Vec<ServerKey> {
        let mut gone = Vec::new();
        self.hosts.retain(|host| {
            let over = host.servers.extract_if(.., |server| !server.holds(now_ns));
            gone.extend(over.map(|server| server.key));
            let heard = host.witnesses.expire(now_ns);
            heard || !host.servers.is_empty() || now_ns < host.until_ns
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
    fn announce(&mut self, dns_answer: &DnsAnswer, until_ns: u64) {
        let name = dns_answer.name.as_str();
        self.servers.retain_mut(|server| match &server.known.name {
            Some(known) if same(known, name) => {
                server.until_ns = server.until_ns.max(until_ns);
                true
            }
            known => known.is_none(),
        });
        (self.name, self.until_ns) = (Some(name.into()), until_ns);
        self.known_as.clone_from(&dns_answer.known_as);
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

fn place(key: &ServerKey) -> Place {
    (address(key), key.tunnel)
}

/// The server's address.
pub(super) fn address(key: &ServerKey) -> IpAddr {
    let [a, b, c, d, ..] = key.address;
    if key.family == 4 { [a, b, c, d].into() } else { key.address.into() }
}
