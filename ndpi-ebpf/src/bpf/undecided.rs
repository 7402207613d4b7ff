//! Flows without a verdict: their first packets are shown to user space.

use core::ptr;

use aya_ebpf::bindings::{BPF_ANY, BPF_NOEXIST};
use ndpi_common::parse::{proto, tcp};
use ndpi_common::reopen::Place;
use ndpi_common::{
    Backlog, Direction, Disposition, FlowPacket, KeyV4, KeyV6, Known, Reason, SampleFlags,
    SideNumbers, Switches, TenantKey, Total, Track, TrackNotes, is_put_together,
};

use super::answer::{OPENED, UNDECIDED_TENANT, UNDECIDED_V4, UNDECIDED_V6};
use super::atomic;
use super::bounds::of_two;
use super::count;
use super::family::Family;
use super::hook::Hooked;
use super::maps::{SCRATCH, Scratch};
use super::sequence;
use super::servers;
use super::settings;
use super::show::show;

/// Goes on with the packet at hand where its flow was found to have no verdict.
#[inline(always)]
pub(super) fn go_on<H: Hooked>(frame: H, answer: i32) -> i32 {
    match answer {
        UNDECIDED_V4 => undecided::<H, KeyV4>(frame),
        UNDECIDED_V6 => undecided::<H, KeyV6>(frame),
        UNDECIDED_TENANT => undecided::<H, TenantKey>(frame),
        _ => answer,
    }
}

/// Where the packet at hand is, as the decision sees it.
#[inline(always)]
pub(super) fn at_hand<H: Hooked, K>() -> Option<*mut FlowPacket<K>> {
    SCRATCH.get_ptr_mut(Scratch::Flow.of(H::HOOK)).map(<*mut _>::cast)
}

/// Shows the packet at hand as far as the budget goes, and passes it, or drops it for its server's sake or
/// because the policy wants no more of a flow that nobody has decided on.
#[inline(never)]
fn undecided<H: Hooked, K: Family>(frame: H) -> i32 {
    let Some(packet) = at_hand::<H, K>() else { return H::PASS };
    // SAFETY: this CPU's own entry for this hook, and programs of one hook do not interrupt each other on a CPU
    // (see `count::leave`). Whoever found no verdict has written it, and nothing else refers to it.
    let packet = unsafe { &*packet };
    settings::now();
    let disposition = match find(frame, packet) {
        // SAFETY: looked up just now.
        Found::Track(track) => unsafe { known(frame, track, packet) },
        Found::Over => new(frame, packet, true),
        Found::Nothing => new(frame, packet, false),
    };
    if settings::opens(packet) && !disposition.drops() {
        return OPENED;
    }
    count::leave(frame, disposition, packet.weight)
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
fn find<H: Hooked, K: Family>(frame: H, packet: &FlowPacket<K>) -> Found {
    if let Some(track) = packet.key.track() {
        // SAFETY: looked up just now.
        return if unsafe { goes_on(track, packet) } { Found::Track(track) } else { Found::Over };
    }
    match packet.key.unanswered() {
        // SAFETY: looked up just now.
        Some(track) if unsafe { goes_on(track, packet) } => {
            // SAFETY: as above.
            if unsafe { is_answer(frame, track, packet) } == 0 {
                return Found::Track(track);
            }
            // SAFETY: as above.
            unsafe { promote::<H, K>(&packet.key, track) };
            Found::Track(packet.key.track().unwrap_or(track))
        }
        _ => Found::Nothing,
    }
}

/// Where a packet comes by.
#[inline(always)]
fn place<H: Hooked>(frame: H) -> Place {
    Place::new(frame.ifindex(), H::HOOK)
}

/// Whether a packet answers whoever opened the flow of the track. A subprogram: the verifier goes on with one number,
/// in whichever of several ways it came about.
///
/// # Safety
/// `track` was looked up in this run.
#[inline(never)]
unsafe fn is_answer<H: Hooked, K: Family>(
    frame: H,
    track: *mut Track,
    packet: &FlowPacket<K>,
) -> i32 {
    let from = (packet.direction, place(frame));
    // SAFETY: the caller's promise.
    i32::from(unsafe { (*track).is_answered_by(from, packet.key.proto(), packet.tcp_flags) })
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
        (*answered).asked = (*track).asked;
        (*answered).sequence = (*track).sequence;
        move_total(&raw mut (*track).sent[0], &raw mut (*answered).sent[0]);
        move_total(&raw mut (*track).sent[1], &raw mut (*answered).sent[1]);
        move_total(&raw mut (*track).dropped, &raw mut (*answered).dropped);
        if !key.set_track(&*answered, BPF_NOEXIST) {
            // Another CPU was first, or there is no room.
            let to = key.track().unwrap_or(track);
            add(&raw mut (*to).sent[0], (*answered).sent[0]);
            add(&raw mut (*to).sent[1], (*answered).sent[1]);
            add(&raw mut (*to).dropped, (*answered).dropped);
        }
    }
    0
}

/// Moves a count out of a track.
///
/// # Safety
/// Both are valid; `from` is only changed by atomic operations, and `to` is nobody else's.
#[inline(always)]
unsafe fn move_total(from: *mut Total, to: *mut Total) {
    // SAFETY: the caller's promise.
    unsafe {
        (*to).packets = atomic::swap(&raw mut (*from).packets, 0);
        (*to).bytes = atomic::swap(&raw mut (*from).bytes, 0);
    }
}

/// Adds to a count of a track.
///
/// # Safety
/// `to` is in a track that was looked up in this run.
#[inline(always)]
unsafe fn add(to: *mut Total, more: Total) {
    // SAFETY: the caller's promise; aligned words that are only changed by atomic operations.
    unsafe {
        atomic::add(&raw mut (*to).packets, more.packets);
        atomic::add(&raw mut (*to).bytes, more.bytes);
    }
}

/// Where a track counts what goes `direction`.
///
/// # Safety
/// `track` was looked up in this run.
#[inline(always)]
unsafe fn sent(track: *mut Track, direction: Direction) -> *mut Total {
    // SAFETY: the caller's promise. In numbers: the verifier follows each side of a branch.
    unsafe { (&raw mut (*track).sent).cast::<Total>().add(of_two(direction as u32)) }
}

/// Whether a packet belongs to the flow that the track is about, or to a later one of the same key.
///
/// # Safety
/// `track` was looked up in this run.
#[inline(always)]
unsafe fn goes_on<K>(track: *mut Track, packet: &FlowPacket<K>) -> bool {
    // SAFETY: the caller's promise.
    let (last_seen, flags) = unsafe { ((*track).last_seen, (*track).tcp_flags) };
    TrackNotes::goes_on(flags, settings::is_idle(last_seen), packet.tcp_flags)
}

/// The first packet of a flow, which takes the place of an earlier one or not.
///
/// The track stands before the packet is shown: user space may have a verdict on it, and take what was counted until
/// then, before this program is done.
#[inline(always)]
fn new<H: Hooked, K: Family>(frame: H, packet: &FlowPacket<K>, takes_over: bool) -> Disposition {
    let client = packet.client();
    let blocked = settings::has_servers() && opens_blocked(packet, client) != 0;
    sequence::note_first(frame, packet);
    let hidden = hidden(packet);
    let drops = blocked || settings::budget() == 0 && over_budget_drops() || is_dropped_alone();
    let dropped = if drops { packet.weight.total() } else { Total { packets: 0, bytes: 0 } };
    // In numbers, see `Track::is_answered_by`: only a SYN+ACK goes the other way than its flow's client.
    let accepted = (client as u32 ^ packet.direction as u32) * TrackNotes::ACCEPTED;
    let notes = TrackNotes::of(packet, H::HOOK) | TrackNotes::opened_at(place(frame)) | accepted;
    let kept = keep::<H, K>(packet, takes_over, (hidden.is_none(), client), notes, dropped);
    let reason = match hidden {
        Some(reason) => reason,
        None => show_first::<H, K>(frame, packet, blocked, kept),
    };
    alone(Disposition::of_undecided(reason, blocked, over_budget_drops))
}

/// What becomes of a packet when user space is gone.
#[inline(always)]
fn alone(disposition: Disposition) -> Disposition {
    disposition.without_user_space(settings::when_gone(), settings::is_gone, over_budget_drops)
}

/// Whether packets of flows without a verdict are dropped as user space is gone.
#[inline(always)]
fn is_dropped_alone() -> bool {
    alone(Disposition::Pass(Reason::Unattended)).drops()
}

/// Whether the first packet of a flow goes to a blocked server or comes from one. A subprogram, for the sake of the
/// stack.
#[inline(never)]
fn opens_blocked<K: Family>(packet: &FlowPacket<K>, client: Direction) -> i32 {
    i32::from(servers::is_blocked(packet, client))
}

/// Why the first packet of a flow is not to be shown, where that is so.
#[inline(always)]
fn hidden<K: Family>(packet: &FlowPacket<K>) -> Option<Reason> {
    if is_of_no_use(packet) {
        Some(Reason::LaterFragment)
    } else if settings::budget() == 0 {
        Some(Reason::OverBudget)
    } else {
        None
    }
}

/// Whether a packet is a fragment of a datagram that is not put together, and tells nothing by itself.
#[inline(always)]
fn is_of_no_use<K: Family>(packet: &FlowPacket<K>) -> bool {
    packet.later && !is_put_together(packet.key.proto())
}

/// Shows the first packet of a flow, whose track was kept or not.
#[inline(always)]
fn show_first<H: Hooked, K: Family>(
    frame: H,
    packet: &FlowPacket<K>,
    blocked: bool,
    kept: bool,
) -> Reason {
    let flags = flags(blocked) | TrackNotes::sample_flags(u32::from(packet.tcp_flags));
    match show(frame, packet, 1, flags, Backlog::before(packet, true)) {
        Ok(()) if kept => packet.reason,
        Ok(()) => Reason::TrackFull,
        Err(reason) => {
            if kept {
                uncharge(packet, reason);
            }
            reason
        }
    }
}

/// Notes in the track of a flow's first packet that it was not shown. A subprogram, for the sake of the stack.
#[inline(never)]
fn uncharge<K: Family>(packet: &FlowPacket<K>, reason: Reason) -> i32 {
    let Some(track) = packet.key.track().or_else(|| packet.key.unanswered()) else { return 0 };
    // SAFETY: looked up just now; words that are only changed by atomic operations.
    unsafe {
        atomic::add32(&raw mut (*track).shown, u32::MAX);
        atomic::or32(&raw mut (*track).tcp_flags, TrackNotes::loss(packet, Some(reason)));
    }
    0
}

/// Writes the track of a flow's first packet, with the notes that it leaves, whether it is to be shown, and
/// which way it says that the client's go; says whether there was room. It is made in the scratch entry,
/// as the stack has no room for it; the sequence numbers are there already.
#[inline(always)]
fn keep<H: Hooked, K: Family>(
    packet: &FlowPacket<K>,
    takes_over: bool,
    (shown, client): (bool, Direction),
    notes: u32,
    dropped: Total,
) -> bool {
    let Some(scratch) = SCRATCH.get_ptr_mut(Scratch::Track.of(H::HOOK)) else { return false };
    let track = scratch.cast::<Track>();
    let whole = packet.weight.total();
    // SAFETY: as in `promote`, which is for flows that have a track.
    let track = unsafe {
        (*track).shown = u32::from(shown);
        (*track).tcp_flags = notes;
        (*track).sent = [Total { packets: 0, bytes: 0 }; 2];
        *sent(track, packet.direction) = whole;
        (*track).last_seen = settings::tick();
        (*track).client = client as u16;
        (*track).asked = lower_half(settings::tick());
        (*track).dropped.packets = dropped.packets;
        (*track).dropped.bytes = dropped.bytes;
        &*track
    };
    if takes_over { packet.key.set_track(track, BPF_ANY) } else { packet.key.set_unanswered(track) }
}

/// A later packet.
///
/// # Safety
/// `track` was looked up in this run.
#[inline(always)]
unsafe fn known<H: Hooked, K: Family>(
    frame: H,
    track: *mut Track,
    packet: &FlowPacket<K>,
) -> Disposition {
    // SAFETY: the caller's promise.
    let blocked = settings::has_servers() && unsafe { is_blocked(track, packet) } != 0;
    // SAFETY: the caller's promise; words that are only changed by atomic operations.
    unsafe {
        if packet.begins {
            restart(frame, track, packet);
        }
        let before = (*track).tcp_flags;
        let held =
            if settings::is_on_now(Switches::HOLD) { held(frame, track, packet) } else { NOTHING };
        let is_answer = tcp::accepts(packet.tcp_flags) && is_answer(frame, track, packet) != 0;
        note(frame, track, packet);
        sequence::note_in(frame, track, packet, is_answer);
        let notes = before | u32::from(packet.tcp_flags);
        let flags = flags(blocked) | TrackNotes::sample_flags(notes);
        let reason = show_next(frame, track, packet, flags);
        let disposition = Disposition::of_undecided(reason, blocked, over_budget_drops);
        let disposition = alone(disposition).held(held == ALL, held != NOTHING);
        if disposition.drops() {
            add(&raw mut (*track).dropped, packet.weight.total());
        }
        disposition
    }
}

/// Whether a packet goes to a blocked server or comes from one. A subprogram, as [`is_answer`].
///
/// # Safety
/// `track` was looked up in this run.
#[inline(never)]
unsafe fn is_blocked<K: Family>(track: *mut Track, packet: &FlowPacket<K>) -> i32 {
    // SAFETY: the caller's promise.
    let from_lower = unsafe { (*track).client == Direction::FromLower as u16 };
    let client = match (packet.begins, from_lower) {
        (true, _) => packet.client(),
        (false, true) => Direction::FromLower,
        (false, false) => Direction::FromUpper,
    };
    i32::from(servers::is_blocked(packet, client))
}

/// Nothing of a packet's flow is held, or what is beyond the budget, or also what is shown.
const NOTHING: u32 = 0;
const BEYOND: u32 = 1;
const ALL: u32 = 2;

/// What of a flow is held when a packet comes: one of these numbers. Of one that opens or asks, and of an answer that
/// passes, it notes that. A subprogram, as [`is_answer`].
///
/// # Safety
/// `track` was looked up in this run.
#[inline(never)]
unsafe fn held<H: Hooked, K: Family>(frame: H, track: *mut Track, packet: &FlowPacket<K>) -> u32 {
    if packet.key.proto() != proto::TCP || packet.is_error {
        return NOTHING;
    }
    let (tick, place) = (settings::tick(), place(frame));
    // SAFETY: the caller's promise; aligned words. The client and the time before the bits that say that they hold.
    unsafe {
        let notes = &raw mut (*track).tcp_flags;
        if (*track).is_opened_late_by(packet) {
            ptr::write_volatile(&raw mut (*track).client, packet.direction as u16);
            atomic::and32(notes, !TrackNotes::before_opening());
            atomic::or32(notes, TrackNotes::opened_at(place));
        } else if (*track).is_asked_by(packet) {
            // What is not shown makes nobody wait any longer.
            if (*track).shown < settings::budget()
                || ptr::read_volatile(notes) & TrackNotes::ASKED == 0
            {
                ptr::write_volatile(&raw mut (*track).asked, lower_half(tick));
                atomic::or32(notes, TrackNotes::ASKED);
            }
            return if (*track).holds(tick) { BEYOND } else { NOTHING };
        } else if (*track).is_accepted_by(packet, place) {
            let disproved = (*track).disproved_by(packet);
            ptr::write_volatile(&raw mut (*track).client, packet.client() as u16);
            atomic::and32(notes, !disproved);
            let clients = packet.direction.opposite() as u32;
            let sides = (&raw mut (*track).sequence).cast::<SideNumbers>();
            atomic::or32(&raw mut (*sides.add(of_two(clients))).known, Known::accepted_elsewhere());
        } else if (*track).is_replied_by(packet, place) {
            if (*track).holds(tick) {
                return ALL;
            }
            atomic::and32(notes, !TrackNotes::ASKED);
        }
    }
    NOTHING
}

/// What a track has of a tick.
#[inline(always)]
#[expect(clippy::cast_possible_truncation, reason = "the lower half")]
const fn lower_half(tick: u32) -> u16 {
    tick as u16
}

/// Gives the track to another connection, with a budget of its own. What was counted stays: those were
/// packets of the same key without a verdict.
///
/// # Safety
/// `track` was looked up in this run.
#[inline(always)]
unsafe fn restart<H: Hooked, K: Family>(frame: H, track: *mut Track, packet: &FlowPacket<K>) {
    // SAFETY: the caller's promise; aligned words, each written whole.
    unsafe {
        ptr::write_volatile(&raw mut (*track).shown, 0);
        let opened = TrackNotes::opened_at(place(frame));
        ptr::write_volatile(&raw mut (*track).tcp_flags, opened);
        ptr::write_volatile(&raw mut (*track).client, packet.client() as u16);
        ptr::write_volatile(&raw mut (*track).asked, lower_half(settings::tick()));
        ptr::write_volatile(&raw mut (*track).sequence.lower.known, 0);
        ptr::write_volatile(&raw mut (*track).sequence.upper.known, 0);
    }
}

/// Shows a later packet, with `flags`, if the budget is not spent, and it is of use.
///
/// # Safety
/// `track` was looked up in this run.
#[inline(always)]
unsafe fn show_next<H: Hooked, K: Family>(
    frame: H,
    track: *mut Track,
    packet: &FlowPacket<K>,
    flags: u32,
) -> Reason {
    // SAFETY: the caller's promise; aligned words that are only changed by atomic operations.
    unsafe {
        let shown = &raw mut (*track).shown;
        if *shown >= settings::budget() {
            return Reason::OverBudget;
        }
        if is_of_no_use(packet) {
            return Reason::LaterFragment;
        }
        let before = atomic::add32(shown, 1);
        if before >= settings::budget() {
            atomic::add32(shown, u32::MAX);
            return Reason::OverBudget;
        }
        match show(frame, packet, before + 1, flags, Backlog::before(packet, false)) {
            Ok(()) => packet.reason,
            Err(reason) => {
                atomic::add32(shown, u32::MAX);
                atomic::or32(&raw mut (*track).tcp_flags, TrackNotes::loss(packet, Some(reason)));
                reason
            }
        }
    }
}

/// Whether the policy drops what nobody has decided on within the budget.
#[inline(always)]
fn over_budget_drops() -> bool {
    settings::is_on_now(Switches::DROP_OVER_BUDGET)
}

#[inline(always)]
fn flags(blocked: bool) -> u32 {
    if blocked { SampleFlags::SERVER } else { 0 }
}

/// Counts a packet in its track.
///
/// # Safety
/// `track` was looked up in this run.
#[inline(always)]
unsafe fn note<H: Hooked, K: Copy>(frame: H, track: *mut Track, packet: &FlowPacket<K>) {
    // SAFETY: the caller's promise; the words are only changed by atomic operations, but for the
    // tick, of which CPUs write the same or ones that differ by one.
    unsafe {
        add(sent(track, packet.direction), packet.weight.total());
        let tick = settings::tick();
        if (*track).last_seen != tick {
            (*track).last_seen = tick;
        }
        // In numbers: the verifier follows each side of a branch.
        let forged = u32::from((*track).is_forged(packet, place(frame))) * TrackNotes::PAYLOAD;
        let notes = TrackNotes::of(packet, H::HOOK) & !forged;
        if (*track).tcp_flags & notes != notes {
            atomic::or32(&raw mut (*track).tcp_flags, notes);
        }
    }
}
