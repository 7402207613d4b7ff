//! Bounds that the verifier sees.
//!
//! The compiler knows better than to compare what it has compared before, and the verifier does not
//! know what the compiler knows. So bounds are written in assembly, and in this file only.

use core::arch::asm;

/// `value`, at least `LEAST` and at most `MOST`, in the register that is used from here on.
///
/// By `<` and `>` alone: from `!=` the verifier of Linux 6.1 learns no lower bound, and refuses a
/// length that may be 0 for all it knows.
#[inline(always)]
#[expect(clippy::cast_possible_truncation, reason = "at most `MOST`")]
pub(super) fn between<const LEAST: usize, const MOST: usize>(value: u32) -> u32 {
    const { assert!(0 < LEAST && LEAST <= MOST && MOST < i32::MAX as usize) };
    let mut value = u64::from(value);
    // SAFETY: only changes the register it names.
    unsafe {
        asm!(
            "if {value} > {below} goto +1",
            "{value} = {least}",
            "if {value} < {above} goto +1",
            "{value} = {most}",
            value = inout(reg) value,
            below = const LEAST - 1,
            least = const LEAST,
            above = const MOST + 1,
            most = const MOST,
            options(pure, nomem, nostack),
        );
    }
    value as u32
}

/// `value`, which is 0 or 1, as the index of one of two.
#[inline(always)]
#[expect(clippy::cast_possible_truncation, reason = "0 or 1")]
pub(super) fn of_two(value: u32) -> usize {
    let mut value = u64::from(value);
    // SAFETY: only changes the register it names.
    unsafe { asm!("{value} &= 1", value = inout(reg) value, options(pure, nomem, nostack)) };
    value as usize
}
