//! Long headers of QUIC packets (RFC 9000, section 17.2).

use super::version::{Kind, Version};

/// The bit of a packet's first byte that says that it has a long header.
pub(super) const LONG_HEADER: u8 = 0x80;
/// The bit that is set in packets of QUIC, unless both ends have agreed otherwise (RFC 9287).
pub(super) const FIXED: u8 = 0x40;
/// The longest connection identifier.
const LONGEST_ID: usize = 20;
/// More packets than this are in no datagram that opens a connection.
const MOST_PACKETS: usize = 8;

/// A packet with a long header, of a version that is understood.
#[derive(Clone, Copy, Debug)]
pub(super) struct Packet<'a> {
    pub(super) version: Version,
    pub(super) kind: Kind,
    /// The identifier of the connection at its receiver.
    pub(super) to: &'a [u8],
    /// The identifier of the connection at its sender.
    pub(super) from: &'a [u8],
    /// Where its number is, which its Initial keys protect.
    pub(super) number_at: usize,
    /// All of it.
    pub(super) bytes: &'a [u8],
}

/// The packets of one datagram that have long headers, and belong together: a receiver ignores those behind
/// the first that are to another identifier (RFC 9000, section 12.2).
pub(super) fn packets(datagram: &[u8]) -> Vec<Packet<'_>> {
    let mut packets: Vec<Packet> = Vec::new();
    let mut rest = datagram;
    while packets.len() < MOST_PACKETS
        && let Some(packet) = Packet::first_of(rest)
    {
        rest = &rest[packet.bytes.len()..];
        if packets.first().is_none_or(|first| first.to == packet.to) {
            packets.push(packet);
        }
    }
    packets
}

/// The version of a datagram that begins with a long header, if it is understood.
pub(super) fn version(datagram: &[u8]) -> Option<Version> {
    let (first, rest) = datagram.split_first()?;
    let number = u32::from_be_bytes(*rest.first_chunk()?);
    if first & LONG_HEADER == 0 { None } else { Version::of(number) }
}

/// Whether a server says which versions it has (RFC 9000, section 17.2.1): none of them was chosen yet.
pub(super) fn is_version_negotiation(datagram: &[u8]) -> bool {
    datagram.first().is_some_and(|first| first & LONG_HEADER != 0)
        && datagram.get(1..5) == Some(&[0; 4])
}

impl<'a> Packet<'a> {
    fn first_of(bytes: &'a [u8]) -> Option<Self> {
        let version = version(bytes)?;
        let kind = version.kind(bytes[0]);
        let mut reader = Reader { bytes, at: 5 };
        let (to, from) = (reader.id()?, reader.id()?);
        if kind == Kind::Retry {
            return Some(Self { version, kind, to, from, number_at: bytes.len(), bytes });
        }
        if kind == Kind::Initial {
            let token = reader.variable()?;
            reader.take(token)?;
        }
        let length = reader.variable()?;
        let number_at = reader.at;
        reader.take(length)?;
        Some(Self { version, kind, to, from, number_at, bytes: &bytes[..reader.at] })
    }
}

/// Reads bytes one after another.
pub(super) struct Reader<'a> {
    pub(super) bytes: &'a [u8],
    pub(super) at: usize,
}

impl<'a> Reader<'a> {
    pub(super) fn take(&mut self, length: usize) -> Option<&'a [u8]> {
        let end = self.at.checked_add(length)?;
        let taken = self.bytes.get(self.at..end)?;
        self.at = end;
        Some(taken)
    }

    fn id(&mut self) -> Option<&'a [u8]> {
        let length = usize::from(self.take(1)?[0]);
        if length > LONGEST_ID { None } else { self.take(length) }
    }

    /// A number of one to eight bytes (RFC 9000, section 16).
    pub(super) fn variable(&mut self) -> Option<usize> {
        let first = *self.bytes.get(self.at)?;
        let bytes = self.take(1 << (first >> 6))?;
        let number = bytes.iter().fold(0, |number, &byte| number << 8 | u64::from(byte));
        usize::try_from(number & (u64::MAX >> (66 - 8 * bytes.len()))).ok()
    }
}
