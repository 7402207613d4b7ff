//! Link layers that are of no family.

use super::bytes::{be16, split};
use super::{Found, Under};
use crate::link::Skip;

/// Symantec's firewall: an EtherType amid zeros.
pub(super) fn symantec(data: &[u8]) -> Found<'_> {
    let (header, rest) = split::<44>(data)?;
    Ok((Under::EtherType(be16(&header, 6)?), rest))
}

/// IP over IEEE 1394 as macOS hands it on: two addresses of eight bytes, an EtherType.
pub(super) fn firewire(data: &[u8]) -> Found<'_> {
    let (header, rest) = split::<18>(data)?;
    Ok((Under::EtherType(be16(&header, 16)?), rest))
}

/// Ethernet with its preamble (IEEE 802.3br), whose last byte says whether the frame is whole.
pub(super) fn mpacket(data: &[u8]) -> Found<'_> {
    const EXPRESS: u8 = 0xd5;
    match split::<8>(data)? {
        ([.., EXPRESS], rest) => Ok((Under::Ethernet, rest)),
        _ => Err(Skip::NOT_IP),
    }
}
