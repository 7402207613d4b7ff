//! Verdicts that have their flow inspected: user space gives packets to be shown, and they are counted down.

use core::ptr;

use ndpi_common::{SampleFlags, VerdictEntry};

use super::atomic;

/// Takes one of the packets that are still to be shown; says with which flags of [`SampleFlags`], or 0 where there is
/// none. A subprogram, whose answer is one number to the verifier.
#[inline(never)]
pub(super) fn due(verdict: *mut VerdictEntry) -> u32 {
    // SAFETY: the caller looked the verdict up in this run; an aligned word that is only changed by atomic operations.
    // Where the place is another flow's by now, a packet more or less of that flow is shown, or its limit takes from
    // another bucket for as long as two instructions take.
    unsafe {
        let left = &raw mut (*verdict).bucket;
        if ptr::read_volatile(left) == 0 {
            return 0;
        }
        let flags = SampleFlags::INSPECTED;
        match atomic::add32(left, u32::MAX) {
            0 => {
                atomic::add32(left, 1);
                0
            }
            1 => flags | SampleFlags::LAST,
            _ => flags,
        }
    }
}

/// Gives one back that could not be shown.
#[inline(never)]
pub(super) fn missed(verdict: *mut VerdictEntry) -> i32 {
    // SAFETY: as in `due`.
    unsafe { atomic::add32(&raw mut (*verdict).bucket, 1) };
    0
}
