//! ICMP errors: the verdict of the flow that they are about decides on them.

use core::mem::MaybeUninit;

use ndpi_common::parse::{self, Fragment, Link, Options, Packet, ethertype, is_about, quotation};
use ndpi_common::{Disposition, FlowPacket, Key, Reason};

use super::answer::NO_ERROR;
use super::at_hand;
use super::count;
use super::family::Family;
use super::forwarded;
use super::fragments;
use super::hook::Hooked;
use super::maps::{SCRATCH, Scratch};
use super::undecided;
use super::verdict::{Ruling, ruling};

/// Decides on an ICMP error about a flow with a verdict. Others are packets of the ICMP flow
/// between the hosts that they go between, and shown as such.
///
/// In steps that are subprograms of their own, none of which calls the next: the stack of one is free again when the
/// next begins.
#[inline(always)]
pub(super) fn answer<H: Hooked>(frame: H, error: &Packet) -> i32 {
    if !quotes(frame, error) {
        return NO_ERROR;
    }
    let Some(quoted) = quoted(frame) else { return NO_ERROR };
    // SAFETY: written by `quotes`, which said so.
    let quoted = unsafe { quoted.assume_init_mut() };
    if !fits(error, quoted) {
        return NO_ERROR;
    }
    if quoted.tenant.is_some() {
        let Some(key) = at_hand::tenant_key(frame, quoted) else { return NO_ERROR };
        return answer_for(frame, key, error, quoted);
    }
    match &quoted.key {
        Key::V4(key) => answer_for(frame, key, error, quoted),
        Key::V6(key) => answer_for(frame, key, error, quoted),
        // Only `tenant_key` makes one.
        Key::Tenant(_) => NO_ERROR,
    }
}

/// Reads the packet that an error quotes; says whether there is one.
#[inline(always)]
fn quotes<H: Hooked>(frame: H, error: &Packet) -> bool {
    let Some(link) = at_hand::link(frame) else { return false };
    if !find(frame, error, link) {
        return false;
    }
    let Some(quoted) = quoted(frame) else { return false };
    // SAFETY: written by `find`, which said so.
    read(frame, unsafe { link.assume_init_ref() }, quoted)
}

/// Where the packet that an error quotes is put.
#[inline(always)]
fn quoted<H: Hooked>(_: H) -> Option<&'static mut MaybeUninit<Packet>> {
    let scratch = SCRATCH.get_ptr_mut(Scratch::Quoted.of(H::HOOK))?;
    // SAFETY: as in `slow_path`; this entry is only used here.
    Some(unsafe { &mut *scratch.cast() })
}

/// Whether an error can be about the packet that it quotes, and the flow of that is known.
#[inline(never)]
fn fits(error: &Packet, quoted: &mut Packet) -> bool {
    is_about(error, quoted) && has_ports(quoted)
}

#[inline(never)]
fn find<H: Hooked>(frame: H, error: &Packet, found: &mut MaybeUninit<Link>) -> bool {
    quotation(&frame, error).map(|link| found.write(link)).is_some()
}

#[inline(always)]
fn read<H: Hooked>(frame: H, link: &Link, quoted: &mut MaybeUninit<Packet>) -> bool {
    match link.ethertype {
        ethertype::IPV4 => ipv4(frame, link, quoted),
        _ => ipv6(frame, link, quoted),
    }
}

#[inline(never)]
fn ipv4<H: Hooked>(frame: H, link: &Link, quoted: &mut MaybeUninit<Packet>) -> bool {
    parse::ipv4_into(&frame, link, Options::QUOTED, quoted).is_ok()
}

#[inline(never)]
fn ipv6<H: Hooked>(frame: H, link: &Link, quoted: &mut MaybeUninit<Packet>) -> bool {
    parse::ipv6_into(&frame, link, Options::QUOTED, quoted).is_ok()
}

/// A later fragment has the ports of its first, if that went through here.
#[inline(always)]
fn has_ports(quoted: &mut Packet) -> bool {
    match quoted.fragment {
        Fragment::Whole { .. } | Fragment::First { .. } => true,
        Fragment::Later { id } => fragments::join(quoted, id),
    }
}

#[inline(never)]
fn answer_for<H: Hooked, K: Family>(frame: H, key: &K, error: &Packet, quoted: &Packet) -> i32 {
    let Some(verdict) = key.verdict() else { return NO_ERROR };
    let Some(packet) = undecided::at_hand::<H, K>() else { return NO_ERROR };
    // SAFETY: as in `slow_path`; nothing else refers to this entry, and the error is not written there as a packet of
    // its own flow before this is done.
    let packet = unsafe { &mut *packet.cast::<MaybeUninit<FlowPacket<K>>>() };
    let packet =
        packet.write(FlowPacket::about(*key, error, frame.segment_size(), quoted.direction));
    if forwarded::was_seen(frame, key, Some(verdict), packet.direction) {
        return count::leave(frame, Disposition::Pass(Reason::SeenAtIngress), packet.weight);
    }
    // SAFETY: looked up just now.
    match unsafe { ruling(frame, verdict, packet) } {
        Ruling::Acts(disposition) => count::leave(frame, disposition, packet.weight),
        Ruling::LetThrough | Ruling::Knocks | Ruling::Over => NO_ERROR,
    }
}
