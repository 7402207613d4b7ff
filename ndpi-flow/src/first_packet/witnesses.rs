//! Witnesses: clients that say the same of a server.

use std::net::{IpAddr, Ipv6Addr};

use ndpi::AppId;
use ndpi_common::ServerKey;

use super::hint::Known;
use super::lifetime::{UNANNOUNCED, later};

/// Servers of one address that somebody has said something of.
const KEPT: usize = 4;

/// The bits of an IPv6 address that a client does not choose (RFC 4291, section 2.5.4).
const NETWORK_BITS: u128 = u128::MAX << 64;

/// What was said last of servers at one address.
#[derive(Debug, Default)]
pub(super) struct Witnesses(Vec<Witness>);

#[derive(Debug)]
struct Witness {
    key: ServerKey,
    app: AppId,
    client: IpAddr,
    /// Until when that counts, nanoseconds since the Unix epoch.
    until_ns: u64,
}

impl Witnesses {
    /// Notes that `client` finds the server `key` to be `known`. Whether another client did so too, not
    /// longer ago than a server is remembered.
    pub(super) fn agree(
        &mut self,
        key: &ServerKey,
        known: &Known,
        client: IpAddr,
        now_ns: u64,
    ) -> bool {
        let said = Witness {
            key: *key,
            app: known.app,
            client: network(client),
            until_ns: later(now_ns, UNANNOUNCED),
        };
        let place = self.0.iter().position(|before| before.key == *key);
        let before = place.map(|place| self.0.remove(place));
        if self.0.len() == KEPT {
            self.0.remove(0);
        }
        let agrees = before.is_some_and(|before| {
            before.app == said.app && before.client != said.client && now_ns < before.until_ns
        });
        self.0.push(said);
        agrees
    }

    /// Forgets what counts no more; whether anything is left.
    pub(super) fn expire(&mut self, now_ns: u64) -> bool {
        self.0.retain(|witness| now_ns < witness.until_ns);
        !self.0.is_empty()
    }
}

/// The client, as far as it does not choose its address itself.
fn network(client: IpAddr) -> IpAddr {
    match client {
        IpAddr::V4(_) => client,
        IpAddr::V6(address) => Ipv6Addr::from_bits(address.to_bits() & NETWORK_BITS).into(),
    }
}
