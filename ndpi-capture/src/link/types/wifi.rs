//! IEEE 802.11 data frames.

use super::bytes::{at, behind};
use super::{Found, llc};
use crate::link::Skip;

/// Of the first byte: version and type of the frame.
const VERSION: u8 = 0x03;
const TYPE: u8 = 0x0c;
const DATA: u8 = 0x08;
/// Subtypes of data frames: with a `QoS` field, and without any data.
const QOS: u8 = 0x80;
const NO_DATA: u8 = 0x40;
/// Of the second byte.
const BETWEEN_ACCESS_POINTS: u8 = 0x03;
const PROTECTED: u8 = 0x40;
const HAS_HT_CONTROL: u8 = 0x80;
/// Of the sequence field's first byte: the fragment's number.
const FRAGMENT: u8 = 0x0f;
/// Of the `QoS` field's first byte: several packets are in the frame.
const AGGREGATED: u8 = 0x80;

/// A frame from its 802.11 header on, and how the radio handed it on.
#[derive(Clone, Copy)]
pub(super) struct Frame<'a> {
    pub(super) bytes: &'a [u8],
    /// The header is padded to a multiple of four bytes.
    pub(super) padded: bool,
    /// The checksum did not fit.
    pub(super) broken: bool,
}

/// Frames that nothing is said of.
#[expect(clippy::unnecessary_wraps, reason = "the others that lead to a frame may fail")]
pub(super) fn bare(bytes: &[u8]) -> Result<Frame<'_>, Skip> {
    Ok(Frame { bytes, padded: false, broken: false })
}

/// What is under a data frame; of an aggregate (A-MSDU), what is under its first packet.
pub(super) fn find(frame: Frame<'_>) -> Found<'_> {
    match body(frame)? {
        Body::One(rest) => llc::llc(rest),
        Body::Many(rest) => llc::llc(subframe(rest).ok_or(Skip::LINK_HEADER)?.0),
    }
}

/// The packets of an aggregate, each from its LLC header on, with the length that it had on the air;
/// `None` for a frame of one packet, or none.
pub(super) fn aggregated(frame: Frame<'_>) -> Option<Subframes<'_>> {
    match body(frame) {
        Ok(Body::Many(rest)) if subframe(rest).is_some() => Some(Subframes(rest)),
        _ => None,
    }
}

/// The packets of an aggregate that are left.
#[derive(Clone, Debug)]
pub(in crate::link) struct Subframes<'a>(&'a [u8]);

impl<'a> Iterator for Subframes<'a> {
    type Item = (&'a [u8], usize);

    fn next(&mut self) -> Option<Self::Item> {
        let (packet, len) = subframe(self.0)?;
        let next = (SUBHEADER + len).next_multiple_of(4);
        self.0 = self.0.get(next..).unwrap_or_default();
        Some((packet, len))
    }
}

/// What a data frame carries.
enum Body<'a> {
    /// One packet, from its LLC header on.
    One(&'a [u8]),
    /// Several, each in a subframe.
    Many(&'a [u8]),
}

fn body(frame: Frame<'_>) -> Result<Body<'_>, Skip> {
    let Frame { bytes: data, padded, broken } = frame;
    if broken {
        return Err(Skip::BadChecksum);
    }
    let [control, flags] = at(data, 0)?;
    if control & VERSION != 0 || control & TYPE != DATA || control & NO_DATA != 0 {
        return Err(Skip::NOT_IP);
    }
    if flags & PROTECTED != 0 {
        return Err(Skip::Protected);
    }
    let [sequence] = at(data, 22)?;
    if sequence & FRAGMENT != 0 {
        return Err(Skip::LaterFragment);
    }
    let has_fourth_address = flags & BETWEEN_ACCESS_POINTS == BETWEEN_ACCESS_POINTS;
    let addresses = if has_fourth_address { 30 } else { 24 };
    let is_qos = control & QOS != 0;
    let header = addresses + if is_qos { qos_len(flags) } else { 0 };
    let header = if padded { header.next_multiple_of(4) } else { header };
    let rest = behind(data, header)?;
    let is_aggregate = is_qos && at::<1>(data, addresses)?[0] & AGGREGATED != 0;
    Ok(if is_aggregate { Body::Many(rest) } else { Body::One(rest) })
}

/// Bytes of the `QoS` field, and of the HT control field that may follow.
fn qos_len(flags: u8) -> usize {
    if flags & HAS_HT_CONTROL == 0 { 2 } else { 6 }
}

/// Bytes before the packet of a subframe: two addresses, and a length in network byte order. Each
/// subframe but the last is padded to a multiple of four bytes.
const SUBHEADER: usize = 14;

/// The first subframe's packet, as far as it is there, and its length.
fn subframe(data: &[u8]) -> Option<(&[u8], usize)> {
    let (header, rest) = data.split_first_chunk::<SUBHEADER>()?;
    let len = usize::from(u16::from_be_bytes([header[SUBHEADER - 2], header[SUBHEADER - 1]]));
    Some((&rest[..len.min(rest.len())], len))
}
