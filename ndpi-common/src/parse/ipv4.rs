//! IPv4 (RFC 791).

use core::mem::MaybeUninit;

use super::transport::{self, Part};
use super::{Fragment, Link, Notes, Options, Packet, Refusal, Source, Tunnel, length};
use crate::{Key, KeyV4};

/// The shortest header.
pub(super) const HEADER_LEN: u32 = 20;
/// Of the 16 bits at offset 6: more fragments follow.
const MORE_FRAGMENTS: u16 = 0x2000;
/// Of the 16 bits at offset 6: where the fragment belongs, in units of 8 bytes.
const FRAGMENT_OFFSET: u16 = 0x1fff;

/// Parses the IPv4 header that `link` leads to, and what follows it, as [`super::network`] does. Where nothing is refused
/// the packet is written, where it is to be: on the way there, it would take room on the stack of the programs.
///
/// # Errors
/// As [`super::frame`].
#[inline(always)]
pub fn parse<S: Source + ?Sized>(
    source: &S,
    link: &Link,
    options: Options,
    packet: &mut MaybeUninit<Packet>,
) -> Result<(), Refusal> {
    let l3 = link.at;
    let header: [u8; HEADER_LEN as usize] = source.load(l3).ok_or(Refusal::TruncatedIp)?;
    let header_len = header_len(header[0])?;
    let total = u16::from_be_bytes([header[2], header[3]]);
    let there = source.len().saturating_sub(l3);
    if total == 0 && !options.zero_length {
        return Err(Refusal::LengthZero);
    }
    let (len, mut notes) = length(u32::from(total), there, options)?;
    if len < header_len {
        return Err(Refusal::LengthTooShort);
    }
    if header_len > HEADER_LEN {
        notes |= Notes::OPTIONS;
    }
    let l4 = source.forget(l3 + header_len);
    let end = source.forget(l3 + len);
    let fragment = fragment(&header);
    let proto = header[9];
    let found = transport::read(source, proto, l4, end, Part::of(fragment, options));
    let (key, direction) = KeyV4::new(
        ([header[12], header[13], header[14], header[15]], found.source),
        ([header[16], header[17], header[18], header[19]], found.destination),
        link.tags.innermost(),
        proto,
    );
    packet.write(Packet {
        key: Key::V4(KeyV4 { tunnel: link.tunnel, ..key }),
        direction,
        fragment,
        l3,
        l4,
        payload: found.payload,
        end,
        tcp_flags: found.tcp_flags,
        notes: notes | found.notes,
        tags: link.tags,
        tunnel: Tunnel::None,
        tenant: link.tenant,
    });
    Ok(())
}

/// The header's length in bytes, from its first byte.
#[inline(always)]
fn header_len(first: u8) -> Result<u32, Refusal> {
    if first >> 4 != 4 {
        return Err(Refusal::BadVersion);
    }
    let len = u32::from(first & 0x0f) * 4;
    if len < HEADER_LEN { Err(Refusal::BadHeaderLength) } else { Ok(len) }
}

#[inline(always)]
fn fragment(header: &[u8; HEADER_LEN as usize]) -> Fragment {
    let id = u32::from(u16::from_be_bytes([header[4], header[5]]));
    let bits = u16::from_be_bytes([header[6], header[7]]);
    if bits & FRAGMENT_OFFSET != 0 {
        Fragment::Later { id }
    } else if bits & MORE_FRAGMENTS != 0 {
        Fragment::First { id }
    } else {
        Fragment::Whole { id }
    }
}
