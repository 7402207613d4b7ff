//! Pseudo-headers of the BSDs: loopback, IPsec (`enc`), the packet filter's log (`pflog`).

use super::bytes::{behind, split};
use super::{Found, Under};
use crate::link::Skip;
use crate::link::inner::Inner;

/// Address families of IP: `AF_INET` is 2 everywhere; `AF_INET6` is 10 on Linux, 23 on Windows, 24 on NetBSD
/// and OpenBSD, 26 on illumos, 28 on FreeBSD and 30 on macOS.
const IP_FAMILIES: [u32; 7] = [2, 10, 23, 24, 26, 28, 30];

/// The largest number of a family that fits where the systems keep one (`sa_family_t` of the BSDs).
const LAST_FAMILY: u32 = 255;

/// Loopback: four bytes of address family, in the byte order of whoever captured. Of those of IP, the
/// version field says which it is, everywhere alike. A number that no system has for a family says nothing,
/// so the version field speaks alone, as for `ndpiReader`.
pub(super) fn loopback(data: &[u8]) -> Found<'_> {
    let (family, rest) = split::<4>(data)?;
    let orders = [u32::from_le_bytes(family), u32::from_be_bytes(family)];
    // Families are small: in the wrong byte order they are not.
    let family = orders[0].min(orders[1]);
    if IP_FAMILIES.contains(&family) || family > LAST_FAMILY {
        return Ok((Under::Ip, rest));
    }
    Err(Skip::Inner(Inner::Family(family)))
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
