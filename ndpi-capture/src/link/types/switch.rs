//! Tags that an Ethernet switch puts into the frames between it and its host (Linux's DSA).

use ndpi_common::parse::ethertype;

use super::bytes::{at, be16, behind};
use super::{Found, Under};

/// Two Ethernet addresses.
const ADDRESSES: usize = 12;

/// Marvell: four bytes between the addresses and the EtherType.
pub(super) fn dsa(data: &[u8]) -> Found<'_> {
    marvell(data, ADDRESSES)
}

/// Marvell with an EtherType of its own and two bytes reserved before those four.
pub(super) fn edsa(data: &[u8]) -> Found<'_> {
    marvell(data, ADDRESSES + 4)
}

/// The tag at `place` stands in for a VLAN's where the frame had one: its second half is then that
/// VLAN's, and the EtherType follows as it would behind a VLAN tag.
fn marvell(data: &[u8], place: usize) -> Found<'_> {
    const WAS_TAGGED: u8 = 0x20;
    let [first, ..]: [u8; 4] = at(data, place)?;
    if first & WAS_TAGGED != 0 {
        return Ok((Under::EtherType(ethertype::VLAN), behind(data, place + 2)?));
    }
    Ok((Under::EtherType(be16(data, place + 4)?), behind(data, place + 6)?))
}

/// Broadcom: four bytes between the addresses and the EtherType. (The variant with the four bytes in
/// front is an Ethernet frame behind a header of fixed length.)
pub(super) fn broadcom(data: &[u8]) -> Found<'_> {
    const ETHERTYPE: usize = ADDRESSES + 4;
    Ok((Under::EtherType(be16(data, ETHERTYPE)?), behind(data, ETHERTYPE + 2)?))
}
