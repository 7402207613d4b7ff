//! Headers that say which link type they precede: PPI, PKTAP, and those of Juniper and Endace.

use super::bytes::{at, be16, behind, le32, length, split};
use super::{Found, Under, ppp};
use crate::link::Skip;
use crate::packet::LinkType;

/// The link type of what was found, and the bytes from there on.
pub(super) type Unwrapped<'a> = Result<(LinkType, &'a [u8]), Skip>;

fn inside(link_type: u32, rest: &[u8]) -> Unwrapped<'_> {
    let link_type = u16::try_from(link_type).map_err(|_| Skip::LINK_HEADER)?;
    Ok((LinkType(link_type), rest))
}

/// Per-packet information: version, flags, length, link type, in little endian.
pub(super) fn ppi(data: &[u8]) -> Unwrapped<'_> {
    let [a, b] = at(data, 2)?;
    let len = usize::from(u16::from_le_bytes([a, b]));
    let link_type = le32(data, 4)?;
    if len < 8 { Err(Skip::LINK_HEADER) } else { inside(link_type, behind(data, len)?) }
}

/// Apple's `pktap`: length, type, link type, and much more, in the byte order of whoever captured.
pub(super) fn pktap(data: &[u8]) -> Unwrapped<'_> {
    const SHORTEST: usize = 12;
    let (header, _) = split::<SHORTEST>(data)?;
    for read in [u32::from_le_bytes, u32::from_be_bytes] {
        let [len, _kind, link_type] =
            [0, 4, 8].map(|at| read([header[at], header[at + 1], header[at + 2], header[at + 3]]));
        if (SHORTEST..=data.len()).contains(&length(len)) {
            return inside(link_type, &data[length(len)..]);
        }
    }
    Err(Skip::LINK_HEADER)
}

/// Juniper: a magic number, flags, extensions with their length; then the frame, or where the router
/// took its link layer off, a number of the protocol in the router's own terms.
fn juniper(data: &[u8]) -> Result<(bool, &[u8]), Skip> {
    const MAGIC: [u8; 3] = *b"MGC";
    const NO_LINK_LAYER: u8 = 0x02;
    const EXTENDED: u8 = 0x80;
    let ([a, b, c, flags], rest) = split(data)?;
    if [a, b, c] != MAGIC {
        return Err(Skip::LINK_HEADER);
    }
    let rest = match flags & EXTENDED {
        0 => rest,
        _ => behind(rest, 2 + usize::from(be16(rest, 0)?))?,
    };
    let bare = flags & NO_LINK_LAYER != 0;
    Ok((bare, if bare { behind(rest, 4)? } else { rest }))
}

/// Ethernet of a Juniper router.
pub(super) fn juniper_ethernet(data: &[u8]) -> Found<'_> {
    juniper(data).map(|(bare, rest)| (if bare { Under::Ip } else { Under::Ethernet }, rest))
}

/// PPP of a Juniper router.
pub(super) fn juniper_ppp(data: &[u8]) -> Found<'_> {
    match juniper(data)? {
        (true, rest) => Ok((Under::Ip, rest)),
        (false, rest) => ppp::ppp(rest),
    }
}

/// Cisco HDLC of a Juniper router.
pub(super) fn juniper_hdlc(data: &[u8]) -> Found<'_> {
    match juniper(data)? {
        (true, rest) => Ok((Under::Ip, rest)),
        (false, rest) => ppp::cisco_hdlc(rest),
    }
}

/// Endace's extensible record format: a time, type, flags, three lengths; extension headers while a
/// bit says so; then what the type stands for.
pub(super) fn erf(data: &[u8]) -> Found<'_> {
    const HEADER: usize = 16;
    const EXTENSION: usize = 8;
    const MORE: u8 = 0x80;
    let [kind] = at(data, 8)?;
    let (mut rest, mut more) = (behind(data, HEADER)?, kind & MORE != 0);
    while more {
        more = at::<1>(rest, 0)?[0] & MORE != 0;
        rest = behind(rest, EXTENSION)?;
    }
    match kind & !MORE {
        // High-level data link control on SONET, by itself and with a colour.
        1 | 10 | 15 => ppp::serial(rest),
        // Ethernet, behind two bytes that say where on the card it began.
        2 | 11 | 16 | 20 => Ok((Under::Ethernet, behind(rest, 2)?)),
        22 | 23 => Ok((Under::Ip, rest)),
        _ => Err(Skip::NOT_IP),
    }
}
