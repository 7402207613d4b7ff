//! Flows without a verdict: their first packets are shown to user space.

use core::ptr;

use aya_ebpf::bindings::{BPF_ANY, BPF_NOEXIST};
use ndpi_common::parse::tcp;
use ndpi_common::{Direction, Outcome, Reason, SampleFlags, Switches, Total, Track, TrackNotes};

use crate::atomic;
use crate::count;
use crate::decide::{OPENED, is_idle};
use crate::family::Family;
use crate::forwarded;
use crate::hook::Hooked;
use crate::maps::{SCRATCH, SCRATCH_WORDS, Scratch};
use crate::seen::Seen;
use crate::servers;
use crate::settings;
use crate::show::{Backlog, show};

/// Shows the packet as far as the budget goes, and passes it, or drops it for its server's sake or
/// because the policy wants no more of a flow that nobody has decided on.
#[inline(never)]
pub(crate) fn undecided<H: Hooked, K: Family>(frame: H, seen: &Seen<K>) -> i32 {
    let (outcome, reason) = match find::<H, K>(seen) {
        // SAFETY: looked up just now.
        Found::Track(track) => unsafe { known(frame, track, seen) },
        Found::Over => new(frame, seen, true),
        Found::Nothing => new(frame, seen, false),
    };
    if seen.is_opened() && !matches!(outcome, Outcome::Dropped) {
        return OPENED;
    }
    count::leave(frame, outcome, reason, seen.weight)
}

/// What is known of a packet's flow.
enum Found {
    Track(*mut Track),
    /// An earlier flow of the same key, whose client was answered: the new one takes its place.
    Over,
    Nothing,
}

/// Looks for the track of a packet's flow: first where it is if its client was answered.
#[inline(always)]
fn find<H: Hooked, K: Family>(seen: &Seen<K>) -> Found {
    if let Some(track) = seen.key.track() {
        // SAFETY: looked up just now.
        return if unsafe { goes_on(track, seen) } { Found::Track(track) } else { Found::Over };
    }
    match seen.key.unanswered() {
        // SAFETY: looked up just now.
        Some(track) if unsafe { goes_on(track, seen) } => {
            // SAFETY: as above.
            if unsafe { (*track).is_answered_by(seen.direction, seen.key.proto(), seen.tcp_flags) }
            {
                // SAFETY: as above.
                unsafe { promote::<H, K>(&seen.key, track) };
            }
            Found::Track(seen.key.track().unwrap_or(track))
        }
        _ => Found::Nothing,
    }
}

/// Moves a track to where those are whose client was answered. What other CPUs count in it meanwhile
/// stays where it is, and user space adds it.
///
/// # Safety
/// `track` was looked up in this run.
#[inline(never)]
unsafe fn promote<H: Hooked, K: Family>(key: &K, track: *mut Track) -> i32 {
    let Some(scratch) = SCRATCH.get_ptr_mut(Scratch::Track.of(H::HOOK)) else { return 0 };
    let answered = scratch.cast::<Track>();
    // SAFETY: the caller's promise; aligned words that are only changed by atomic operations. The
    // scratch entry is this CPU's and this hook's own, large enough for a track, and written whole before
    // it is read.
    unsafe {
        (*answered).shown = (*track).shown;
        (*answered).tcp_flags = (*track).tcp_flags;
        (*answered).last_seen = (*track).last_seen;
        (*answered).client = (*track).client;
        (*answered).packets = atomic::swap(&raw mut (*track).packets, 0);
        (*answered).bytes = atomic::swap(&raw mut (*track).bytes, 0);
        (*answered).dropped.packets = atomic::swap(&raw mut (*track).dropped.packets, 0);
        (*answered).dropped.bytes = atomic::swap(&raw mut (*track).dropped.bytes, 0);
        if !key.set_track(&*answered, BPF_NOEXIST) {
            // Another CPU was first, or there is no room.
            let to = key.track().unwrap_or(track);
            atomic::add(&raw mut (*to).packets, (*answered).packets);
            atomic::add(&raw mut (*to).bytes, (*answered).bytes);
            atomic::add(&raw mut (*to).dropped.packets, (*answered).dropped.packets);
            atomic::add(&raw mut (*to).dropped.bytes, (*answered).dropped.bytes);
        }
    }
    0
}

const _: () = assert!(size_of::<Track>() <= SCRATCH_WORDS * 8);

/// Whether a packet belongs to the flow that the track is about, or to a later one of the same key.
///
/// # Safety
/// `track` was looked up in this run.
#[inline(always)]
unsafe fn goes_on<K>(track: *mut Track, seen: &Seen<K>) -> bool {
    // SAFETY: the caller's promise.
    let (last_seen, flags) = unsafe { ((*track).last_seen, (*track).tcp_flags) };
    let ending = flags & u32::from(tcp::FIN | tcp::RST) != 0;
    !(is_idle(last_seen) || ending && tcp::opens(seen.tcp_flags))
}

/// The first packet of a flow, which takes the place of an earlier one or not.
#[inline(always)]
fn new<H: Hooked, K: Family>(frame: H, seen: &Seen<K>, takes_over: bool) -> (Outcome, Reason) {
    let client = servers::client(seen);
    let blocked = servers::is_blocked(seen, client);
    let mut reason = show_first(frame, seen, blocked);
    let shown = reason.is_none();
    let drops = blocked || settings::budget() == 0 && over_budget_drops();
    let dropped = if drops { whole(seen) } else { Total { packets: 0, bytes: 0 } };
    // In numbers, see `Track::is_answered_by`: only a SYN+ACK goes the other way than its flow's client.
    let accepted = (client as u32 ^ seen.direction as u32) * TrackNotes::ACCEPTED;
    let marks = marks::<H, K>(seen) | accepted | if shown { 0 } else { loss(seen, reason) };
    let kept = keep::<H, K>(seen, takes_over, (shown, client), marks, dropped);
    if !kept && shown {
        reason = Some(Reason::TrackFull);
    }
    outcome(blocked, reason.unwrap_or(seen.reason))
}

/// Shows the first packet of a flow; returns why not.
#[inline(always)]
fn show_first<H: Hooked, K: Family>(frame: H, seen: &Seen<K>, blocked: bool) -> Option<Reason> {
    if seen.later {
        Some(Reason::LaterFragment)
    } else if settings::budget() == 0 {
        Some(Reason::OverBudget)
    } else {
        let flags = flags(blocked) | past(u32::from(seen.tcp_flags));
        show(frame, seen, 1, flags, Backlog::before(seen, true)).err()
    }
}

/// Writes the track of a flow's first packet, with the marks that it leaves, whether it was shown, and
/// which way it says that the client's go; says whether there was room. It is made in the scratch entry:
/// the stack has no room for it.
#[inline(always)]
fn keep<H: Hooked, K: Family>(
    seen: &Seen<K>,
    takes_over: bool,
    (shown, client): (bool, Direction),
    marks: u32,
    dropped: Total,
) -> bool {
    let Some(scratch) = SCRATCH.get_ptr_mut(Scratch::Track.of(H::HOOK)) else { return false };
    let track = scratch.cast::<Track>();
    let whole = whole(seen);
    // SAFETY: as in `promote`, which is for flows that have a track.
    let track = unsafe {
        (*track).shown = u32::from(shown);
        (*track).tcp_flags = marks;
        (*track).packets = whole.packets;
        (*track).bytes = whole.bytes;
        (*track).last_seen = settings::tick();
        (*track).client = client as u32;
        (*track).dropped.packets = dropped.packets;
        (*track).dropped.bytes = dropped.bytes;
        &*track
    };
    if takes_over { seen.key.set_track(track, BPF_ANY) } else { seen.key.set_unanswered(track) }
}

/// A later packet.
///
/// # Safety
/// `track` was looked up in this run.
#[inline(always)]
unsafe fn known<H: Hooked, K: Family>(
    frame: H,
    track: *mut Track,
    seen: &Seen<K>,
) -> (Outcome, Reason) {
    // SAFETY: the caller's promise.
    let from_lower = unsafe { (*track).client == Direction::FromLower as u32 };
    let client = match (seen.begins, from_lower) {
        (true, _) => servers::client(seen),
        (false, true) => Direction::FromLower,
        (false, false) => Direction::FromUpper,
    };
    let blocked = servers::is_blocked(seen, client);
    // SAFETY: the caller's promise; words that are only changed by atomic operations.
    unsafe {
        if seen.begins {
            restart(track, seen);
        }
        let before = (*track).tcp_flags;
        note::<H, K>(track, seen);
        let flags = flags(blocked) | past(before | u32::from(seen.tcp_flags));
        let (outcome, reason) = outcome(blocked, show_next(frame, track, seen, flags));
        if matches!(outcome, Outcome::Dropped) {
            let dropped = whole(seen);
            atomic::add(&raw mut (*track).dropped.packets, dropped.packets);
            atomic::add(&raw mut (*track).dropped.bytes, dropped.bytes);
        }
        (outcome, reason)
    }
}

/// Gives the track to another connection, with a budget of its own. What was counted stays: those were
/// packets of the same key without a verdict.
///
/// # Safety
/// `track` was looked up in this run.
#[inline(always)]
unsafe fn restart<K: Family>(track: *mut Track, seen: &Seen<K>) {
    // SAFETY: the caller's promise; aligned words, each written whole.
    unsafe {
        ptr::write_volatile(&raw mut (*track).shown, 0);
        ptr::write_volatile(&raw mut (*track).tcp_flags, 0);
        ptr::write_volatile(&raw mut (*track).client, servers::client(seen) as u32);
    }
}

/// Shows a later packet, with `flags`, if the budget is not spent, and it is none of a fragment that
/// nDPI cannot use.
///
/// # Safety
/// `track` was looked up in this run.
#[inline(always)]
unsafe fn show_next<H: Hooked, K: Family>(
    frame: H,
    track: *mut Track,
    seen: &Seen<K>,
    flags: u16,
) -> Reason {
    // SAFETY: the caller's promise; aligned words that are only changed by atomic operations.
    unsafe {
        let shown = &raw mut (*track).shown;
        if *shown >= settings::budget() {
            return Reason::OverBudget;
        }
        if seen.later {
            return Reason::LaterFragment;
        }
        let before = atomic::add32(shown, 1);
        if before >= settings::budget() {
            atomic::add32(shown, u32::MAX);
            return Reason::OverBudget;
        }
        match show(frame, seen, before + 1, flags, Backlog::before(seen, false)) {
            Ok(()) => seen.reason,
            Err(reason) => {
                atomic::add32(shown, u32::MAX);
                atomic::or32(&raw mut (*track).tcp_flags, loss(seen, Some(reason)));
                reason
            }
        }
    }
}

/// What becomes of a packet that would be counted under `reason`. That one was not shown though it
/// should have been is said in any case.
#[inline(always)]
fn outcome(blocked: bool, reason: Reason) -> (Outcome, Reason) {
    match reason {
        Reason::OverBudget if !blocked && over_budget_drops() => (Outcome::Dropped, reason),
        _ if !blocked => (Outcome::Passed, reason),
        Reason::RingFull | Reason::HeldBack => (Outcome::Dropped, reason),
        _ => (Outcome::Dropped, Reason::Server),
    }
}

/// Whether the policy drops what nobody has decided on within the budget.
#[inline(always)]
fn over_budget_drops() -> bool {
    settings::is_on_now(Switches::DROP_OVER_BUDGET)
}

/// What the packet counts for.
#[inline(always)]
fn whole<K>(seen: &Seen<K>) -> Total {
    Total { packets: u64::from(seen.weight.packets), bytes: u64::from(seen.weight.bytes) }
}

#[inline(always)]
fn flags(blocked: bool) -> u16 {
    if blocked { SampleFlags::SERVER } else { 0 }
}

/// What a packet leaves behind in [`Track::tcp_flags`].
#[inline(always)]
fn marks<H: Hooked, K: Copy>(seen: &Seen<K>) -> u32 {
    let payload = if seen.is_empty() { 0 } else { TrackNotes::PAYLOAD };
    u32::from(seen.tcp_flags) | payload | forwarded::track_bit::<H, K>(seen)
}

/// What it leaves behind besides where it was not shown for `reason`.
#[inline(always)]
fn loss<K: Copy>(seen: &Seen<K>, reason: Option<Reason>) -> u32 {
    match reason {
        Some(Reason::RingFull | Reason::HeldBack) if !seen.is_empty() => TrackNotes::LOSS,
        _ => 0,
    }
}

/// What the marks in a track say of the packets before, as flags of a sample.
#[inline(always)]
fn past(marks: u32) -> u16 {
    let tcp = marks & 0xff;
    let no_syn = tcp != 0 && tcp & u32::from(tcp::SYN) == 0;
    let mut flags = 0;
    if no_syn || marks & TrackNotes::PAYLOAD != 0 {
        flags |= SampleFlags::UNDER_WAY;
    }
    if marks & TrackNotes::LOSS != 0 {
        flags |= SampleFlags::LOSS;
    }
    flags
}

/// Counts a packet in its track.
///
/// # Safety
/// `track` was looked up in this run.
#[inline(always)]
unsafe fn note<H: Hooked, K: Copy>(track: *mut Track, seen: &Seen<K>) {
    // SAFETY: the caller's promise; the words are only changed by atomic operations, but for the
    // tick, of which CPUs write the same or ones that differ by one.
    unsafe {
        atomic::add(&raw mut (*track).packets, u64::from(seen.weight.packets));
        atomic::add(&raw mut (*track).bytes, u64::from(seen.weight.bytes));
        let tick = settings::tick();
        if (*track).last_seen != tick {
            (*track).last_seen = tick;
        }
        let flags = marks::<H, K>(seen);
        if (*track).tcp_flags & flags != flags {
            atomic::or32(&raw mut (*track).tcp_flags, flags);
        }
    }
}
