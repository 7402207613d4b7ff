//! Bytes of a packet, which may end anywhere.

use crate::link::Skip;

/// The first `N` bytes, and those behind them.
pub(super) fn split<const N: usize>(data: &[u8]) -> Result<([u8; N], &[u8]), Skip> {
    data.split_first_chunk().map(|(head, rest)| (*head, rest)).ok_or(Skip::LINK_HEADER)
}

/// The bytes behind the first `len`.
pub(super) fn behind(data: &[u8], len: usize) -> Result<&[u8], Skip> {
    data.get(len..).ok_or(Skip::LINK_HEADER)
}

/// The `N` bytes at `at`.
pub(super) fn at<const N: usize>(data: &[u8], at: usize) -> Result<[u8; N], Skip> {
    behind(data, at)?.first_chunk().copied().ok_or(Skip::LINK_HEADER)
}

/// The 16-bit number at `place` in network byte order.
pub(super) fn be16(data: &[u8], place: usize) -> Result<u16, Skip> {
    at(data, place).map(u16::from_be_bytes)
}

/// The 32-bit number at `place` in network byte order.
pub(super) fn be32(data: &[u8], place: usize) -> Result<u32, Skip> {
    at(data, place).map(u32::from_be_bytes)
}

/// The 32-bit number at `place`, the lowest byte first.
pub(super) fn le32(data: &[u8], place: usize) -> Result<u32, Skip> {
    at(data, place).map(u32::from_le_bytes)
}

/// A length out of a header, which may be anything.
pub(super) fn length(number: u32) -> usize {
    usize::try_from(number).unwrap_or(usize::MAX)
}
