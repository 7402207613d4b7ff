//! Packets that came in on a watched interface and go out of another: what XDP has seen is not counted
//! twice.
//!
//! XDP notes in a flow which of its directions it sees. Where the addresses stay, a packet that goes out
//! meets that note; where they are translated it is of another flow, which is half seen at XDP and half
//! here, and whole.

use core::ptr;

use ndpi_common::{Direction, State, TrackNotes, VerdictEntry};

use super::family::Family;
use super::hook::Hooked;

/// Whether XDP has seen the packet under this key, which has this verdict, if any. Where the hardware takes
/// tags off, XDP saw it without: both keys are looked for.
#[inline(always)]
pub(super) fn was_seen<H: Hooked, K: Family>(
    frame: H,
    key: &K,
    verdict: Option<*mut VerdictEntry>,
    direction: Direction,
) -> bool {
    frame.is_forwarded()
        && (is_noted(key, or_null(verdict), direction) != 0
            || frame.start().is_some() && is_noted_untagged(key, direction) != 0)
}

/// As one word, of which the verifier sees whether it is null: an `Option` goes to a subprogram as two.
#[inline(always)]
fn or_null(verdict: Option<*mut VerdictEntry>) -> *mut VerdictEntry {
    verdict.unwrap_or(ptr::null_mut())
}

#[inline(never)]
fn is_noted_untagged<K: Family>(key: &K, direction: Direction) -> u32 {
    let mut untagged = key.untagged();
    untagged.join_last_word();
    is_noted(&untagged, or_null(untagged.verdict()), direction)
}

/// Whether the flow of a key has the note, where it is: in its verdict, which is null where it has none,
/// or in its track.
#[inline(never)]
fn is_noted<K: Family>(key: &K, verdict: *mut VerdictEntry, direction: Direction) -> u32 {
    if !verdict.is_null() {
        // SAFETY: the caller looked it up in this run; a byte that the kernel only changes with its word.
        let state = unsafe { (&raw const (*verdict).state).read_volatile() };
        if state & State::at_ingress(direction) != 0 {
            return 1;
        }
    }
    let Some(track) = key.track().or_else(|| key.unanswered()) else { return 0 };
    // SAFETY: looked up just now; an aligned word.
    let flags = unsafe { (&raw const (*track).tcp_flags).read_volatile() };
    u32::from(flags & TrackNotes::at_ingress(direction) != 0)
}
