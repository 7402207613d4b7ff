//! Token buckets of rules with the action `limit`.

use core::ptr;

use aya_ebpf::helpers::bpf_ktime_get_boot_ns;
use ndpi_common::{Bucket, Outcome, Verdict};

use crate::atomic;
use crate::count::Weight;
use crate::maps::LIMITS;

/// Takes a packet's bytes out of its rule's bucket: dropped where they are not there. A rule
/// without a bucket limits nothing.
///
/// # Safety
/// `verdict` was looked up in this run.
#[inline(always)]
pub(crate) unsafe fn outcome(verdict: *mut Verdict, weight: Weight) -> Outcome {
    // SAFETY: the caller's promise.
    let rule = u32::from(unsafe { (*verdict).rule });
    let Some(bucket) = LIMITS.get_ptr_mut(rule) else { return Outcome::Passed };
    // SAFETY: looked up just now.
    if unsafe { take(bucket, i64::from(weight.bytes)) } {
        return Outcome::Passed;
    }
    // SAFETY: the caller's promise; aligned words that only the kernel side changes.
    unsafe {
        atomic::add(&raw mut (*verdict).over_limit.packets, u64::from(weight.packets));
        atomic::add(&raw mut (*verdict).over_limit.bytes, u64::from(weight.bytes));
    }
    Outcome::Dropped
}

/// Refills a bucket and takes `bytes` out; says whether they were there.
///
/// # Safety
/// `bucket` was looked up in this run.
#[inline(always)]
unsafe fn take(bucket: *mut Bucket, bytes: i64) -> bool {
    // SAFETY: no arguments.
    let now = unsafe { bpf_ktime_get_boot_ns() };
    // SAFETY: the caller's promise. What is read may be stale; the exchange below finds out.
    unsafe {
        let state = ptr::read_volatile(bucket);
        let tokens = (&raw mut (*bucket).tokens).cast::<u64>();
        if let Some(refill) = state.refill(now)
            && atomic::replace(
                &raw mut (*bucket).refilled_ns,
                state.refilled_ns,
                refill.refilled_ns,
            )
        {
            atomic::add(tokens, refill.add.cast_unsigned());
        }
        let before = atomic::add(tokens, (-bytes).cast_unsigned()).cast_signed();
        if before >= bytes {
            return true;
        }
        atomic::add(tokens, bytes.cast_unsigned());
    }
    false
}
