//! The fast path: packets of the common form, read in place at constant offsets.

use core::ptr;

use ndpi_common::parse::{Packet, Tags, View, ethertype, fast_v4, fast_v6};
use ndpi_common::{FlowPacket, SampleFlags, Switches};

use super::answer::NOT_COMMON;
use super::decide::decide;
use super::family::Family;
use super::hook::Hooked;
use super::settings;
use super::undecided::at_hand;

/// Decides on a packet with an Ethernet header, if it is of the common form.
#[inline(always)]
pub(super) fn link<H: Hooked>(frame: H) -> i32 {
    // The common form knows nothing of tunnels, nor of tags that the hardware took off.
    if settings::is_on(Switches::TUNNELS) || frame.start().is_some() {
        return NOT_COMMON;
    }
    let Some(link) = frame.head(18) else { return NOT_COMMON };
    match (link.be16::<12>(), link.be16::<16>()) {
        (ethertype::IPV4, _) => common(frame, fast_v4(&frame, 14, Tags::default())),
        (ethertype::IPV6, _) => common_v6(frame),
        (ethertype::VLAN, ethertype::IPV4) => tagged_v4(frame, link.be16::<14>()),
        (ethertype::VLAN, ethertype::IPV6) => tagged_v6(frame, link.be16::<14>()),
        _ => NOT_COMMON,
    }
}

/// Decides on a packet of an interface without a link header, if it is of the common form.
#[inline(always)]
pub(super) fn network<H: Hooked>(frame: H) -> i32 {
    if settings::is_on(Switches::TUNNELS) {
        return NOT_COMMON;
    }
    // The shortest header. Of a single byte the compiler makes a comparison that no verifier follows.
    let Some(ip) = frame.head(20) else { return NOT_COMMON };
    match ip.byte::<0>() >> 4 {
        4 => l3_v4(frame),
        6 => l3_v6(frame),
        _ => NOT_COMMON,
    }
}

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
    common_of(frame, fast_v4(&frame, 0, Tags::default()), SampleFlags::NO_LINK)
}

/// IPv6 without a link header.
#[inline(never)]
fn l3_v6<H: Hooked>(frame: H) -> i32 {
    common_of(frame, fast_v6(&frame, 0, Tags::default()), SampleFlags::NO_LINK)
}

#[inline(always)]
fn common<H: Hooked, K: Family>(frame: H, packet: Option<Packet<K>>) -> i32 {
    common_of(frame, packet, 0)
}

/// As [`common`], of a frame that has these flags of [`SampleFlags`] besides.
#[inline(always)]
fn common_of<H: Hooked, K: Family>(frame: H, packet: Option<Packet<K>>, flags: u32) -> i32 {
    match packet {
        Some(packet) => {
            let mut packet = FlowPacket::new(packet.key, &packet, frame.segment_size());
            packet.flags |= flags;
            let answer = decide(frame, &mut packet);
            if answer == K::UNDECIDED { hand_over::<H, K>(&packet) } else { answer }
        }
        None => NOT_COMMON,
    }
}

/// Leaves a packet of a flow without a verdict to whoever called.
#[inline(always)]
fn hand_over<H: Hooked, K: Family>(packet: &FlowPacket<K>) -> i32 {
    let Some(to) = at_hand::<H, K>() else { return H::PASS };
    // SAFETY: this CPU's own entry for this hook, with room for it (see `undecided`). Given by value, it would be on the
    // stack twice.
    unsafe { ptr::copy_nonoverlapping(packet, to, 1) };
    K::UNDECIDED
}
