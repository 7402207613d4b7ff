//! Entries of the verdict maps, as they are read and written: in aligned words.

use core::ptr;

use ndpi_common::VerdictEntry;

use super::atomic;

/// The first word of a verdict, which says nearly all.
#[derive(Clone, Copy)]
pub(super) struct FirstWord(u32);

impl FirstWord {
    /// # Safety
    /// `verdict` was looked up in this run.
    #[inline(always)]
    pub(super) unsafe fn read(verdict: *mut VerdictEntry) -> Self {
        // SAFETY: the caller's promise; the first four bytes of an aligned entry.
        Self(unsafe { ptr::read_volatile(verdict.cast::<u32>()) })
    }

    /// See [`VerdictEntry::action`].
    #[inline(always)]
    pub(super) const fn action(self) -> u8 {
        self.byte(0)
    }

    /// See [`VerdictEntry::tcp_flags_lower`] and [`VerdictEntry::tcp_flags_upper`].
    #[inline(always)]
    pub(super) const fn tcp_flags(self) -> (u8, u8) {
        (self.byte(1), self.byte(2))
    }

    /// See [`VerdictEntry::state`].
    #[inline(always)]
    pub(super) const fn state(self) -> u8 {
        self.byte(3)
    }

    #[inline(always)]
    #[expect(clippy::cast_possible_truncation, reason = "takes the word's bytes apart")]
    const fn byte(self, index: u32) -> u8 {
        (self.0 >> (8 * index)) as u8
    }

    /// Sets those of `bits` in the entry that were not set when it was read. Nothing is written where all
    /// are there: the entry of a busy flow stays shared between the CPUs' caches as far as its counters
    /// allow.
    ///
    /// # Safety
    /// `verdict` was looked up in this run.
    #[inline(always)]
    pub(super) unsafe fn add(self, verdict: *mut VerdictEntry, bits: u32) {
        if self.0 & bits != bits {
            // SAFETY: the caller's promise; the first word of an aligned entry.
            unsafe { atomic::or32(verdict.cast(), bits) };
        }
    }
}

/// Sets bits of the state.
///
/// # Safety
/// `verdict` was looked up in this run.
#[inline(always)]
pub(super) unsafe fn set_state(verdict: *mut VerdictEntry, bits: u8) {
    // SAFETY: the caller's promise; the first word of an aligned entry.
    unsafe { atomic::or32(verdict.cast(), u32::from(bits) << 24) };
}

/// Clears bits of the state and returns it as it was before.
///
/// # Safety
/// `verdict` was looked up in this run.
#[inline(always)]
pub(super) unsafe fn clear_state(verdict: *mut VerdictEntry, bits: u8) -> u8 {
    // SAFETY: the caller's promise; the first word of an aligned entry.
    let before = unsafe { atomic::and32(verdict.cast(), !(u32::from(bits) << 24)) };
    before.to_le_bytes()[3]
}
