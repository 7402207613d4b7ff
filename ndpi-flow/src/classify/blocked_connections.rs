//! Blocked QUIC connections that go on from another port or address (RFC 9000, section 9).
//!
//! A packet of a connection says which one it is of by the identifier that the server has chosen. A client's
//! address may become another, by its own choice or by a NAT's, and the kernel sees another flow then. It is
//! blocked as the connection was that its first packets say they are of. Only blocked connections are remembered:
//! anybody can write an identifier, and nobody is to get something through by one.

use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Mutex, PoisonError};

use ndpi::Classification;

use crate::first_packet::Lru;
use crate::flow::Details;
use crate::key::Endpoint;

/// Shorter identifiers are not unlikely enough to be chosen twice.
const SHORTEST: usize = 4;
/// The longest (RFC 9000, section 17.2).
const LONGEST: usize = 20;
/// Connections that are remembered at most: of more, the one that was not used for longest is forgotten.
const MOST: usize = 1 << 14;
/// The bit of a packet's first byte that says that it has a long header.
const LONG_HEADER: u8 = 0x80;

/// An identifier of a server, which ends in zeros where it is shorter, and its length.
type Id = ([u8; LONGEST], usize);

/// What a connection is.
type What = (Classification, Details);
type Known = Lru<(Endpoint, Id), Option<What>>;

/// Blocked connections, by their servers and the identifiers that these have chosen. All classifiers of a program
/// may share them.
#[derive(Debug)]
pub struct BlockedConnections {
    known: Mutex<Known>,
    /// Of each length of an identifier that is known, the bit.
    lengths: AtomicU32,
}

impl Default for BlockedConnections {
    fn default() -> Self {
        Self { known: Mutex::new(Lru::new(MOST)), lengths: AtomicU32::new(0) }
    }
}

impl BlockedConnections {
    /// Remembers what a connection is that was blocked.
    pub(super) fn insert(&self, server: Endpoint, id: &[u8], what: What) {
        let Some(key) = key(id).filter(|_| id.len() >= SHORTEST) else { return };
        self.lengths.fetch_or(1 << id.len(), Ordering::Relaxed);
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        *known.enter((server, key)).0 = Some(what);
    }

    /// Whether it knows none.
    pub(super) fn is_empty(&self) -> bool {
        self.lengths.load(Ordering::Relaxed) == 0
    }

    /// What the connection is that a client's packet to `server` says it is of, if that was blocked.
    pub(super) fn find(&self, server: Endpoint, datagram: &[u8]) -> Option<What> {
        let lengths = self.lengths.load(Ordering::Relaxed);
        let (&first, rest) = datagram.split_first()?;
        let id = if first & LONG_HEADER == 0 { rest } else { rest.get(5..)? };
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        (SHORTEST..=LONGEST)
            .filter(|length| lengths & 1 << length != 0)
            .find_map(|length| known.use_one(&(server, key(id.get(..length)?)?))?.clone())
    }
}

fn key(id: &[u8]) -> Option<Id> {
    let mut key = [0; LONGEST];
    key.get_mut(..id.len())?.copy_from_slice(id);
    Some((key, id.len()))
}

#[cfg(test)]
mod tests {
    use ndpi::AppId;

    use super::*;

    const SERVER: Endpoint = (std::net::IpAddr::V4(std::net::Ipv4Addr::new(198, 18, 0, 1)), 443);

    fn what(app: u16) -> (Classification, Details) {
        let app = AppId { master: 0, app };
        (Classification { app, ..Classification::default() }, Details::default())
    }

    #[test]
    fn a_connection_is_known_by_its_server_and_the_whole_identifier() {
        let known = BlockedConnections::default();
        let short = |id: &[u8]| [&[0x41], id, &[9; 30]].concat();
        assert_eq!(known.find(SERVER, &short(&[7; 8])), None);
        known.insert(SERVER, &[7; 8], what(1));
        known.insert(SERVER, &[8; 20], what(2));
        known.insert(SERVER, &[5; 3], what(3));
        assert_eq!(known.find(SERVER, &short(&[7; 8])), Some(what(1)));
        assert_eq!(known.find(SERVER, &short(&[8; 20])), Some(what(2)));
        assert_eq!(known.find((SERVER.0, 444), &short(&[7; 8])), None);
        assert_eq!(known.find(SERVER, &short(&[7; 7])), None);
        assert_eq!(known.find(SERVER, &short(&[5; 3])), None, "too short");
        assert_eq!(known.find(SERVER, &[0x41]), None);
        let handshake = [&[0xe0, 0, 0, 0, 1, 8][..], &[7; 8], &[0; 9]].concat();
        assert_eq!(known.find(SERVER, &handshake), Some(what(1)));
    }
}
