//! IPv6 and its extension headers (RFC 8200, RFC 4302).

use core::mem::MaybeUninit;

use super::transport::{self, Part};
use super::{Fragment, Link, Notes, Options, Packet, Refusal, Source, Tunnel, length};
use crate::{Key, KeyV6};

/// Extension headers that are stepped over.
pub const MAX_EXTENSIONS: u32 = 8;
/// The fixed header.
pub(super) const HEADER_LEN: u32 = 40;

/// Next-header numbers (IANA) of the extension headers that are stepped over.
mod next {
    pub(super) const HOP_BY_HOP: u8 = 0;
    pub(super) const ROUTING: u8 = 43;
    pub(super) const FRAGMENT: u8 = 44;
    pub(super) const AUTHENTICATION: u8 = 51;
    pub(super) const DESTINATION: u8 = 60;
}

/// What the chain of extension headers leads to.
#[derive(Clone, Copy)]
struct Chain {
    proto: u8,
    at: u32,
    fragment: Fragment,
}

/// Parses the IPv6 header that `link` leads to, and what follows it, as [`super::network`] does. Where nothing is refused
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
    let header: [u8; 8] = source.load(l3).ok_or(Refusal::TruncatedIp)?;
    if header[0] >> 4 != 6 {
        return Err(Refusal::BadVersion);
    }
    let there = source.len().saturating_sub(l3 + HEADER_LEN);
    let (len, mut notes) =
        length(u32::from(u16::from_be_bytes([header[4], header[5]])), there, options)?;
    let start = l3 + HEADER_LEN;
    let end = source.forget(start + len);
    let chain = extensions(source, header[6], start, end)?;
    if chain.at > start {
        notes |= Notes::OPTIONS;
    }
    let from = source.load(l3 + 8).ok_or(Refusal::TruncatedIp)?;
    let to = source.load(l3 + 24).ok_or(Refusal::TruncatedIp)?;
    let part = Part::of(chain.fragment, options);
    let found = transport::read(source, chain.proto, chain.at, end, part);
    let (key, direction) = KeyV6::new(
        (from, found.source),
        (to, found.destination),
        link.tags.innermost(),
        chain.proto,
    );
    packet.write(Packet {
        key: Key::V6(KeyV6 { tunnel: link.tunnel, ..key }),
        direction,
        fragment: chain.fragment,
        l3,
        l4: chain.at,
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

/// Steps over extension headers. Behind the fragment header of a later fragment there is nothing
/// to step over: what stands there is the middle of something.
#[inline(always)]
fn extensions<S: Source + ?Sized>(
    source: &S,
    first: u8,
    start: u32,
    end: u32,
) -> Result<Chain, Refusal> {
    let mut chain =
        Chain { proto: first, at: source.forget(start), fragment: Fragment::Whole { id: 0 } };
    for _ in 0..=MAX_EXTENSIONS {
        let known = matches!(
            chain.proto,
            next::HOP_BY_HOP
                | next::ROUTING
                | next::FRAGMENT
                | next::AUTHENTICATION
                | next::DESTINATION
        );
        if !known || matches!(chain.fragment, Fragment::Later { .. }) {
            return Ok(chain);
        }
        if chain.at + 8 > end {
            return Err(Refusal::TruncatedExtension);
        }
        let header: [u8; 8] = source.load(chain.at).ok_or(Refusal::TruncatedExtension)?;
        if chain.proto == next::FRAGMENT {
            chain.fragment = fragment(&header);
        }
        chain.at = source.forget(chain.at + extension_len(chain.proto, header[1]));
        chain.proto = header[0];
        if chain.at > end {
            return Err(Refusal::TruncatedExtension);
        }
    }
    Err(Refusal::TooManyExtensions)
}

/// The length in bytes of an extension header whose length field is `field`.
#[inline(always)]
fn extension_len(kind: u8, field: u8) -> u32 {
    match kind {
        next::FRAGMENT => 8,
        next::AUTHENTICATION => (u32::from(field) + 2) * 4,
        _ => (u32::from(field) + 1) * 8,
    }
}

/// A fragment header with offset 0 and nothing to follow makes no fragment (RFC 6946).
#[inline(always)]
fn fragment(header: &[u8; 8]) -> Fragment {
    let bits = u16::from_be_bytes([header[2], header[3]]);
    let id = u32::from_be_bytes([header[4], header[5], header[6], header[7]]);
    if bits & 0xfff8 != 0 {
        Fragment::Later { id }
    } else if bits & 1 != 0 {
        Fragment::First { id }
    } else {
        Fragment::Whole { id }
    }
}
