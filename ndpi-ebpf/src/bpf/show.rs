//! Showing packets to user space, through the ring of the CPU they are packet on.
//!
//! A record has a size that the verifier knows. Records come in a few sizes, so that a small packet
//! does not take the room of a large one.

use core::ptr;

use aya_ebpf::bindings::BPF_RB_AVAIL_DATA;
use aya_ebpf::helpers::{
    bpf_get_smp_processor_id, bpf_ktime_get_boot_ns, bpf_ringbuf_output, bpf_ringbuf_query,
};
use ndpi_common::{Backlog, FlowPacket, MAX_SNAP, Reason, SampleFlags, SampleHeader};

use super::bounds::between;
use super::family::Family;
use super::hook::Hooked;
use super::maps::{RECORD, RINGS, Ring};
use super::odd;
use super::sequence;
use super::settings;

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

/// Whether a packet may join what waits in the ring.
#[inline(always)]
fn has_room(ring: &Ring, backlog: Backlog) -> bool {
    if backlog.is_any() {
        return true;
    }
    // SAFETY: a ring that was looked up in this run.
    let waiting = unsafe {
        bpf_ringbuf_query(ptr::from_ref(ring).cast_mut().cast(), BPF_RB_AVAIL_DATA.into())
    };
    backlog.has_room_behind(waiting)
}

/// Shows a packet as the `number`th of its flow, with `flags` of [`SampleFlags`] beside its own; says
/// why not if the ring has no room for it, or more waits there than `backlog`.
#[inline(always)]
pub(super) fn show<H: Hooked, K: Family>(
    frame: H,
    packet: &FlowPacket<K>,
    number: u32,
    flags: u16,
    backlog: Backlog,
) -> Result<(), Reason> {
    if settings::is_unattended() {
        return Err(Reason::Unattended);
    }
    // SAFETY: no arguments.
    let cpu = unsafe { bpf_get_smp_processor_id() };
    let Some(ring) = RINGS.get(cpu) else {
        odd::no_ring(frame);
        return Err(Reason::RingFull);
    };
    if !has_room(ring, backlog) {
        return Err(Reason::HeldBack);
    }
    let there = packet.end - packet.l3;
    let captured = there.min(settings::snap());
    let flags = packet.flags | flags | if captured < there { SampleFlags::CUT } else { 0 };
    let shown = write(frame, ring, packet, Facts { number, cpu, captured, flags });
    if shown { Ok(()) } else { Err(Reason::RingFull) }
}

/// Shows a packet that met a verdict, and why with `flags`; false where there is no room: another one will come.
#[inline(always)]
pub(super) fn met<H: Hooked, K: Family>(frame: H, packet: &FlowPacket<K>, flags: u16) -> bool {
    met_with(frame, packet, settings::forget(flags.into())) != 0
}

/// A subprogram, for the sake of the stack. Few packets come here, and the verifier follows it for each way that
/// leads here: the record is put together elsewhere and copied, so that there is one size for all.
#[inline(never)]
fn met_with<H: Hooked, K: Family>(frame: H, packet: &FlowPacket<K>, flags: u32) -> i32 {
    sequence::note_nothing::<H>();
    #[expect(clippy::cast_possible_truncation, reason = "flags, in a register")]
    i32::from(copied(frame, packet, flags as u16).is_some())
}

#[inline(always)]
fn copied<H: Hooked, K: Family>(frame: H, packet: &FlowPacket<K>, flags: u16) -> Option<()> {
    if settings::is_unattended() {
        return None;
    }
    // SAFETY: no arguments.
    let cpu = unsafe { bpf_get_smp_processor_id() };
    let ring = RINGS.get(cpu)?;
    let record = RECORD.get_ptr_mut(H::HOOK as u32)?.cast::<Record<{ MAX_SNAP as usize }>>();
    let there = packet.end - packet.l3;
    let captured = between::<1, { MAX_SNAP as usize }>(there.min(settings::snap()));
    let flags = packet.flags | flags | if captured < there { SampleFlags::CUT } else { 0 };
    let facts = Facts { number: 0, cpu, captured, flags };
    // SAFETY: this CPU's own entry for this hook, and programs of one hook do not interrupt each other on a
    // CPU (see `count::leave`); it has room for the header and for `MAX_SNAP` bytes behind it.
    let is_shown = unsafe {
        head(frame, &raw mut (*record).header, packet, facts);
        frame.copy_to(packet.l3, (&raw mut (*record).bytes).cast(), captured) && {
            let size = size_of::<SampleHeader>() as u64 + u64::from(captured);
            let ring = ptr::from_ref(ring).cast_mut().cast();
            bpf_ringbuf_output(ring, record.cast(), size, 0) == 0
        }
    };
    is_shown.then_some(())
}

/// Picks the smallest record that holds what is captured.
#[inline(always)]
fn write<H: Hooked, K: Family>(
    frame: H,
    ring: &Ring,
    packet: &FlowPacket<K>,
    facts: Facts,
) -> bool {
    match facts.captured {
        0..=80 => fill::<H, K, 80>(frame, ring, packet, facts),
        81..=240 => fill::<H, K, 240>(frame, ring, packet, facts),
        241..=560 => fill::<H, K, 560>(frame, ring, packet, facts),
        561..=1024 => fill::<H, K, 1024>(frame, ring, packet, facts),
        1025..=1520 => fill::<H, K, 1520>(frame, ring, packet, facts),
        1521..=4096 => fill::<H, K, 4096>(frame, ring, packet, facts),
        _ => fill::<H, K, { MAX_SNAP as usize }>(frame, ring, packet, facts),
    }
}

#[inline(always)]
fn fill<H: Hooked, K: Family, const N: usize>(
    frame: H,
    ring: &Ring,
    packet: &FlowPacket<K>,
    facts: Facts,
) -> bool {
    let Some(mut record) = ring.reserve_untyped::<Record<N>>(0) else { return false };
    let place = record.as_mut_ptr();
    // The bound again, where the verifier looks for it.
    let len = between::<1, N>(facts.captured);
    // SAFETY: the record has room for the header and for `N` bytes behind it.
    let there = unsafe {
        head(frame, &raw mut (*place).header, packet, Facts { captured: len, ..facts });
        frame.copy_to(packet.l3, (&raw mut (*place).bytes).cast(), len)
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
    packet: &FlowPacket<K>,
    facts: Facts,
) {
    // SAFETY: the caller's promise. Every field is written.
    unsafe {
        (*to).ktime_ns = bpf_ktime_get_boot_ns();
        (*to).set_key(&packet.key.key());
        (*to).direction = packet.direction as u8;
        (*to).hook = H::HOOK as u8;
        (*to).tcp_flags = packet.tcp_flags;
        (*to).flags = facts.flags;
        (*to).segments = packet.weight.packets as u16;
        (*to).ifindex = frame.ifindex();
        (*to).cpu = facts.cpu;
        (*to).number = facts.number;
        (*to).wire_bytes = packet.weight.bytes;
        (*to).captured = facts.captured;
        (*to).segment_size = packet.segment_size;
        sequence::copy_to::<H>(&raw mut (*to).sequence);
    }
}
