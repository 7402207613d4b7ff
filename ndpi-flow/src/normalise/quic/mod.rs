//! Which of the packets that open a QUIC connection its server has read.
//!
//! A client's Initial can be opened by everybody who sees it (RFC 9001, section 5.2), and so it can be written by
//! everybody: another one in front of it, which does not get as far as the server, names another site. But the
//! server protects its answer with keys that follow from the identifier in the Initial that it answers. So
//! each Initial of a client is a candidate (`candidate`), of which nDPI is given the one that the server has
//! answered (`connection`): the hello in one packet, whatever packets and frames it came in (`crypto`).

mod candidate;
mod connection;
mod crypto;
mod datagram;
mod header;
mod keys;
#[cfg(test)]
mod tests;
mod unknown;
mod version;

pub(super) use connection::Connection;
#[cfg(test)]
pub(crate) use tests::initials;
