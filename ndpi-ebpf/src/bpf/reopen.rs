//! Connections that take the addresses and ports of an earlier one, which has a verdict: what
//! [`ndpi_common::reopen`] decides is carried out here.

use core::ptr;

use ndpi_common::parse::tcp;
use ndpi_common::reopen::{Connections, Meaning, Opening, Place, Segment};
use ndpi_common::{FlowPacket, State, VerdictEntry};

use super::atomic;
use super::entry::{FirstWord, clear_state, set_state};
use super::hook::Hooked;
use super::sequence;
use super::settings;

/// What a verdict that is unsettled, or a packet with the SYN flag, comes to. Numbers, as they are
/// the answer of a subprogram.
pub(super) type Answer = u32;
/// The verdict is in force.
pub(super) const IN_FORCE: Answer = 0;
/// The packet is let through in spite of it.
pub(super) const LET_THROUGH: Answer = 1;
/// The same, and with it another connection may begin.
pub(super) const KNOCKS: Answer = 2;
/// The verdict is over.
pub(super) const OVER: Answer = 3;

/// Looks at a packet twice. A subprogram, so that the common path stays small.
#[inline(never)]
pub(super) fn by<H: Hooked, K: Copy>(
    frame: H,
    verdict: *mut VerdictEntry,
    packet: &FlowPacket<K>,
) -> Answer {
    settings::now();
    // SAFETY: the caller looked the verdict up in this run.
    let first = unsafe { FirstWord::read(verdict) };
    // SAFETY: as above; aligned words that are only written whole.
    let (opening, asked_at, generation, last_seen) = unsafe {
        let generation = ptr::read_volatile(&raw const (*verdict).decided_ns).to_le_bytes();
        let [a, b, c, d, ..] = generation;
        let opening = ptr::read_volatile(&raw const (*verdict).opening);
        let asked_at = Place(ptr::read_volatile(&raw const (*verdict).asked_at));
        let last_seen = ptr::read_volatile(&raw const (*verdict).last_seen);
        (Opening(opening), asked_at, u32::from_le_bytes([a, b, c, d]), last_seen)
    };
    if first.state() & State::REOPENED != 0 && opening.0 == generation {
        return OVER;
    }
    let (lower, upper) = first.tcp_flags();
    let connections = Connections {
        action: first.action(),
        state: first.state(),
        opening,
        asked_at,
        both_seen: lower != 0 && upper != 0,
        closed: tcp::closed(lower, upper),
        idle: settings::is_idle(last_seen),
    };
    let place = Place::new(frame.ifindex(), H::HOOK);
    let meaning = connections.meaning(segment(frame, packet), packet.direction, place);
    // SAFETY: looked up in this run.
    unsafe { carry_out(verdict, generation, meaning, place) }
}

/// Ends a verdict that nobody is there to take away: it has been idle for longer than a flow may pause,
/// and user space is silent. Says whether it did.
#[inline(never)]
pub(super) fn outlived(verdict: *mut VerdictEntry) -> u32 {
    settings::now();
    // SAFETY: the caller looked the verdict up in this run; aligned words that are only written whole.
    let (last_seen, decided_ns) = unsafe {
        let decided_ns = ptr::read_volatile(&raw const (*verdict).decided_ns);
        (ptr::read_volatile(&raw const (*verdict).last_seen), decided_ns)
    };
    if !settings::is_idle(last_seen) || !settings::is_unattended() {
        return 0;
    }
    let [a, b, c, d, ..] = decided_ns.to_le_bytes();
    // SAFETY: as above.
    unsafe { end(verdict, u32::from_le_bytes([a, b, c, d])) };
    1
}

/// What the packet says, if it is a whole TCP segment.
#[inline(always)]
fn segment<H: Hooked, K: Copy>(frame: H, packet: &FlowPacket<K>) -> Segment {
    sequence::header(frame, packet).map_or(Segment::Other, |header| Segment::of(&header))
}

/// # Safety
/// `verdict` was looked up in this run.
#[inline(always)]
unsafe fn carry_out(
    verdict: *mut VerdictEntry,
    generation: u32,
    meaning: Meaning,
    place: Place,
) -> Answer {
    // SAFETY: the caller's promise.
    unsafe {
        match meaning {
            Meaning::Nothing => IN_FORCE,
            Meaning::Remembered(opening) => {
                remember(verdict, opening, place);
                IN_FORCE
            }
            Meaning::Knock(opening) => {
                let known = remember(verdict, opening, place);
                if known { LET_THROUGH } else { KNOCKS }
            }
            Meaning::LetThrough(bits) => {
                set_state(verdict, bits);
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
unsafe fn end(verdict: *mut VerdictEntry, generation: u32) {
    // SAFETY: the caller's promise; aligned words of the entry.
    unsafe {
        atomic::swap32(&raw mut (*verdict).opening, generation);
        set_state(verdict, State::REOPENED);
    }
}

/// Notes a SYN; says whether it was noted before. The words before the bit that says what they are, and where
/// the SYN came by before which it was: what another CPU sees in between is an opening that nobody asked for, or
/// an earlier one.
///
/// # Safety
/// `verdict` was looked up in this run.
#[inline(always)]
unsafe fn remember(verdict: *mut VerdictEntry, opening: Opening, place: Place) -> bool {
    // SAFETY: the caller's promise; aligned words of the entry.
    unsafe {
        ptr::write_volatile(&raw mut (*verdict).asked_at, place.0);
        let before = atomic::swap32(&raw mut (*verdict).opening, opening.0);
        let state = clear_state(verdict, State::CHALLENGED);
        set_state(verdict, State::KNOCKED);
        before == opening.0 && state & State::KNOCKED != 0
    }
}
