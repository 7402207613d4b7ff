//! A packet to send, or why there is none.

use std::net::SocketAddr;

/// A packet to send.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Answer {
    /// Where to; the port is 0.
    pub to: SocketAddr,
    /// Its bytes, from the IP header on.
    pub packet: Vec<u8>,
}

/// Why nobody is notified.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, thiserror::Error)]
pub enum Unanswerable {
    /// The packet is damaged, or was cut within its headers.
    #[error("its headers cannot be read")]
    Unparsable,
    /// It has no ports, and its first fragment is answered.
    #[error("it is a later fragment")]
    LaterFragment,
    /// It was inside a tunnel: its addresses are not those of the network around it.
    #[error("it was inside a tunnel")]
    Tunneled,
    /// One of its addresses stands for no single host (RFC 1122, section 3.2.2; RFC 4443, section
    /// 2.4(e)).
    #[error("one of its addresses is not a single host's")]
    Address,
    /// A reset: the connection is over.
    #[error("it is a reset")]
    Reset,
    /// ICMP that must not be answered: an error, a redirect, neighbour discovery, a type that is
    /// not known.
    #[error("it is ICMP that must not be answered")]
    Icmp,
}
