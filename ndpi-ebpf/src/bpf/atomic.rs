//! Atomic operations on map values.
//!
//! `core::sync::atomic` has no read-modify-write operations for the `bpf` target; the intrinsics
//! behind them compile to the kernel's instructions (`BPF_ATOMIC`, CPU version 3).

use core::intrinsics::{
    AtomicOrdering, atomic_and, atomic_cxchg, atomic_or, atomic_xadd, atomic_xchg,
};

const ORDER: AtomicOrdering = AtomicOrdering::SeqCst;

/// Adds and returns what was there before.
///
/// # Safety
/// `to` points to a valid, aligned 64-bit word that is only shared through atomic operations and
/// reads that may be stale.
#[inline(always)]
pub(super) unsafe fn add(to: *mut u64, value: u64) -> u64 {
    // SAFETY: the caller's promise.
    unsafe { atomic_xadd::<u64, u64, ORDER>(to, value) }
}

/// Adds and returns what was there before.
///
/// # Safety
/// As [`add`], for a 32-bit word.
#[inline(always)]
pub(super) unsafe fn add32(to: *mut u32, value: u32) -> u32 {
    // SAFETY: the caller's promise.
    unsafe { atomic_xadd::<u32, u32, ORDER>(to, value) }
}

/// Sets bits and returns what was there before.
///
/// # Safety
/// As [`add`], for a 32-bit word.
#[inline(always)]
pub(super) unsafe fn or32(to: *mut u32, bits: u32) -> u32 {
    // SAFETY: the caller's promise.
    unsafe { atomic_or::<u32, u32, ORDER>(to, bits) }
}

/// Clears the bits that `bits` has not and returns what was there before.
///
/// # Safety
/// As [`add`], for a 32-bit word.
#[inline(always)]
pub(super) unsafe fn and32(to: *mut u32, bits: u32) -> u32 {
    // SAFETY: the caller's promise.
    unsafe { atomic_and::<u32, u32, ORDER>(to, bits) }
}

/// As [`swap`], for a 32-bit word.
///
/// # Safety
/// As [`add`], for a 32-bit word.
#[inline(always)]
pub(super) unsafe fn swap32(to: *mut u32, value: u32) -> u32 {
    // SAFETY: the caller's promise.
    unsafe { atomic_xchg::<u32, ORDER>(to, value) }
}

/// Puts `value` in place of what was there, and returns that.
///
/// # Safety
/// As [`add`].
#[inline(always)]
pub(super) unsafe fn swap(to: *mut u64, value: u64) -> u64 {
    // SAFETY: the caller's promise.
    unsafe { atomic_xchg::<u64, ORDER>(to, value) }
}

/// Puts `new` in place of `old`; says whether `old` was there.
///
/// # Safety
/// As [`add`].
#[inline(always)]
pub(super) unsafe fn replace(to: *mut u64, old: u64, new: u64) -> bool {
    // SAFETY: the caller's promise.
    unsafe { atomic_cxchg::<u64, ORDER, ORDER>(to, old, new).1 }
}
