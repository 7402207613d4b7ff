//! Radio headers before 802.11 frames: radiotap, Prism, AVS.

use super::bytes::{at, be32, behind, le32, length, split};
use super::wifi::{Frame, bare};
use crate::link::Skip;

/// Radiotap (<https://www.radiotap.org>): version, a byte to align, length, and which fields there
/// are; of these the flags, which come second, say how the frame is to be read.
pub(super) fn radiotap(data: &[u8]) -> Result<Frame<'_>, Skip> {
    let ([version, _, a, b], _) = split(data)?;
    let len = usize::from(u16::from_le_bytes([a, b]));
    if version != 0 || len < 8 {
        return Err(Skip::LINK_HEADER);
    }
    let bytes = behind(data, len)?;
    let flags = flags(&data[..len])?;
    Ok(Frame { bytes, padded: flags & IS_PADDED != 0, broken: flags & IS_BROKEN != 0 })
}

/// Of the flags of radiotap: the 802.11 header is padded, its checksum did not fit.
const IS_PADDED: u8 = 0x20;
const IS_BROKEN: u8 = 0x40;

/// The flags in a radiotap header; none where they are not there.
fn flags(header: &[u8]) -> Result<u8, Skip> {
    const HAS_TIME: u32 = 1;
    const HAS_FLAGS: u32 = 1 << 1;
    const HAS_MORE: u32 = 1 << 31;
    let present = le32(header, 4)?;
    let mut fields = 8;
    let mut last = present;
    while last & HAS_MORE != 0 {
        last = le32(header, fields)?;
        fields += 4;
    }
    if present & HAS_FLAGS == 0 {
        return Ok(0);
    }
    if present & HAS_TIME != 0 {
        fields = fields.next_multiple_of(8) + 8;
    }
    at(header, fields).map(|[flags]| flags)
}

/// Prism: a message code, and the length of the header in the byte order of whoever captured. Some
/// drivers put an AVS header in its place.
pub(super) fn prism(data: &[u8]) -> Result<Frame<'_>, Skip> {
    const AVS: u32 = 0x8021_1000;
    if be32(data, 0)? & 0xffff_f000 == AVS {
        return avs(data);
    }
    let lengths = [le32(data, 4)?, be32(data, 4)?].map(length);
    let len = lengths.into_iter().find(|len| (8..=data.len()).contains(len));
    bare(behind(data, len.ok_or(Skip::LINK_HEADER)?)?)
}

/// AVS: a version, and the length of the header in network byte order.
pub(super) fn avs(data: &[u8]) -> Result<Frame<'_>, Skip> {
    let len = length(be32(data, 4)?);
    if len < 8 { Err(Skip::LINK_HEADER) } else { bare(behind(data, len)?) }
}
