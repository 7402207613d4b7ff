//! The decision path: common packets straight through, the others by way of [`general`].

use core::ptr;

use ndpi_common::parse::{Packet, Tags, View, ethertype, fast_v4, fast_v6, tcp};
use ndpi_common::{Action, Direction, Outcome, Reason, SampleFlags, State, Switches, Verdict};

use crate::atomic;
use crate::count;
use crate::family::Family;
use crate::forwarded;
use crate::general::{Layer, exempt, general};
use crate::hook::Hooked;
use crate::limit;
use crate::reopen;
use crate::seen::Seen;
use crate::settings;
use crate::show;
use crate::undecided::undecided;

/// Decides on a packet.
#[inline(always)]
pub(crate) fn handle<H: Hooked>(frame: H) -> i32 {
    if frame.is_answer() {
        return exempt(frame, Reason::Answer, Layer::Link);
    }
    // The common form knows nothing of tunnels, nor of tags that the hardware took off.
    if settings::is_on(Switches::TUNNELS) || frame.start().is_some() {
        return general(frame, Layer::Link);
    }
    let Some(link) = frame.head(18) else { return general(frame, Layer::Link) };
    let answer = match (link.be16::<12>(), link.be16::<16>()) {
        (ethertype::IPV4, _) => common(frame, fast_v4(&frame, 14, Tags::default())),
        (ethertype::IPV6, _) => common_v6(frame),
        (ethertype::VLAN, ethertype::IPV4) => tagged_v4(frame, link.be16::<14>()),
        (ethertype::VLAN, ethertype::IPV6) => tagged_v6(frame, link.be16::<14>()),
        _ => NOT_COMMON,
    };
    if answer == NOT_COMMON { general(frame, Layer::Link) } else { answer }
}

/// Decides on a packet of an interface without a link header.
#[inline(always)]
pub(crate) fn handle_l3<H: Hooked>(frame: H) -> i32 {
    if frame.is_answer() {
        return exempt(frame, Reason::Answer, Layer::Network);
    }
    if settings::is_on(Switches::TUNNELS) {
        return general(frame, Layer::Network);
    }
    // The shortest header. Of a single byte the compiler makes a comparison that no verifier follows.
    let Some(ip) = frame.head(20) else { return general(frame, Layer::Network) };
    let answer = match ip.byte::<0>() >> 4 {
        4 => l3_v4(frame),
        6 => l3_v6(frame),
        _ => NOT_COMMON,
    };
    if answer == NOT_COMMON { general(frame, Layer::Network) } else { answer }
}

/// Not an answer to the kernel: the packet is not of the common form.
const NOT_COMMON: i32 = -2;
/// Not an answer to the kernel: nothing speaks against the outer flow, and what is inside decides.
pub(crate) const OPENED: i32 = -3;

/// A subprogram, for the sake of the stack: a key takes 40 bytes here.
#[inline(never)]
fn common_v6<H: Hooked>(frame: H) -> i32 {
    common(frame, fast_v6(&frame, 14, Tags::default()))
}

/// IPv4 behind one tag.
#[inline(never)]
fn tagged_v4<H: Hooked>(frame: H, tci: u16) -> i32 {
    common(frame, fast_v4(&frame, 18, Tags::one(tci)))
}

/// IPv6 behind one tag.
#[inline(never)]
fn tagged_v6<H: Hooked>(frame: H, tci: u16) -> i32 {
    common(frame, fast_v6(&frame, 18, Tags::one(tci)))
}

/// IPv4 without a link header.
#[inline(never)]
fn l3_v4<H: Hooked>(frame: H) -> i32 {
    common(frame, fast_v4(&frame, 0, Tags::default()))
}

/// IPv6 without a link header.
#[inline(never)]
fn l3_v6<H: Hooked>(frame: H) -> i32 {
    common(frame, fast_v6(&frame, 0, Tags::default()))
}

#[inline(always)]
fn common<H: Hooked, K: Family>(frame: H, packet: Option<Packet<K>>) -> i32 {
    match packet {
        Some(packet) => decide(frame, Seen::new(frame, packet.key, &packet)),
        None => NOT_COMMON,
    }
}

/// Acts on the flow's verdict, or hands the packet to [`undecided`].
#[inline(always)]
pub(crate) fn decide<H: Hooked, K: Family>(frame: H, mut seen: Seen<K>) -> i32 {
    seen.key.join_last_word();
    let verdict = seen.key.verdict();
    if forwarded::was_seen(frame, &seen.key, verdict, seen.direction) {
        return count::leave(frame, Outcome::Passed, Reason::SeenAtIngress, seen.weight);
    }
    if let Some(verdict) = verdict {
        // SAFETY: looked up just now.
        match unsafe { decided(frame, verdict, &seen) } {
            Standing::Acts(Outcome::Passed, _) if seen.is_opened() => return OPENED,
            Standing::Acts(outcome, reason) => {
                return count::leave(frame, outcome, reason, seen.weight);
            }
            Standing::LetThrough => {}
            Standing::Knocks => seen.begins = true,
            Standing::Over => {
                // On every sample until user space has noticed: the ring may have no room for one.
                seen.flags |= SampleFlags::REOPENED;
                seen.begins = tcp::opens(seen.tcp_flags);
            }
        }
    }
    if seen.is_a_lie() && settings::is_on_now(Switches::DROP_UNPARSABLE) {
        return count::leave(frame, Outcome::Dropped, seen.reason, seen.weight);
    }
    undecided(frame, &seen)
}

/// What a verdict says to a packet.
pub(crate) enum Standing {
    /// This becomes of it.
    Acts(Outcome, Reason),
    /// It is let through in spite of the verdict.
    LetThrough,
    /// The same, and with it another connection may begin.
    Knocks,
    /// The verdict is over.
    Over,
}

/// The first word of a verdict, which says nearly all.
#[derive(Clone, Copy)]
pub(crate) struct Head4(u32);

impl Head4 {
    /// # Safety
    /// `verdict` was looked up in this run.
    #[inline(always)]
    pub(crate) unsafe fn read(verdict: *mut Verdict) -> Self {
        // SAFETY: the caller's promise; the first four bytes of an aligned entry.
        Self(unsafe { ptr::read_volatile(verdict.cast::<u32>()) })
    }

    #[inline(always)]
    #[expect(clippy::cast_possible_truncation, reason = "takes the word's bytes apart")]
    pub(crate) const fn byte(self, index: u32) -> u8 {
        (self.0 >> (8 * index)) as u8
    }
}

/// Acts on a verdict, and counts the packet in it.
///
/// # Safety
/// `verdict` was looked up in this run.
#[inline(always)]
pub(crate) unsafe fn decided<H: Hooked, K: Family>(
    frame: H,
    verdict: *mut Verdict,
    seen: &Seen<K>,
) -> Standing {
    // SAFETY: the caller's promise.
    let head = unsafe { Head4::read(verdict) };
    if head.byte(3) & State::UNSETTLED | seen.tcp_flags & tcp::SYN != 0 {
        match reopen::by(frame, verdict, seen) {
            reopen::IN_FORCE => {}
            reopen::LET_THROUGH => return Standing::LetThrough,
            reopen::KNOCKS => return Standing::Knocks,
            _ => return Standing::Over,
        }
    }
    let action = head.byte(0);
    // SAFETY: the caller's promise.
    unsafe { note::<H, K>(verdict, head, seen) };
    if action == Action::Bypass as u8 {
        return Standing::Acts(Outcome::Passed, Reason::Bypass);
    }
    // SAFETY: the caller's promise.
    let before = unsafe { count::tally(verdict, seen.direction, seen.weight) };
    if action == Action::Drop as u8 {
        Standing::Acts(Outcome::Dropped, Reason::Drop)
    } else if action == Action::Count as u8 {
        Standing::Acts(Outcome::Passed, Reason::Count)
    } else if action == Action::Limit as u8 {
        // SAFETY: the caller's promise.
        Standing::Acts(unsafe { limit::outcome(verdict, seen.weight) }, Reason::Limit)
    } else if action == Action::Reject as u8 {
        if before.packets == 0 && !seen.is_error {
            show::rejected(frame, seen);
        }
        Standing::Acts(Outcome::Dropped, Reason::Reject)
    } else {
        Standing::LetThrough
    }
}

/// Whether the last packet is longer ago than a flow may pause. A time ahead of the clock, which
/// user space may write just before it advances the clock, is not.
#[inline(always)]
pub(crate) fn is_idle(last_seen: u32) -> bool {
    let pause = settings::tick().wrapping_sub(last_seen).cast_signed();
    pause > settings::idle_ticks().cast_signed()
}

/// Notes the time, new TCP flags, and that the packet came in. Nothing is written that is there
/// already: the entry of a busy flow stays shared between the CPUs' caches as far as its counters allow.
///
/// A SYN does not keep an entry from going idle: a client that tries again and again on a blocked
/// flow's ports gets a new flow in the end.
///
/// # Safety
/// `verdict` was looked up in this run.
#[inline(always)]
unsafe fn note<H: Hooked, K>(verdict: *mut Verdict, head: Head4, seen: &Seen<K>) {
    let opens = tcp::opens(seen.tcp_flags);
    let tick = settings::tick();
    // SAFETY: the caller's promise. Two CPUs write the same tick, or ones that differ by one.
    unsafe {
        let last_seen = &raw mut (*verdict).last_seen;
        if ptr::read_volatile(last_seen) != tick && !opens {
            ptr::write_volatile(last_seen, tick);
        }
    }
    let shift = match seen.direction {
        Direction::FromLower => 8,
        Direction::FromUpper => 16,
    };
    let flags = u32::from(seen.tcp_flags) << shift | u32::from(forwarded::bit::<H, K>(seen)) << 24;
    if head.0 & flags != flags {
        // SAFETY: the caller's promise; the first word of an aligned entry.
        unsafe { atomic::or32(verdict.cast(), flags) };
    }
}
