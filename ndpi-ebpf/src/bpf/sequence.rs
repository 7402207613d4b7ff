//! TCP's sequence numbers, noted where the flow's track is.

use core::ptr;

use ndpi_common::reopen::Header;
use ndpi_common::{Direction, FlowPacket, SequenceNumbers, SideNumbers, Track};

use super::atomic;
use super::hook::Hooked;
use super::maps::{SCRATCH, Scratch};

/// What the TCP header of a packet says, if it is a whole segment that a host would take.
#[inline(always)]
pub(super) fn header<H: Hooked, K: Copy>(frame: H, packet: &FlowPacket<K>) -> Option<Header> {
    if packet.is_fragment() || packet.is_error || packet.has_bad_length() {
        return None;
    }
    let (sequence, acknowledged) = (frame.load(packet.l4 + 4)?, frame.load(packet.l4 + 8)?);
    Some(Header {
        direction: packet.direction,
        flags: packet.tcp_flags,
        has_payload: packet.payload < packet.end,
        sequence: u32::from_be_bytes(sequence),
        acknowledged: u32::from_be_bytes(acknowledged),
    })
}

/// Where the numbers of the packet at hand are, for its sample: in the scratch entry for tracks. Read there, the
/// verifier need not follow what is done with a sample for each map that a track may be in.
#[inline(always)]
fn at_hand<H: Hooked>() -> Option<*mut SequenceNumbers> {
    let track = SCRATCH.get_ptr_mut(Scratch::Track.of(H::HOOK))?.cast::<Track>();
    // SAFETY: within the entry, which has room for a track.
    Some(unsafe { &raw mut (*track).sequence })
}

/// The packet at hand has no track.
#[inline(always)]
pub(super) fn note_nothing<H: Hooked>() {
    if let Some(to) = at_hand::<H>() {
        // SAFETY: this CPU's and this hook's own, as in `undecided::promote`.
        unsafe { *to = SequenceNumbers::UNKNOWN };
    }
}

/// The packet at hand is the first of its flow: what it says is all that is known.
#[inline(always)]
pub(super) fn note_first<H: Hooked, K: Copy>(frame: H, packet: &FlowPacket<K>) {
    note_nothing::<H>();
    if packet.tcp_flags != 0
        && let Some(to) = at_hand::<H>()
    {
        // SAFETY: as above.
        unsafe { note(frame, to, packet, false) };
    }
}

/// Adds what a packet says to what its flow's track knows, and that it came by elsewhere than what the other side sent,
/// if it `is_answer`.
///
/// # Safety
/// `track` was looked up in this run.
#[inline(always)]
pub(super) unsafe fn note_in<H: Hooked, K: Copy>(
    frame: H,
    track: *mut Track,
    packet: &FlowPacket<K>,
    is_answer: bool,
) {
    // SAFETY: the caller's promise.
    unsafe {
        let known = &raw mut (*track).sequence;
        if packet.tcp_flags != 0 {
            note(frame, known, packet, is_answer);
        }
        if let Some(to) = at_hand::<H>() {
            *to = ptr::read_volatile(known);
        }
    }
}

/// The numbers of the packet at hand.
#[inline(always)]
pub(super) fn of_packet<H: Hooked>() -> Option<SequenceNumbers> {
    // SAFETY: this CPU's and this hook's own. Volatile: copied at once to where it is to go, it would be moved by a
    // call, as both may be the same for all that the compiler knows.
    at_hand::<H>().map(|from| unsafe { ptr::read_volatile(from) })
}

/// Adds what a TCP packet says. A subprogram, for the sake of the stack.
///
/// # Safety
/// `known` is in a map entry that was looked up in this run.
#[inline(never)]
unsafe fn note<H: Hooked, K: Copy>(
    frame: H,
    known: *mut SequenceNumbers,
    packet: &FlowPacket<K>,
    is_answer: bool,
) -> i32 {
    let Some(header) = header(frame, packet) else { return 0 };
    // SAFETY: the caller's promise.
    unsafe {
        let (lower, upper) = (&raw mut (*known).lower, &raw mut (*known).upper);
        match packet.direction {
            Direction::FromLower => note_sides(lower, upper, &header, is_answer),
            Direction::FromUpper => note_sides(upper, lower, &header, is_answer),
        }
    }
    0
}

/// # Safety
/// Both sides are in a map entry that was looked up in this run.
#[inline(always)]
unsafe fn note_sides(
    sender: *mut SideNumbers,
    receiver: *mut SideNumbers,
    header: &Header,
    is_answer: bool,
) {
    // SAFETY: the caller's promise; aligned words, each written whole.
    unsafe {
        let before = (ptr::read_volatile(sender), ptr::read_volatile(receiver));
        let after = SideNumbers::after(before.0, before.1, header);
        let answered = if is_answer { after.1.answered_by(header) } else { after.1 };
        update(sender, before.0, after.0);
        update(receiver, before.1, answered);
    }
}

/// Writes what changed: CPUs that note packets of the two directions at the same time leave each other's
/// words alone. The numbers before the bits that say that they are known.
///
/// # Safety
/// As [`note_sides`].
#[inline(always)]
unsafe fn update(side: *mut SideNumbers, before: SideNumbers, after: SideNumbers) {
    let (set, cleared) = (after.known & !before.known, before.known & !after.known);
    // SAFETY: the caller's promise; the bits are only changed by atomic operations.
    unsafe {
        if before.initial != after.initial {
            ptr::write_volatile(&raw mut (*side).initial, after.initial);
        }
        if before.acknowledged != after.acknowledged {
            ptr::write_volatile(&raw mut (*side).acknowledged, after.acknowledged);
        }
        if cleared != 0 {
            atomic::and32(&raw mut (*side).known, !cleared);
        }
        if set != 0 {
            atomic::or32(&raw mut (*side).known, set);
        }
    }
}
