//! Helpers for tests with the real library.

pub(crate) mod guarded;

use std::net::{Ipv4Addr, SocketAddrV4};
use std::path::Path;

use ndpi::{Engine, Library, LoadError};
use ndpi_sys::packets;
use testkit::{needs, places};

/// Milliseconds since 1970 at the start of a test's traffic.
pub(crate) const START_MS: u64 = 1_700_000_000_000;

/// nDPI; `None`, with a word on why, where there is none. In CI there must be one.
pub(crate) fn library() -> Option<Library> {
    loaded(Library::load)
}

/// The library to test with: `NDPI_LIBRARY`, the one in `target/ndpi/`, or the system's.
pub(crate) fn loaded(
    load: impl FnOnce(Option<&Path>) -> Result<Library, LoadError>,
) -> Option<Library> {
    let built = places::ndpi_library();
    let path = if built.exists() { built } else { ndpi_sys::SONAME.into() };
    match load(Some(&path)) {
        Err(LoadError::Open { .. }) if path == Path::new(ndpi_sys::SONAME) => {
            needs(Err("there is no nDPI in target/ndpi or the system: cargo xtask setup"))
        }
        library => Some(library.expect("the library that is there can be used")),
    }
}

/// An engine with default settings.
pub(crate) fn engine() -> Option<Engine> {
    library().map(|library| library.engine().build().expect("an engine with default settings"))
}

/// Both ends of a conversation.
#[derive(Clone, Copy)]
pub(crate) struct Ends {
    pub(crate) client: SocketAddrV4,
    pub(crate) server: SocketAddrV4,
}

/// A conversation with this port of the server.
pub(crate) fn ends(port: u16) -> Ends {
    Ends {
        client: SocketAddrV4::new(Ipv4Addr::new(198, 18, 0, 1), 40_000),
        server: SocketAddrV4::new(Ipv4Addr::new(198, 18, 0, 2), port),
    }
}

impl Ends {
    /// The three packets that open a TCP connection.
    pub(crate) fn handshake(&self) -> [Vec<u8>; 3] {
        [
            packets::tcp(self.client, self.server, packets::SYN, (0, 0), &[]),
            packets::tcp(self.server, self.client, packets::SYN | packets::ACK, (0, 1), &[]),
            packets::tcp(self.client, self.server, packets::ACK, (1, 1), &[]),
        ]
    }

    /// Data from the client, at the start of its stream.
    pub(crate) fn request(&self, payload: &[u8]) -> Vec<u8> {
        packets::tcp(self.client, self.server, packets::PSH_ACK, (1, 1), payload)
    }

    /// Data from the server, at the start of its stream.
    pub(crate) fn response(&self, payload: &[u8]) -> Vec<u8> {
        packets::tcp(self.server, self.client, packets::PSH_ACK, (1, 2), payload)
    }

    /// A datagram from the client.
    pub(crate) fn datagram(&self, payload: &[u8]) -> Vec<u8> {
        packets::udp(self.client, self.server, payload)
    }

    /// A datagram from the server.
    pub(crate) fn reply(&self, payload: &[u8]) -> Vec<u8> {
        packets::udp(self.server, self.client, payload)
    }
}
