//! What the ends of a rejected flow are told.

use std::net::SocketAddr;

use super::offender::Offender;
use super::{icmp, ip, tcp};
use crate::sample::Sample;

/// A packet to send.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Answer {
    /// Where to; the port is 0.
    pub to: SocketAddr,
    /// Its bytes, from the IP header on.
    pub packet: Vec<u8>,
}

/// What became of a sample's packet.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Fate {
    /// It went on to its receiver: the verdict was made of it.
    Passed,
    /// The kernel dropped it: the verdict stood already
    /// ([`REJECTED`](ndpi_common::SampleFlags::REJECTED)).
    Dropped,
}

/// Why nobody is told.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, thiserror::Error)]
pub enum Unanswerable {
    /// The packet is damaged, or was cut within its headers.
    #[error("its headers cannot be read")]
    Unparsable,
    /// It has no ports, and its first fragment is answered.
    #[error("it is a later fragment")]
    LaterFragment,
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
/// the sender and to the receiver of a TCP segment, ICMP to the sender of anything else.
///
/// The sample must not be of a packet that was inside a tunnel: its addresses are not those of the
/// network that the answer is sent to.
///
/// # Errors
///
/// When the packet must not be answered, or cannot.
pub fn answers(sample: &Sample, fate: Fate) -> Result<Vec<Answer>, Unanswerable> {
    let offender = Offender::read(sample)?;
    match offender.packet.key.proto() {
        ip::TCP => tcp::resets(&offender, fate),
        _ => icmp::prohibited(&offender).map(|answer| vec![answer]),
    }
}

#[cfg(test)]
mod tests;
