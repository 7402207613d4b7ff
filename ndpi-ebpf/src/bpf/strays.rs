//! Fragments whose first was not seen: user space puts them together with it, if it comes.

use core::mem::MaybeUninit;

use ndpi_common::parse::{Packet, proto};
use ndpi_common::{
    Backlog, Disposition, FlowPacket, FragmentKey, Key, Reason, SampleFlags, StrayBudget, Switches,
    Weight, is_put_together,
};

use super::at_hand;
use super::count;
use super::family::Family;
use super::hook::Hooked;
use super::maps::STRAYS;
use super::sequence;
use super::settings;
use super::show::{Answer, answer_of, result_of, show};
use super::undecided;

/// Decides on a later fragment whose first was not seen. A subprogram, for the sake of the stack.
#[inline(never)]
pub(super) fn leave<H: Hooked>(frame: H, packet: &Packet, id: u32) -> i32 {
    let weight = Weight::single(packet.ip_len());
    if frame.is_forwarded() {
        return count::leave(frame, Disposition::Pass(Reason::SeenAtIngress), weight);
    }
    if settings::is_on_now(Switches::DROP_UNKNOWN_FRAGMENTS) {
        return count::leave(frame, Disposition::Drop(Reason::FragmentUnknown), weight);
    }
    if has_budget(packet, id) == 0 {
        return count::leave(frame, beyond(packet), weight);
    }
    let reason = match show_of(frame, packet) {
        Ok(()) => Reason::Shown,
        Err(reason) => reason,
    };
    count::leave(frame, Disposition::Pass(reason), weight)
}

/// Where nobody looks at it: where answers are held, it may be of what one is asked with, and TCP sends it again.
#[inline(always)]
fn beyond(packet: &Packet) -> Disposition {
    let is_tcp = match &packet.key {
        Key::V4(key) => key.proto == proto::TCP,
        Key::V6(key) => key.proto == proto::TCP,
        Key::Tenant(_) => false,
    };
    if is_tcp && settings::is_on_now(Switches::HOLD) && settings::budget() > 0 {
        Disposition::Drop(Reason::Held)
    } else {
        Disposition::Pass(Reason::FragmentUnknown)
    }
}

/// Shows it as a packet of its flow, without ports.
#[inline(always)]
fn show_of<H: Hooked>(frame: H, packet: &Packet) -> Result<(), Reason> {
    if packet.tenant.is_some() {
        let Some(key) = at_hand::tenant_key(frame, packet) else { return Err(Reason::RingFull) };
        return result_of(show_as(frame, packet, key));
    }
    match &packet.key {
        Key::V4(key) => result_of(show_as(frame, packet, key)),
        Key::V6(key) => result_of(show_as(frame, packet, key)),
        // Only `tenant_key` makes one.
        Key::Tenant(_) => Err(Reason::RingFull),
    }
}

/// Whether it may be of a datagram that is put together, and its sender has not had its share already. A subprogram,
/// for the sake of the stack.
#[inline(never)]
fn has_budget(packet: &Packet, id: u32) -> u32 {
    // What a later fragment says of its protocol need not be true in IPv6.
    let is_of_use = match &packet.key {
        Key::V4(key) => is_put_together(key.proto),
        Key::V6(_) | Key::Tenant(_) => true,
    };
    if !is_of_use || settings::budget() == 0 {
        return 0;
    }
    let key = FragmentKey::of(packet, id);
    let tick = settings::now();
    let sender = key.sender(settings::division().seed);
    u32::from(
        take(sender, tick, StrayBudget::PER_SENDER)
            && take(StrayBudget::SENDERS, tick, StrayBudget::OF_ALL),
    )
}

#[inline(always)]
fn take(entry: u32, tick: u32, most: u32) -> bool {
    let Some(budget) = STRAYS.get_ptr_mut(entry) else { return false };
    // SAFETY: this CPU's own entry. A program of the other hook that interrupts this one may have its count forgotten
    // or counted twice: a few more or fewer are shown.
    unsafe {
        let more = (*budget).with_one_more(tick, most);
        more.is_some_and(|more| {
            *budget = more;
            true
        })
    }
}

/// A subprogram, for the sake of the stack.
#[inline(never)]
fn show_as<H: Hooked, K: Family>(frame: H, packet: &Packet, key: &K) -> Answer {
    let Some(at) = undecided::at_hand::<H, K>() else { return answer_of(Err(Reason::RingFull)) };
    // SAFETY: as in `slow_path`; nothing else refers to this entry.
    let at = unsafe { &mut *at.cast::<MaybeUninit<FlowPacket<K>>>() };
    let fragment = at.write(FlowPacket::new(*key, packet, 0));
    sequence::note_nothing::<H>();
    answer_of(show(frame, fragment, 1, SampleFlags::STRAY, Backlog::before(fragment, true)))
}
