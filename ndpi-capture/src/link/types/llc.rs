//! IEEE 802.2 LLC, and the networks whose frames begin with it: ATM, Token Ring, FDDI, Fibre Channel.

use ndpi_common::parse::ethertype;

use super::bytes::{at, be16, behind, split};
use super::{Found, Under};
use crate::link::Skip;

/// An unnumbered frame of information.
const INFORMATION: u8 = 0x03;
/// Service access points: SNAP (RFC 1042), IP, ISO's network layer (RFC 1483, section 4.1).
const SNAP: u8 = 0xaa;
const IP: u8 = 0x06;
const ISO: u8 = 0xfe;
/// Bytes before a bridged Ethernet frame on ATM (RFC 2684, section 5.2); Frame Relay has none.
const PADDING: usize = 2;

/// An LLC header: SNAP with an EtherType or a bridged Ethernet frame, or a service access point for
/// IP.
pub(super) fn llc(data: &[u8]) -> Found<'_> {
    let ([destination, source, control], rest) = split(data)?;
    match (destination, source, control) {
        (SNAP, SNAP, INFORMATION) => snap(rest, PADDING),
        (IP, IP, INFORMATION) => Ok((Under::Ip, rest)),
        (ISO, ISO, INFORMATION) => nlpid(rest),
        _ => Err(Skip::NOT_IP),
    }
}

/// Organisation and protocol. Of the organisations that number protocols by EtherTypes there are
/// two: Ethernet's own, and 802.1H's for what must be bridged as it was. A bridged Ethernet frame
/// begins after `padding`.
fn snap(data: &[u8], padding: usize) -> Found<'_> {
    let (organisation, rest) = split::<3>(data)?;
    let (protocol, rest) = split(rest)?;
    match (organisation, u16::from_be_bytes(protocol)) {
        ([0, 0, 0 | 0xf8], protocol) => Ok((Under::EtherType(protocol), rest)),
        ([0, 0x80, 0xc2], 0x0001 | 0x0007) => Ok((Under::Ethernet, behind(rest, padding)?)),
        _ => Err(Skip::NOT_IP),
    }
}

/// ISO's number of a network layer protocol (ISO/IEC TR 9577).
fn nlpid(data: &[u8]) -> Found<'_> {
    let ([number], rest) = split(data)?;
    match number {
        0xcc => Ok((Under::EtherType(ethertype::IPV4), rest)),
        0x8e => Ok((Under::EtherType(ethertype::IPV6), rest)),
        0x80 => snap(rest, 0),
        _ => Err(Skip::NOT_IP),
    }
}

/// Token Ring: access and frame control, two addresses, and where the highest bit of the source is
/// set, a route that begins with its own length.
pub(super) fn token_ring(data: &[u8]) -> Found<'_> {
    const HEADER: usize = 14;
    const IS_ROUTED: u8 = 0x80;
    let [source] = at(data, 8)?;
    let route = if source & IS_ROUTED == 0 { 0 } else { at::<1>(data, HEADER)?[0] & 0x1f };
    llc(behind(data, HEADER + usize::from(route))?)
}

/// FDDI: frame control and two addresses.
pub(super) fn fddi(data: &[u8]) -> Found<'_> {
    const IS_LLC: u8 = 0x50;
    let [control] = at(data, 0)?;
    if control & 0xf0 == IS_LLC { llc(behind(data, 13)?) } else { Err(Skip::NOT_IP) }
}

/// IP over Fibre Channel (RFC 2625): two addresses of eight bytes.
pub(super) fn fibre_channel(data: &[u8]) -> Found<'_> {
    llc(behind(data, 16)?)
}

/// Frame Relay (RFC 2427): an address of two to four bytes, of which the last has its lowest bit
/// set; then a number of ISO's, or an EtherType, as Cisco has it.
pub(super) fn frame_relay(data: &[u8]) -> Found<'_> {
    let address = data.iter().take(4).position(|byte| byte & 1 == 1);
    let rest = behind(data, address.ok_or(Skip::LINK_HEADER)? + 1)?;
    match rest {
        [INFORMATION, 0, rest @ ..] | [INFORMATION, rest @ ..] => nlpid(rest),
        _ => Ok((Under::EtherType(be16(rest, 0)?), behind(rest, 2)?)),
    }
}

/// The direction, then Frame Relay.
pub(super) fn frame_relay_with_direction(data: &[u8]) -> Found<'_> {
    frame_relay(behind(data, 1)?)
}
