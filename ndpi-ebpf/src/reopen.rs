//! Connections that take the addresses and ports of an earlier one, which has a verdict: what
//! [`ndpi_common::reopen`] decides is carried out here.

use core::ptr;

use ndpi_common::parse::tcp;
use ndpi_common::reopen::{Connections, Header, Meaning, Opening, Segment};
use ndpi_common::{State, Verdict};

use crate::atomic;
use crate::decide::{Head4, is_idle};
use crate::hook::Hooked;
use crate::seen::Seen;

/// What a verdict that is unsettled, or a packet with the SYN flag, comes to. Numbers, as they are
/// the answer of a subprogram.
pub(crate) type Answer = u32;
/// The verdict is in force.
pub(crate) const IN_FORCE: Answer = 0;
/// The packet is let through in spite of it.
pub(crate) const LET_THROUGH: Answer = 1;
/// The same, and with it another connection may begin.
pub(crate) const KNOCKS: Answer = 2;
/// The verdict is over.
pub(crate) const OVER: Answer = 3;

/// Looks at a packet twice. A subprogram, so that the common path stays small.
#[inline(never)]
pub(crate) fn by<H: Hooked, K: Copy>(frame: H, verdict: *mut Verdict, seen: &Seen<K>) -> Answer {
    // SAFETY: the caller looked the verdict up in this run.
    let head = unsafe { Head4::read(verdict) };
    // SAFETY: as above; aligned words that are only written whole.
    let (opening, generation, last_seen) = unsafe {
        let generation = ptr::read_volatile(&raw const (*verdict).decided_ns).to_le_bytes();
        let [a, b, c, d, ..] = generation;
        let opening = ptr::read_volatile(&raw const (*verdict).opening);
        let last_seen = ptr::read_volatile(&raw const (*verdict).last_seen);
        (Opening(opening), u32::from_le_bytes([a, b, c, d]), last_seen)
    };
    if head.byte(3) & State::REOPENED != 0 && opening.0 == generation {
        return OVER;
    }
    let connections = Connections {
        action: head.byte(0),
        state: head.byte(3),
        opening,
        closed: tcp::closed(head.byte(1), head.byte(2)),
        idle: is_idle(last_seen),
    };
    let meaning = connections.meaning(segment(frame, seen), seen.direction);
    // SAFETY: looked up in this run.
    unsafe { carry_out(verdict, generation, meaning) }
}

/// What the packet says, if it is a whole TCP segment.
#[inline(always)]
fn segment<H: Hooked, K: Copy>(frame: H, seen: &Seen<K>) -> Segment {
    if seen.is_in_parts() || seen.is_error || seen.is_a_lie() {
        return Segment::Other;
    }
    let (Some(sequence), Some(acknowledged)) = (frame.load(seen.l4 + 4), frame.load(seen.l4 + 8))
    else {
        return Segment::Other;
    };
    Segment::of(&Header {
        direction: seen.direction,
        flags: seen.tcp_flags,
        has_payload: seen.payload < seen.end,
        sequence: u32::from_be_bytes(sequence),
        acknowledged: u32::from_be_bytes(acknowledged),
    })
}

/// # Safety
/// `verdict` was looked up in this run.
#[inline(always)]
unsafe fn carry_out(verdict: *mut Verdict, generation: u32, meaning: Meaning) -> Answer {
    // SAFETY: the caller's promise.
    unsafe {
        match meaning {
            Meaning::Nothing => IN_FORCE,
            Meaning::Remembered(opening) => {
                remember(verdict, opening);
                IN_FORCE
            }
            Meaning::Knock(opening) => {
                let known = remember(verdict, opening);
                if known { LET_THROUGH } else { KNOCKS }
            }
            Meaning::LetThrough(bits) => {
                set(verdict, bits);
                LET_THROUGH
            }
            Meaning::Over => {
                end(verdict, generation);
                OVER
            }
        }
    }
}

/// Ends the verdict that was read. If its place is another entry's by now, that one is not meant: what
/// is written says which.
///
/// # Safety
/// `verdict` was looked up in this run.
#[inline(always)]
unsafe fn end(verdict: *mut Verdict, generation: u32) {
    // SAFETY: the caller's promise; aligned words of the entry.
    unsafe {
        atomic::swap32(&raw mut (*verdict).opening, generation);
        set(verdict, State::REOPENED);
    }
}

/// Notes a SYN; says whether it was noted before. The word before the bit that says what it is: what
/// another CPU sees in between is an opening that nobody asked for, or an earlier one.
///
/// # Safety
/// `verdict` was looked up in this run.
#[inline(always)]
unsafe fn remember(verdict: *mut Verdict, opening: Opening) -> bool {
    // SAFETY: the caller's promise; aligned words of the entry.
    unsafe {
        let before = atomic::swap32(&raw mut (*verdict).opening, opening.0);
        let state = clear(verdict, State::CHALLENGED);
        set(verdict, State::KNOCKED);
        before == opening.0 && state & State::KNOCKED != 0
    }
}

/// Sets bits of the state.
///
/// # Safety
/// `verdict` was looked up in this run.
#[inline(always)]
unsafe fn set(verdict: *mut Verdict, bits: u8) {
    // SAFETY: the caller's promise; the first word of an aligned entry.
    unsafe { atomic::or32(verdict.cast(), u32::from(bits) << 24) };
}

/// Clears bits of the state and returns it as it was before.
///
/// # Safety
/// `verdict` was looked up in this run.
#[inline(always)]
unsafe fn clear(verdict: *mut Verdict, bits: u8) -> u8 {
    // SAFETY: the caller's promise; the first word of an aligned entry.
    let before = unsafe { atomic::and32(verdict.cast(), !(u32::from(bits) << 24)) };
    before.to_le_bytes()[3]
}
