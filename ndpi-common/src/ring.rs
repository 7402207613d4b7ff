//! Rings: the sizes of their records, and why one could not be reserved.

use core::mem::size_of;

use crate::{Reason, SampleHeader};

/// How many bytes of a packet a record that shows `captured` of them has room for: one of a few sizes, as
/// the verifier wants to know it.
#[inline(always)]
pub const fn record_room(captured: u32) -> u32 {
    match captured {
        0..=80 => 80,
        81..=240 => 240,
        241..=560 => 560,
        561..=1024 => 1024,
        1025..=1520 => 1520,
        1521..=4096 => 4096,
        _ => crate::MAX_SNAP,
    }
}

/// How many bytes of a ring the largest record takes (`Documentation/bpf/ringbuf.rst`: a header of 8 bytes, and all
/// in multiples of 8).
const LARGEST: u64 = (8 + size_of::<SampleHeader>() as u64 + record_room(crate::MAX_SNAP) as u64)
    .next_multiple_of(8);

/// Packets that one ring did not take: a value of `RING_LOSSES`. Over all rings they add up to what the
/// statistics say.
#[repr(C)]
#[derive(Clone, Copy, PartialEq, Eq, Default)]
#[cfg_attr(feature = "user", derive(Debug))]
pub struct RingLoss {
    /// As there was no room, see [`Reason::RingFull`].
    pub full: u64,
    /// As the kernel gave up on the ring's lock, see [`Reason::RingContended`].
    pub contended: u64,
}

impl RingLoss {
    /// Why a record could not be reserved in a ring of `size` bytes, in which `before` bytes waited before the
    /// attempt and `after` bytes behind it. The kernel does not say: it refuses what does not fit, and where it
    /// cannot have the lock in time (`kernel/bpf/rqspinlock.c`). A ring that had room for any record all the
    /// while was not full.
    #[inline(always)]
    pub const fn why(size: u64, before: u64, after: u64) -> Reason {
        let waited = if before > after { before } else { after };
        // The position of the writers stays less than a round ahead.
        if waited + LARGEST < size { Reason::RingContended } else { Reason::RingFull }
    }

    /// Adds packets that were lost for `reason`.
    #[inline(always)]
    pub const fn add(&mut self, reason: Reason, packets: u64) {
        match reason {
            Reason::RingContended => self.contended += packets,
            _ => self.full += packets,
        }
    }
}

impl core::ops::AddAssign for RingLoss {
    fn add_assign(&mut self, other: Self) {
        self.full += other.full;
        self.contended += other.contended;
    }
}

const _: () = assert!(size_of::<RingLoss>() == 16);

// SAFETY: two integers, no padding.
unsafe impl crate::Pod for RingLoss {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_record_has_room_for_what_it_shows() {
        for captured in 0..=crate::MAX_SNAP {
            assert!(record_room(captured) >= captured);
        }
    }

    #[test]
    fn only_a_ring_that_had_room_all_the_while_was_not_full() {
        let size = 1 << 20;
        let why = |before, after| RingLoss::why(size, before, after);
        let most = size - LARGEST;
        assert!(why(most, most) == Reason::RingFull);
        assert!(why(most - 1, most - 1) == Reason::RingContended);
        assert!(why(0, most) == Reason::RingFull, "it was filled meanwhile");
        assert!(why(most, 0) == Reason::RingFull, "it was read meanwhile");
        assert!(RingLoss::why(4096, 0, 0) == Reason::RingFull, "it is too small for some");
    }
}
