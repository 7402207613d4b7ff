//! The packets that end a rejected flow at both ends.

use std::net::SocketAddr;

use ndpi_flow::Sample;

use super::offender::Offender;
use super::{icmp, ip, tcp};

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

/// The packets that tell the ends of a rejected flow, in answer to one of its packets: resets to
/// the sender and to the receiver of a TCP segment, ICMP to the sender of anything else. The packet
/// is one that the verdict was made of, or one that the kernel dropped since ([`Sample::rejected`]).
///
/// # Errors
///
/// When the packet must not be answered, or cannot.
pub fn answers(sample: &Sample) -> Result<Vec<Answer>, Unanswerable> {
    if sample.tunneled {
        return Err(Unanswerable::Tunneled);
    }
    let offender = Offender::read(sample)?;
    match offender.packet.key.proto() {
        ip::TCP => tcp::resets(&offender),
        _ => icmp::prohibited(&offender).map(|answer| vec![answer]),
    }
}

#[cfg(test)]
mod tests;
