//! Linux's "cooked" captures: of the interface `any`, and of those without a header of their own.

use ndpi_common::parse::ethertype;

use super::bytes::{be16, split};
use super::{Found, Under};

/// Version 1: packet type, `ARPHRD_` type, address length and address, protocol.
pub(super) fn v1(data: &[u8]) -> Found<'_> {
    let (header, rest) = split::<16>(data)?;
    Ok((linux(be16(&header, 2)?, be16(&header, 14)?), rest))
}

/// Version 2: protocol, reserved, interface, `ARPHRD_` type, packet type, address.
pub(super) fn v2(data: &[u8]) -> Found<'_> {
    let (header, rest) = split::<20>(data)?;
    Ok((linux(be16(&header, 8)?, be16(&header, 0)?), rest))
}

/// The protocol is an EtherType; on GRE interfaces it is GRE's, where one more stands for Ethernet.
fn linux(arphrd: u16, protocol: u16) -> Under {
    const ARPHRD_IPGRE: u16 = 778;
    const ARPHRD_IP6GRE: u16 = 823;
    match (arphrd, protocol) {
        (ARPHRD_IPGRE | ARPHRD_IP6GRE, ethertype::BRIDGED_ETHERNET) => Under::Ethernet,
        _ => Under::EtherType(protocol),
    }
}
