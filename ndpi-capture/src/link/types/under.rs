//! The layer under a link header.

use crate::link::Skip;

/// What comes next in a packet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::link) enum Under {
    /// An Ethernet header.
    Ethernet,
    /// What an EtherType stands for.
    EtherType(u16),
    /// An IP header, whose version field says which.
    Ip,
}

/// What comes next, and the bytes from there on.
pub(super) type Found<'a> = Result<(Under, &'a [u8]), Skip>;
