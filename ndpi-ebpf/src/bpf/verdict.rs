//! Applying a verdict to a packet of its flow.

use core::ptr;

use ndpi_common::parse::{proto, tcp};
use ndpi_common::{
    Action, Disposition, FlowPacket, Reason, SampleFlags, State, Treatment, VerdictEntry,
};

use super::count;
use super::entry::FirstWord;
use super::family::Family;
use super::hook::Hooked;
use super::inspect;
use super::limit;
use super::reopen;
use super::requests;
use super::settings;
use super::show;

/// What a verdict says to a packet.
pub(super) enum Ruling {
    /// This is done with it.
    Acts(Disposition),
    /// It is let through in spite of the verdict.
    LetThrough,
    /// The same, and with it another connection may begin.
    Knocks,
    /// The verdict is over.
    Over,
}

impl Ruling {
    #[inline(always)]
    fn passes(&self) -> bool {
        matches!(self, Self::Acts(disposition) if !disposition.drops())
    }
}

/// Acts on a verdict, and counts the packet in it.
///
/// # Safety
/// `verdict` was looked up in this run.
#[inline(always)]
pub(super) unsafe fn ruling<H: Hooked, K: Family>(
    frame: H,
    verdict: *mut VerdictEntry,
    packet: &FlowPacket<K>,
) -> Ruling {
    // SAFETY: the caller's promise.
    let first = unsafe { FirstWord::read(verdict) };
    if first.state() & State::UNSETTLED | packet.tcp_flags & tcp::SYN != 0 {
        match reopen::by(frame, verdict, packet) {
            reopen::IN_FORCE => {}
            reopen::LET_THROUGH => return Ruling::LetThrough,
            reopen::KNOCKS => return Ruling::Knocks,
            _ => return Ruling::Over,
        }
    }
    // SAFETY: the caller's promise.
    unsafe {
        if may_outlive(first, packet) && reopen::outlived(verdict) != 0 {
            return Ruling::Over;
        }
        note::<H, K>(verdict, first, packet);
        let (ruling, mut shown) = enforce(verdict, Treatment::of(first.action()), packet);
        let is_watched = first.state() & State::WATCHED != 0 && !packet.is_error;
        if is_watched && ruling.passes() && requests::is_due(frame, verdict, packet) {
            shown = SampleFlags::WATCHED;
        }
        // In one place: the verifier follows it from each.
        if shown != 0 && !show::met(frame, packet, shown) {
            if is_watched {
                requests::missed(verdict);
            } else if shown & SampleFlags::INSPECTED != 0 {
                inspect::missed(verdict);
            }
        }
        ruling
    }
}

/// Whether a verdict may be one that nobody takes away when user space is gone, as it would block ports for
/// good: one that drops, of a flow without a handshake by which another connection begins. What passes
/// and TCP pay nothing for the question.
#[inline(always)]
fn may_outlive<K: Family>(first: FirstWord, packet: &FlowPacket<K>) -> bool {
    packet.key.proto() != proto::TCP
        && (first.action() == Action::Drop as u8 || first.action() == Action::Reject as u8)
}

/// What a treatment does with the packet, and why it is shown: a flag of [`SampleFlags`], or 0.
///
/// # Safety
/// `verdict` was looked up in this run.
#[inline(always)]
unsafe fn enforce<K: Family>(
    verdict: *mut VerdictEntry,
    treatment: Treatment,
    packet: &FlowPacket<K>,
) -> (Ruling, u32) {
    if let Treatment::Uncounted(disposition) = treatment {
        return (Ruling::Acts(disposition), 0);
    }
    // SAFETY: the caller's promise.
    let before = unsafe { count::tally(verdict, packet.direction, packet.weight) };
    match treatment {
        Treatment::Uncounted(disposition) | Treatment::Counted(disposition) => {
            (Ruling::Acts(disposition), 0)
        }
        Treatment::Limited => {
            // SAFETY: the caller's promise.
            let within = unsafe { limit::lets_through(verdict, packet.weight) };
            (Ruling::Acts(Disposition::drop_if(!within, Reason::Limit)), 0)
        }
        Treatment::Rejected => {
            let is_first = before.packets == 0 && !packet.is_error;
            let shown = if is_first { SampleFlags::REJECTED } else { 0 };
            (Ruling::Acts(Disposition::Drop(Reason::Reject)), shown)
        }
        Treatment::Inspected => {
            let shown = if packet.is_error { 0 } else { inspect::due(verdict) };
            (Ruling::Acts(Disposition::Pass(Reason::Count)), shown)
        }
        Treatment::Undecided => (Ruling::LetThrough, 0),
    }
}

/// Notes the time, new TCP flags, and that the packet came in. Nothing is written that is there
/// already.
///
/// A SYN does not keep an entry from going idle: a client that tries again and again on a blocked
/// flow's ports gets a new flow in the end.
///
/// # Safety
/// `verdict` was looked up in this run.
#[inline(always)]
unsafe fn note<H: Hooked, K>(verdict: *mut VerdictEntry, first: FirstWord, packet: &FlowPacket<K>) {
    let opens = tcp::opens(packet.tcp_flags);
    let tick = settings::tick();
    // SAFETY: the caller's promise. Two CPUs write the same tick, or ones that differ by one.
    unsafe {
        let last_seen = &raw mut (*verdict).last_seen;
        if ptr::read_volatile(last_seen) != tick && !opens {
            ptr::write_volatile(last_seen, tick);
        }
        let state = State::seen_at(H::HOOK, packet.direction);
        let bits = VerdictEntry::first_word_bits(packet.direction, packet.tcp_flags, state);
        first.add(verdict, bits);
    }
}
