//! Token buckets of rules with the action `limit`.

use core::ptr;

use aya_ebpf::helpers::bpf_ktime_get_boot_ns;
use ndpi_common::{Bucket, VerdictEntry, Weight};

use super::atomic;
use super::maps::LIMITS;

/// Takes a packet's bytes out of its verdict's bucket, or says that they are too many. A verdict
/// without a bucket limits nothing; user space writes the bucket first, and removes it last.
///
/// # Safety
/// `verdict` was looked up in this run.
#[inline(always)]
pub(super) unsafe fn lets_through(verdict: *mut VerdictEntry, weight: Weight) -> bool {
    // SAFETY: the caller's promise.
    let number = unsafe { (*verdict).bucket };
    let Some(bucket) = LIMITS.get_ptr_mut(number) else { return true };
    // SAFETY: looked up just now.
    if unsafe { take(bucket, weight.bytes) } {
        return true;
    }
    // SAFETY: the caller's promise; aligned words that only the kernel side changes.
    unsafe {
        atomic::add(&raw mut (*verdict).over_limit.packets, u64::from(weight.packets));
        atomic::add(&raw mut (*verdict).over_limit.bytes, u64::from(weight.bytes));
    }
    false
}

/// Refills a bucket and takes `bytes` out, or says that they are too many. CPUs that take from it at
/// the same time leave it in debt together.
///
/// # Safety
/// `bucket` was looked up in this run.
#[inline(always)]
unsafe fn take(bucket: *mut Bucket, bytes: u32) -> bool {
    // SAFETY: no arguments.
    let now = unsafe { bpf_ktime_get_boot_ns() };
    // SAFETY: the caller's promise. What is read may be stale; the exchange below finds out.
    unsafe {
        let state = ptr::read_volatile(bucket);
        let tokens = &raw mut (*bucket).tokens;
        if let Some(refill) = state.refill(now)
            && atomic::replace(
                &raw mut (*bucket).refilled_ns,
                state.refilled_ns,
                refill.refilled_ns,
            )
        {
            atomic::add(tokens.cast(), refill.add.cast_unsigned());
        }
        if !state.lets_through(ptr::read_volatile(tokens), bytes) {
            return false;
        }
        atomic::add(tokens.cast(), (-i64::from(bytes)).cast_unsigned());
    }
    true
}
