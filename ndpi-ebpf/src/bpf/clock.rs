//! Reading the kernel's clocks for user space, which sets the coarse clock by them.

use aya_ebpf::bindings::{__sk_buff, TC_ACT_OK, TC_ACT_SHOT};
use aya_ebpf::helpers::{bpf_jiffies64, bpf_ktime_get_boot_ns, bpf_skb_store_bytes};
use ndpi_common::ClockReading;

/// Writes what both clocks show to the start of the packet; only ever run on one of user space's making.
#[inline(always)]
pub(super) fn read_into(skb: *mut __sk_buff) -> i32 {
    const LEN: u32 = 16;
    const { assert!(size_of::<ClockReading>() == LEN as usize) };
    // SAFETY: neither has arguments.
    let (jiffies, ktime_ns) = unsafe { (bpf_jiffies64(), bpf_ktime_get_boot_ns()) };
    let reading = ClockReading { jiffies, ktime_ns };
    // SAFETY: `reading` has the length that is given, and `skb` is the kernel's context.
    let stored = unsafe { bpf_skb_store_bytes(skb, 0, (&raw const reading).cast(), LEN, 0) };
    if stored == 0 { TC_ACT_OK } else { TC_ACT_SHOT }
}
