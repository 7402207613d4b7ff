//! A fragment, as its receiver reads its headers (RFC 791, section 3.1; RFC 8200, section 4.5).

use ndpi_common::parse::MAX_EXTENSIONS;

use crate::ipv4_header::HeaderChecksum;

/// The headers of IPv4 and IPv6 that are always there.
const IPV4_HEADER: usize = 20;
const IPV6_HEADER: usize = 40;

/// The IPv6 header that says what a fragment is, and its length.
const FRAGMENT: u8 = 44;
const FRAGMENT_LEN: usize = 8;
/// More fragments follow: in IPv4's field, and in IPv6's.
const MORE_V4: u16 = 0x2000;
const MORE_V6: u16 = 1;

/// A fragment of an IP datagram.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Piece<'a> {
    /// The datagram's identification.
    pub(crate) id: u32,
    /// Where its bytes belong in the datagram, from the end of the headers that each fragment has.
    pub(super) start: usize,
    /// Where it ends, be all of it there or not.
    pub(super) end: usize,
    /// Whether more follows.
    pub(super) more: bool,
    /// What is there of its bytes.
    pub(super) bytes: &'a [u8],
    /// The headers that each fragment has.
    header: &'a [u8],
    /// In IPv6: where these name the next one, and what the fragment header says that it is.
    next: Option<(usize, u8)>,
}

impl<'a> Piece<'a> {
    /// Of the packet `l3`, which begins at its IP header; `None` where it is no fragment, or one that every receiver
    /// discards.
    pub(crate) fn of(l3: &'a [u8]) -> Option<Self> {
        match l3.first()? >> 4 {
            4 => Self::of_v4(l3),
            6 => Self::of_v6(l3),
            _ => None,
        }
    }

    fn of_v4(l3: &'a [u8]) -> Option<Self> {
        let fields: &[u8; IPV4_HEADER] = l3.first_chunk()?;
        let bits = word(fields, 6);
        let (offset, more) = (usize::from(bits & 0x1fff) * 8, bits & MORE_V4 != 0);
        if offset == 0 && !more || HeaderChecksum::of(l3) == HeaderChecksum::Wrong {
            return None;
        }
        let header = l3.get(..usize::from(fields[0] & 15) * 4)?;
        if header.len() < IPV4_HEADER {
            return None;
        }
        let len = usize::from(word(fields, 2)).checked_sub(header.len())?;
        // Linux cuts it to whole units where more follows (`ip_frag_queue`).
        let len = if more { len & !7 } else { len };
        let there = &l3[header.len()..];
        let bytes = &there[..len.min(there.len())];
        let id = u32::from(word(fields, 4));
        Self { id, start: offset, end: offset + len, more, bytes, header, next: None }.if_possible()
    }

    fn of_v6(l3: &'a [u8]) -> Option<Self> {
        let fields: &[u8; IPV6_HEADER] = l3.first_chunk()?;
        let (at, name) = fragment_header(l3)?;
        let fragment: &[u8; FRAGMENT_LEN] = l3.get(at..)?.first_chunk()?;
        let bits = word(fragment, 2);
        let (offset, more) = (usize::from(bits & !7), bits & MORE_V6 != 0);
        if offset == 0 && !more {
            return None;
        }
        let start = at + FRAGMENT_LEN;
        let len = (IPV6_HEADER + usize::from(word(fields, 4))).checked_sub(start)?;
        if more && len % 8 != 0 {
            return None;
        }
        let there = &l3[start..];
        let [_, _, _, _, a, b, c, d] = *fragment;
        let piece = Self {
            id: u32::from_be_bytes([a, b, c, d]),
            start: offset,
            end: offset + len,
            more,
            bytes: &there[..len.min(there.len())],
            header: &l3[..at],
            next: Some((name, fragment[0])),
        };
        piece.if_possible()
    }

    /// A datagram has 64 KiB at most, and a fragment something of it.
    fn if_possible(self) -> Option<Self> {
        let is_possible = self.start < self.end && u16::try_from(self.end).is_ok();
        is_possible.then_some(self)
    }

    /// Whether it is the first.
    pub(crate) fn is_first(&self) -> bool {
        self.start == 0
    }

    /// The headers of a datagram that is no fragment.
    pub(super) fn whole_header(&self) -> Vec<u8> {
        let mut header = self.header.to_vec();
        match self.next {
            Some((at, next)) => header[at] = next,
            None => header[6..8].fill(0),
        }
        header
    }
}

/// Where the fragment header of an IPv6 packet is, and where the header before names it.
fn fragment_header(l3: &[u8]) -> Option<(usize, usize)> {
    let (mut at, mut name) = (IPV6_HEADER, 6);
    for _ in 0..=MAX_EXTENSIONS {
        let header = l3.get(at..at + 2);
        let len = match l3[name] {
            FRAGMENT => return Some((at, name)),
            // Hop-by-hop options, routing, destination options.
            0 | 43 | 60 => (usize::from(header?[1]) + 1) * 8,
            // Authentication (RFC 4302, section 2.2).
            51 => (usize::from(header?[1]) + 2) * 4,
            _ => return None,
        };
        (name, at) = (at, at + len);
    }
    None
}

fn word(bytes: &[u8], at: usize) -> u16 {
    u16::from_be_bytes([bytes[at], bytes[at + 1]])
}
