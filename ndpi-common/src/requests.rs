//! Requests that a client sends in a connection whose verdict stands already.

use crate::Direction;

/// Which segments of a flow with a verdict are shown: an entry of `REQUESTS`, by a number that the verdict
/// carries ([`crate::VerdictEntry::watch`]).
///
/// A connection may ask for another host with each request (RFC 9112, section 3.2). User space writes
/// where the next request begins; the kernel counts what it shows.
#[repr(C)]
#[derive(Clone, Copy, PartialEq, Eq, Default)]
#[cfg_attr(feature = "user", derive(Debug))]
pub struct RequestWatch {
    /// The sequence number of the first byte that is of interest.
    pub from: u32,
    /// Whose segments they are: a [`Direction`].
    pub client: u32,
    /// The tick of the coarse clock ([`crate::TICK_NS`]) that `shown` counts.
    pub tick: u32,
    /// Segments shown in that tick, or that were to be.
    pub shown: u32,
    /// Segments that were due and not shown: beyond [`RequestWatch::PER_TICK`], or for want of room in a
    /// ring.
    pub missed: u32,
}

impl RequestWatch {
    /// How many segments of a flow are shown in a tick at most.
    pub const PER_TICK: u32 = 32;

    /// Whether a segment that goes `direction` is due, if the sequence number behind its payload is `behind`
    /// (RFC 9293, section 3.4).
    #[inline(always)]
    pub const fn is_due(client: u32, from: u32, direction: Direction, behind: u32) -> bool {
        client == direction as u32 && behind.wrapping_sub(from).cast_signed() > 0
    }
}

const _: () = assert!(size_of::<RequestWatch>() == 5 * 4);

// SAFETY: `repr(C)`, integers only, no padding (asserted above): every bit pattern is a value, and
// every byte of a value is initialised.
unsafe impl crate::Pod for RequestWatch {}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::RequestWatch;
    use crate::Direction;

    proptest! {
        /// What ends at the place of interest brings nothing, a byte more does, wherever the numbers wrap.
        #[test]
        fn what_reaches_beyond_is_due(from: u32, more in 1_u32..1 << 31, upper: bool) {
            let (client, other) = if upper {
                (Direction::FromUpper, Direction::FromLower)
            } else {
                (Direction::FromLower, Direction::FromUpper)
            };
            let is_due = |direction, behind| RequestWatch::is_due(client as u32, from, direction, behind);
            prop_assert!(is_due(client, from.wrapping_add(more)) && !is_due(client, from));
            prop_assert!(!is_due(client, from.wrapping_sub(more)));
            prop_assert!(!is_due(other, from.wrapping_add(more)));
        }
    }
}
