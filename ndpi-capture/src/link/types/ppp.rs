//! PPP (RFC 1661) and the framings of serial lines around it.

use ndpi_common::parse::ethertype;

use super::bytes::{behind, split};
use super::{Found, Under};
use crate::link::second_look::of_ppp;

/// The bytes before a protocol number in HDLC-like framing (RFC 1662, section 3.1).
const ADDRESS: u8 = 0xff;
const CONTROL: u8 = 0x03;

/// PPP with or without the address and control bytes of HDLC-like framing.
pub(super) fn ppp(data: &[u8]) -> Found<'_> {
    let data = data.strip_prefix(&[ADDRESS, CONTROL]).unwrap_or(data);
    let ([first], rest) = split(data)?;
    // A compressed protocol field is one odd byte.
    let (protocol, rest) = if first & 1 == 1 {
        (first.into(), rest)
    } else {
        let (field, rest) = split(data)?;
        (u16::from_be_bytes(field), rest)
    };
    let under = match protocol {
        0x0021 => ethertype::IPV4,
        0x0057 => ethertype::IPV6,
        0x0281 => ethertype::MPLS,
        0x0283 => ethertype::MPLS_MULTICAST,
        _ => return Err(of_ppp(protocol)),
    };
    Ok((Under::EtherType(under), rest))
}

/// As Linux's `pppd` had it: the direction in place of the address byte, or before it.
pub(super) fn pppd(data: &[u8]) -> Found<'_> {
    let rest = behind(data, 1)?;
    ppp(rest.strip_prefix(&[CONTROL]).unwrap_or(rest))
}

/// The direction, then PPP.
pub(super) fn with_direction(data: &[u8]) -> Found<'_> {
    ppp(behind(data, 1)?)
}

/// PPP in HDLC-like framing, or Cisco's framing, distinguished by the address.
pub(super) fn serial(data: &[u8]) -> Found<'_> {
    const UNICAST: u8 = 0x0f;
    const MULTICAST: u8 = 0x8f;
    match data.first() {
        Some(&(UNICAST | MULTICAST)) => cisco_hdlc(data),
        _ => ppp(data),
    }
}

/// Cisco HDLC (RFC 1547, section 4.3.1): address, control, EtherType.
pub(super) fn cisco_hdlc(data: &[u8]) -> Found<'_> {
    let ([_address, _control, a, b], rest) = split(data)?;
    Ok((Under::EtherType(u16::from_be_bytes([a, b])), rest))
}

/// The direction, then Cisco HDLC.
pub(super) fn cisco_hdlc_with_direction(data: &[u8]) -> Found<'_> {
    cisco_hdlc(behind(data, 1)?)
}
