//! Showing packets to user space, through a ring of the worker that owns their flow.
//!
//! A record has a size that the verifier knows. Records come in a few sizes, so that a small packet
//! does not take the room of a large one.

use core::ptr;

use aya_ebpf::bindings::{__sk_buff, BPF_RB_AVAIL_DATA, BPF_RB_RING_SIZE, xdp_md};
use aya_ebpf::helpers::{bpf_get_smp_processor_id, bpf_ktime_get_boot_ns, bpf_ringbuf_query};
use ndpi_common::parse::proto;
use ndpi_common::{
    Backlog, FlowPacket, Hook, KeyV4, KeyV6, LinkHeader, MAX_SNAP, Reason, RingLoss, SampleFlags,
    SampleHeader, TenantKey, record_room,
};

use super::bounds::between;
use super::family::Family;
use super::frame::{SkbFrame, XdpFrame};
use super::hook::Hooked;
use super::maps::{RING_LOSSES, RINGS, Ring, SCRATCH, Scratch};
use super::odd;
use super::sequence;
use super::settings;

/// A record with room for `N` bytes of the packet.
#[repr(C)]
struct Record<const N: usize> {
    header: SampleHeader,
    bytes: [u8; N],
}

/// What the kernel knows of a ring.
#[inline(always)]
fn query(ring: &Ring, what: u32) -> u64 {
    // SAFETY: a ring that was looked up in this run.
    unsafe { bpf_ringbuf_query(ptr::from_ref(ring).cast_mut().cast(), what.into()) }
}

/// Which entry of [`RINGS`] takes a sample: each worker has one for most of them, and behind those of all
/// workers one for what goes before.
#[inline(always)]
#[expect(clippy::cast_ptr_alignment, reason = "the key lies at a multiple of eight bytes")]
fn place(header: &SampleHeader) -> u32 {
    let (key, division) = (header.key.as_ptr(), settings::division());
    // SAFETY: the key of this family lies there, in a header that is as aligned as both.
    let (owner, proto) = unsafe {
        match header.family {
            4 => {
                let key = &*key.cast::<KeyV4>();
                (division.owner(key.words()), key.proto)
            }
            6 => {
                let key = &*key.cast::<KeyV6>();
                (division.owner(key.words()), key.proto)
            }
            _ => {
                let key = &*key.cast::<TenantKey>();
                (division.owner(key.words()), key.flow.proto)
            }
        }
    };
    let is_last = header.number >= settings::budget();
    let is_urgent = SampleFlags::is_urgent(header.flags, proto == proto::TCP, is_last);
    owner + if is_urgent { division.parts } else { 0 }
}

/// Shows a packet as the `number`th of its flow, with `flags` of [`SampleFlags`] beside its own; says
/// why not if the ring has no room for it, or more waits there than `backlog`.
#[inline(always)]
pub(super) fn show<H: Hooked, K: Family>(
    frame: H,
    packet: &FlowPacket<K>,
    number: u32,
    flags: u32,
    backlog: Backlog,
) -> Result<(), Reason> {
    let Some(header) = at_hand(H::HOOK) else { return Err(Reason::RingFull) };
    // SAFETY: this CPU's own entry for this hook, with room for a header (see `count::leave`).
    unsafe { describe(frame, header, packet, number, packet.flags | flags) };
    let (context, l3, backlog) = (frame.context(), packet.l3, backlog.bytes());
    let answer = match H::HOOK {
        Hook::Xdp => show_at_xdp(context.cast(), l3, backlog),
        Hook::Tc => show_at_tc(context.cast(), l3, backlog),
    };
    read(frame, answer)
}

/// Shows a packet that met a verdict, and why with `flags`; false where there is no room: another one will come.
#[inline(always)]
pub(super) fn met<H: Hooked, K: Family>(frame: H, packet: &FlowPacket<K>, flags: u32) -> bool {
    met_with(frame, packet, settings::forget(flags)) != 0
}

/// A subprogram, for the sake of the stack.
#[inline(never)]
fn met_with<H: Hooked, K: Family>(frame: H, packet: &FlowPacket<K>, flags: u32) -> i32 {
    sequence::note_nothing::<H>();
    i32::from(show(frame, packet, 0, flags, Backlog::ANY).is_ok())
}

/// Where the header of the sample at hand is.
#[inline(always)]
fn at_hand(hook: Hook) -> Option<*mut SampleHeader> {
    SCRATCH.get_ptr_mut(Scratch::Sample.of(hook)).map(<*mut _>::cast)
}

/// Writes the header of a packet's sample. All that is there of the packet counts as captured.
///
/// # Safety
/// `to` is valid for writes.
#[inline(always)]
#[expect(clippy::cast_possible_truncation, reason = "at most 65,535 bytes in segments of one")]
unsafe fn describe<H: Hooked, K: Family>(
    frame: H,
    to: *mut SampleHeader,
    packet: &FlowPacket<K>,
    number: u32,
    flags: u32,
) {
    // SAFETY: the caller's promise. What is not written here, `put` writes.
    unsafe {
        packet.key.write_to(to);
        (*to).direction = packet.direction as u8;
        (*to).hook = H::HOOK as u8;
        (*to).tcp_flags = packet.tcp_flags;
        (*to).flags = flags;
        (*to).segments = packet.weight.packets as u16;
        (*to).ifindex = frame.ifindex();
        (*to).number = number;
        (*to).wire_bytes = packet.weight.bytes;
        (*to).captured = packet.end - packet.l3;
        (*to).segment_size = packet.segment_size;
    }
}

/// What came of a sample, as functions that are subprograms answer.
pub(super) type Answer = u32;
const SHOWN: Answer = 0;
const UNATTENDED: Answer = 1;
const HELD_BACK: Answer = 2;
const CONTENDED: Answer = 3;
const FULL: Answer = 4;
const NO_RING: Answer = 5;
const NOT_COPIED: Answer = 6;

/// What is odd is said here, where there is more room on the stack.
#[inline(always)]
fn read<H: Hooked>(frame: H, answer: Answer) -> Result<(), Reason> {
    match answer {
        NO_RING => drop(odd::no_ring(frame)),
        NOT_COPIED => drop(odd::not_copied(frame)),
        _ => {}
    }
    result_of(answer)
}

/// What an answer means.
#[inline(always)]
pub(super) fn result_of(answer: Answer) -> Result<(), Reason> {
    match answer {
        SHOWN => Ok(()),
        UNATTENDED => Err(Reason::Unattended),
        HELD_BACK => Err(Reason::HeldBack),
        CONTENDED => Err(Reason::RingContended),
        _ => Err(Reason::RingFull),
    }
}

/// The other way round.
#[inline(always)]
pub(super) fn answer_of(result: Result<(), Reason>) -> Answer {
    match result {
        Ok(()) => SHOWN,
        Err(Reason::Unattended) => UNATTENDED,
        Err(Reason::HeldBack) => HELD_BACK,
        Err(Reason::RingContended) => CONTENDED,
        Err(_) => FULL,
    }
}

/// Puts the sample at hand into its ring, with the packet from `l3` on.
///
/// A global function, as the kernel calls it: the verifier looks at it once, by itself, whatever its callers
/// know. As a part of them it is followed with each size of a record from each way that leads here, which is
/// more than Linux 6.1 has patience for.
#[unsafe(no_mangle)]
#[inline(never)]
extern "C" fn show_at_xdp(context: *mut xdp_md, l3: u32, backlog: u64) -> Answer {
    put(XdpFrame::new(context), l3, Backlog::of(backlog))
}

/// As [`show_at_xdp`].
#[unsafe(no_mangle)]
#[inline(never)]
extern "C" fn show_at_tc(context: *mut __sk_buff, l3: u32, backlog: u64) -> Answer {
    put(SkbFrame::new(context), l3, Backlog::of(backlog))
}

#[inline(always)]
fn put<H: Hooked>(frame: H, l3: u32, backlog: Backlog) -> Answer {
    if settings::is_unattended() {
        return UNATTENDED;
    }
    let Some(header) = at_hand(H::HOOK) else { return FULL };
    // SAFETY: this CPU's own entry for this hook, which `describe` has filled in.
    let header = unsafe { &mut *header };
    let place = place(header);
    let Some(ring) = RINGS.get(place) else { return NO_RING };
    let waiting = query(ring, BPF_RB_AVAIL_DATA);
    if !backlog.has_room_behind(waiting) {
        return HELD_BACK;
    }
    let captured = header.captured.min(settings::snap());
    if captured < header.captured {
        header.flags |= SampleFlags::CUT;
        header.captured = captured;
    }
    // Before the record has its place: then whatever lies before it in the ring is earlier than what follows it
    // in its flow, and the reader need only compare the first of each ring.
    // SAFETY: no arguments.
    unsafe {
        header.ktime_ns = bpf_ktime_get_boot_ns();
        header.cpu = bpf_get_smp_processor_id();
    }
    let Some(numbers) = sequence::of_packet::<H>() else { return FULL };
    header.sequence = numbers;
    read_link(frame, header);
    match write(frame, ring, header, l3) {
        Written::Whole => return SHOWN,
        Written::Not => return NOT_COPIED,
        Written::NoRoom => {}
    }
    // One that met a verdict is counted as what that says.
    let counts = header.flags & SampleFlags::MET == 0;
    lose(ring, place, waiting, if counts { u64::from(header.segments) } else { 0 })
}

/// Reads the link header of the frame, where it has one.
#[inline(always)]
fn read_link<H: Hooked>(frame: H, header: &mut SampleHeader) {
    let to: *mut LinkHeader = &raw mut header.link;
    // SAFETY: `to` has the length that is written.
    let has_link = header.flags & SampleFlags::NO_LINK == 0
        && unsafe { frame.copy_to(0, to.cast(), LinkHeader::LEN) };
    if !has_link {
        header.link = LinkHeader::NONE;
    }
}

/// Counts `packets` that the ring at `place` did not take behind `before` bytes.
#[inline(always)]
fn lose(ring: &Ring, place: u32, before: u64, packets: u64) -> Answer {
    let (size, after) = (query(ring, BPF_RB_RING_SIZE), query(ring, BPF_RB_AVAIL_DATA));
    let why = RingLoss::why(size, before, after);
    if let Some(loss) = RING_LOSSES.get_ptr_mut(place) {
        // SAFETY: this CPU's own entry, which only programs on this CPU write, one after the other.
        unsafe { (*loss).add(why, packets) };
    }
    if matches!(why, Reason::RingContended) { CONTENDED } else { FULL }
}

/// What became of a record.
enum Written {
    Whole,
    /// The packet's bytes could not be read.
    Not,
    NoRoom,
}

/// Picks the smallest record that holds what is captured.
#[inline(always)]
fn write<H: Hooked>(frame: H, ring: &Ring, header: &SampleHeader, l3: u32) -> Written {
    match record_room(header.captured) {
        80 => fill::<H, 80>(frame, ring, header, l3),
        240 => fill::<H, 240>(frame, ring, header, l3),
        560 => fill::<H, 560>(frame, ring, header, l3),
        1024 => fill::<H, 1024>(frame, ring, header, l3),
        1520 => fill::<H, 1520>(frame, ring, header, l3),
        4096 => fill::<H, 4096>(frame, ring, header, l3),
        _ => fill::<H, { MAX_SNAP as usize }>(frame, ring, header, l3),
    }
}

#[inline(always)]
fn fill<H: Hooked, const N: usize>(
    frame: H,
    ring: &Ring,
    header: &SampleHeader,
    l3: u32,
) -> Written {
    let Some(mut record) = ring.reserve_untyped::<Record<N>>(0) else { return Written::NoRoom };
    let place = record.as_mut_ptr();
    // The bound again, where the verifier looks for it.
    let len = between::<1, N>(header.captured);
    // SAFETY: the record has room for the header and for `N` bytes behind it.
    let there = unsafe {
        (*place).header = *header;
        (*place).header.captured = len;
        frame.copy_to(l3, (&raw mut (*place).bytes).cast(), len)
    };
    if there {
        record.submit(0);
        Written::Whole
    } else {
        record.discard(0);
        Written::Not
    }
}
