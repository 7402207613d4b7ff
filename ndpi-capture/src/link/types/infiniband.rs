//! IP over InfiniBand (RFC 4391).

use super::bytes::{at, be16, behind};
use super::{Found, Under};
use crate::link::Skip;

/// A global route header.
const GLOBAL_ROUTE: usize = 40;

/// A global route header, then an encapsulation header.
pub(super) fn ipoib(data: &[u8]) -> Found<'_> {
    encapsulated(behind(data, GLOBAL_ROUTE)?)
}

/// An EtherType and two bytes reserved (RFC 4391, section 6).
fn encapsulated(data: &[u8]) -> Found<'_> {
    Ok((Under::EtherType(be16(data, 0)?), behind(data, 4)?))
}

/// InfiniBand as on the wire: local route header, which says whether a global one follows, base
/// transport header, and in datagrams one more.
pub(super) fn whole(data: &[u8]) -> Found<'_> {
    const LOCAL_ROUTE: usize = 8;
    const BASE_TRANSPORT: usize = 12;
    const DATAGRAM: usize = 8;
    const IMMEDIATE: usize = 4;
    let [next] = at(data, 1)?;
    let rest = match next & 3 {
        2 => behind(data, LOCAL_ROUTE)?,
        3 => behind(data, LOCAL_ROUTE + GLOBAL_ROUTE)?,
        _ => return Err(Skip::NOT_IP),
    };
    // Which service sends how much: a connection or datagrams, all that there is at once.
    let more = match at(rest, 0)? {
        [0x04] => 0,
        [0x64] => DATAGRAM,
        [0x65] => DATAGRAM + IMMEDIATE,
        _ => return Err(Skip::NOT_IP),
    };
    encapsulated(behind(rest, BASE_TRANSPORT + more)?)
}
