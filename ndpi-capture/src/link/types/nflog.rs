//! Packets that Linux's netfilter logged (`nflog` as a capture's interface).

use super::bytes::split;
use super::{Found, Under};
use crate::link::Skip;

/// Attributes (`enum nfulnl_attr_type` in `linux/netfilter/nfnetlink_log.h`).
const PACKET_HEADER: u16 = 1;
const PAYLOAD: u16 = 9;

/// Address families of Linux whose payload begins with an IP header.
const INET: u8 = 1;
const IPV4: u8 = 2;
const IPV6: u8 = 10;

/// Family, version, group; then attributes, whose lengths and types are in the byte order of whoever
/// captured: whichever leads to a payload is the right one.
pub(super) fn nflog(data: &[u8]) -> Found<'_> {
    let ([family, version, _, _], attributes) = split(data)?;
    if version != 0 {
        return Err(Skip::LINK_HEADER);
    }
    let found = [u16::from_le_bytes, u16::from_be_bytes].map(|read| find(attributes, read));
    let Some(Logged { ethertype, payload: Some(payload) }) =
        found.into_iter().find(|logged| logged.payload.is_some())
    else {
        return Err(Skip::LINK_HEADER);
    };
    match (family, ethertype) {
        (INET | IPV4 | IPV6, _) => Ok((Under::Ip, payload)),
        (_, Some(ethertype)) => Ok((Under::EtherType(ethertype), payload)),
        (_, None) => Err(Skip::NOT_IP),
    }
}

/// What the attributes say.
#[derive(Clone, Copy, Default)]
struct Logged<'a> {
    ethertype: Option<u16>,
    payload: Option<&'a [u8]>,
}

/// Goes through the attributes: length with these four bytes, type, value, padded to a multiple of
/// four.
fn find(mut data: &[u8], read: fn([u8; 2]) -> u16) -> Logged<'_> {
    let mut logged = Logged::default();
    while let Some(([a, b, c, d], rest)) = data.split_first_chunk() {
        let len = usize::from(read([*a, *b]));
        let Some(value_len) = len.checked_sub(4) else { break };
        // The last value may be cut by the snapshot length.
        let value = &rest[..value_len.min(rest.len())];
        match (read([*c, *d]), value) {
            (PACKET_HEADER, [a, b, ..]) => logged.ethertype = Some(u16::from_be_bytes([*a, *b])),
            (PAYLOAD, _) => logged.payload = Some(value),
            _ => {}
        }
        data = data.get(len.next_multiple_of(4)..).unwrap_or_default();
    }
    logged
}
