//! Showing packets to user space, through the ring of the CPU they are seen on.
//!
//! A record has a size that the verifier knows. Records come in a few sizes, so that a small packet
//! does not take the room of a large one.

use core::ptr;

use aya_ebpf::bindings::BPF_RB_AVAIL_DATA;
use aya_ebpf::helpers::{bpf_get_smp_processor_id, bpf_ktime_get_boot_ns, bpf_ringbuf_query};
use ndpi_common::{MAX_SNAP, Reason, SampleFlags, SampleHeader};

use crate::bounds::between;
use crate::family::Family;
use crate::hook::Hooked;
use crate::maps::{RINGS, Ring};
use crate::odd;
use crate::seen::Seen;
use crate::settings;

/// A record with room for `N` bytes of the packet.
#[repr(C)]
struct Record<const N: usize> {
    header: SampleHeader,
    bytes: [u8; N],
}

/// What a record is made of besides the packet.
#[derive(Clone, Copy)]
struct Facts {
    number: u32,
    cpu: u32,
    captured: u32,
    flags: u16,
}

/// How many bytes may wait in a ring when a packet joins them.
#[derive(Clone, Copy)]
pub(crate) struct Backlog(u64);

impl Backlog {
    /// For packets that tell nDPI next to nothing. About 700 of them: a few milliseconds of work.
    const EMPTY: Self = Self(128 << 10);
    /// For packets that open a flow and may be its most telling ones.
    const FIRST: Self = Self(512 << 10);
    /// As many as the ring holds.
    const ANY: Self = Self(u64::MAX);

    /// For a packet, the first of its flow or a later one.
    ///
    /// Samples are looked at in the order they came. So a flood of new flows, of which nothing will
    /// come, would make those wait that matter: it is held back where user space is behind. That a flow
    /// opens in place of an earlier one, no later packet says.
    #[inline(always)]
    pub(crate) fn before<K: Copy>(seen: &Seen<K>, first: bool) -> Self {
        if seen.flags & SampleFlags::REOPENED != 0 {
            Self::ANY
        } else if seen.is_empty() {
            Self::EMPTY
        } else if first {
            Self::FIRST
        } else {
            Self::ANY
        }
    }

    #[inline(always)]
    fn has_room(self, ring: &Ring) -> bool {
        if self.0 == Self::ANY.0 {
            return true;
        }
        // SAFETY: a ring that was looked up in this run.
        let waiting = unsafe {
            bpf_ringbuf_query(ptr::from_ref(ring).cast_mut().cast(), BPF_RB_AVAIL_DATA.into())
        };
        waiting <= self.0
    }
}

/// Shows a packet as the `number`th of its flow, with `flags` of [`SampleFlags`] beside its own; says
/// why not if the ring has no room for it, or more waits there than `backlog`.
#[inline(always)]
pub(crate) fn show<H: Hooked, K: Family>(
    frame: H,
    seen: &Seen<K>,
    number: u32,
    flags: u16,
    backlog: Backlog,
) -> Result<(), Reason> {
    // SAFETY: no arguments.
    let cpu = unsafe { bpf_get_smp_processor_id() };
    let Some(ring) = RINGS.get(cpu) else {
        odd::no_ring(frame);
        return Err(Reason::RingFull);
    };
    if !backlog.has_room(ring) {
        return Err(Reason::HeldBack);
    }
    let there = seen.end - seen.l3;
    let captured = there.min(settings::snap());
    let flags = seen.flags | flags | if captured < there { SampleFlags::CUT } else { 0 };
    let shown = write(frame, ring, seen, Facts { number, cpu, captured, flags });
    if shown { Ok(()) } else { Err(Reason::RingFull) }
}

/// Shows a packet that a `reject` verdict dropped, if there is room: another one will come.
#[inline(always)]
pub(crate) fn rejected<H: Hooked, K: Family>(frame: H, seen: &Seen<K>) {
    reject(frame, seen);
}

#[inline(never)]
fn reject<H: Hooked, K: Family>(frame: H, seen: &Seen<K>) -> i32 {
    i32::from(show(frame, seen, 0, SampleFlags::REJECTED, Backlog::ANY).is_ok())
}

/// Picks the smallest record that holds what is captured.
#[inline(always)]
fn write<H: Hooked, K: Family>(frame: H, ring: &Ring, seen: &Seen<K>, facts: Facts) -> bool {
    match facts.captured {
        0..=80 => fill::<H, K, 80>(frame, ring, seen, facts),
        81..=240 => fill::<H, K, 240>(frame, ring, seen, facts),
        241..=560 => fill::<H, K, 560>(frame, ring, seen, facts),
        561..=1024 => fill::<H, K, 1024>(frame, ring, seen, facts),
        1025..=1520 => fill::<H, K, 1520>(frame, ring, seen, facts),
        1521..=4096 => fill::<H, K, 4096>(frame, ring, seen, facts),
        _ => fill::<H, K, { MAX_SNAP as usize }>(frame, ring, seen, facts),
    }
}

#[inline(always)]
fn fill<H: Hooked, K: Family, const N: usize>(
    frame: H,
    ring: &Ring,
    seen: &Seen<K>,
    facts: Facts,
) -> bool {
    let Some(mut record) = ring.reserve_untyped::<Record<N>>(0) else { return false };
    let place = record.as_mut_ptr();
    // The bound again, where the verifier looks for it.
    let len = between::<1, N>(facts.captured);
    // SAFETY: the record has room for the header and for `N` bytes behind it.
    let there = unsafe {
        head(frame, &raw mut (*place).header, seen, Facts { captured: len, ..facts });
        frame.copy_to(seen.l3, (&raw mut (*place).bytes).cast(), len)
    };
    if there {
        record.submit(0);
    } else {
        record.discard(0);
        odd::not_copied(frame);
    }
    there
}

/// Writes a record's header where it stays: the stack has no room for a second one.
///
/// # Safety
/// `to` is valid for writes.
#[inline(always)]
#[expect(clippy::cast_possible_truncation, reason = "at most 65,535 bytes in segments of one")]
unsafe fn head<H: Hooked, K: Family>(
    frame: H,
    to: *mut SampleHeader,
    seen: &Seen<K>,
    facts: Facts,
) {
    // SAFETY: the caller's promise. Every field is written.
    unsafe {
        (*to).ktime_ns = bpf_ktime_get_boot_ns();
        (*to).set_key(&seen.key.key());
        (*to).direction = seen.direction as u8;
        (*to).hook = H::HOOK as u8;
        (*to).tcp_flags = seen.tcp_flags;
        (*to).flags = facts.flags;
        (*to).segments = seen.weight.packets as u16;
        (*to).ifindex = frame.ifindex();
        (*to).cpu = facts.cpu;
        (*to).number = facts.number;
        (*to).wire_bytes = seen.weight.bytes;
        (*to).captured = facts.captured;
        (*to).segment_size = seen.segment_size;
    }
}
