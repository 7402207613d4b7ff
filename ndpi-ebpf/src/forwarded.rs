//! Packets that came in on a watched interface and go out of another: what XDP has seen is not counted
//! twice.
//!
//! XDP notes in a flow which of its directions it sees. Where the addresses stay, a packet that goes out
//! meets that note; where they are translated it is of another flow, which is half seen at XDP and half
//! here, and whole.

use ndpi_common::{Direction, Hook, State, TrackNotes};

use crate::family::Family;
use crate::hook::Hooked;
use crate::seen::Seen;

/// What is noted of a packet in [`ndpi_common::Verdict::state`]: that it came in, if it did.
#[inline(always)]
pub(crate) fn bit<H: Hooked, K>(seen: &Seen<K>) -> u8 {
    match H::HOOK {
        Hook::Xdp => State::at_ingress(seen.direction),
        Hook::Tc => 0,
    }
}

/// The same for [`ndpi_common::Track::tcp_flags`].
#[inline(always)]
pub(crate) fn track_bit<H: Hooked, K>(seen: &Seen<K>) -> u32 {
    match H::HOOK {
        Hook::Xdp => TrackNotes::at_ingress(seen.direction),
        Hook::Tc => 0,
    }
}

/// Whether XDP has seen the packet under this key. Where the hardware takes tags off, XDP saw it without:
/// both keys are looked for.
#[inline(always)]
pub(crate) fn was_seen<H: Hooked, K: Family>(frame: H, key: &K, direction: Direction) -> bool {
    frame.is_forwarded()
        && (is_noted(key, direction) != 0
            || frame.start().is_some() && is_noted_untagged(key, direction) != 0)
}

#[inline(never)]
fn is_noted_untagged<K: Family>(key: &K, direction: Direction) -> u32 {
    let mut untagged = key.untagged();
    untagged.join_last_word();
    is_noted(&untagged, direction)
}

/// Whether the flow of a key has the note, where it is: in its verdict, or while it has none in its
/// track.
#[inline(never)]
fn is_noted<K: Family>(key: &K, direction: Direction) -> u32 {
    if let Some(verdict) = key.verdict() {
        // SAFETY: looked up just now; a byte that the kernel only changes with its word.
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
