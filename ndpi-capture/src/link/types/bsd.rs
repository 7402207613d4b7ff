//! Pseudo-headers of the BSDs: loopback, IPsec (`enc`), the packet filter's log (`pflog`).

use super::bytes::{behind, split};
use super::{Found, Under};

/// Loopback: four bytes of address family, in the byte order of whoever captured. `AF_INET` is 2
/// everywhere, but `AF_INET6` is 10, 23, 24, 26, 28 or 30; the IP version says it as well, and
/// everywhere alike.
pub(super) fn loopback(data: &[u8]) -> Found<'_> {
    split::<4>(data).map(|(_family, rest)| (Under::Ip, rest))
}

/// Packets that IPsec has unwrapped (`struct enchdr`): address family, SPI, flags.
pub(super) fn enc(data: &[u8]) -> Found<'_> {
    split::<12>(data).map(|(_header, rest)| (Under::Ip, rest))
}

/// Packets that the packet filter logged (`struct pfloghdr`, which has grown over the years): it
/// begins with its own length, without the padding to a multiple of four.
pub(super) fn pflog(data: &[u8]) -> Found<'_> {
    const SHORTEST: usize = 28;
    let ([length], _) = split(data)?;
    let length = usize::from(length).max(SHORTEST).next_multiple_of(4);
    behind(data, length).map(|rest| (Under::Ip, rest))
}
