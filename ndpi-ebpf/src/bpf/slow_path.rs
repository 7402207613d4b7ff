//! The slow path: packets that are not of the common form: tags, options, extension headers, fragments, tunnels,
//! and everything that is not IP.

use core::mem::{self, MaybeUninit};

use ndpi_common::parse::{
    self, ETHERNET_LEN, Fragment, Link, MAX_DEPTH, Notes, Options, Packet, Refusal, Source, Tunnel,
    ethernet, ethertype, layer3, step_over,
};
use ndpi_common::{Disposition, FlowPacket, Key, Reason, Switches, Weight};

use super::answer::{NO_ERROR, OPENED};
use super::at_hand;
use super::count;
use super::decide::decide;
use super::ends;
use super::family::Family;
use super::fragments;
use super::hook::Hooked;
use super::maps::{SCRATCH, Scratch};
use super::quoted;
use super::settings;
use super::strays;
use super::undecided;

/// What packets begin with on an interface: part of the program that is attached there.
#[repr(u32)]
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Layer {
    /// With an Ethernet header.
    Link,
    /// With an IP header.
    Network,
}

/// Decides on a packet of any form. A subprogram of its own, so that the common path stays small.
#[inline(never)]
pub(super) fn slow_path<H: Hooked>(frame: H, first: Layer) -> i32 {
    let Some(scratch) = SCRATCH.get_ptr_mut(Scratch::Packet.of(H::HOOK)) else { return H::PASS };
    // SAFETY: this CPU's own entry for this hook, and programs of one hook do not interrupt each
    // other on a CPU (see `count::leave`). It has room for a packet and its alignment, and nothing
    // else refers to it.
    let packet = unsafe { &mut *scratch.cast::<MaybeUninit<Packet>>() };
    match parse(frame, first, packet) {
        Ok(()) if settings::is_on(Switches::TUNNELS) => layers(frame, packet),
        // SAFETY: written by `parse`, which refused nothing.
        Ok(()) => flow(frame, unsafe { packet.assume_init_mut() }),
        Err(refusal) => refuse(frame, refusal, first),
    }
}

/// Passes a packet whatever its flow's verdict is.
#[inline(never)]
pub(super) fn exempt<H: Hooked>(packet: H, reason: Reason, first: Layer) -> i32 {
    count::leave(packet, Disposition::Pass(reason), behind_link(packet, first))
}

/// Parses in steps that are subprograms of their own: their stack is free again when the flow is
/// looked up, and all frames of a call chain together have 512 bytes.
#[inline(always)]
fn parse<H: Hooked>(
    frame: H,
    first: Layer,
    packet: &mut MaybeUninit<Packet>,
) -> Result<(), Refusal> {
    let Some(link) = at_hand::link(frame) else { return Err(Refusal::NotIp) };
    match first {
        Layer::Link => find_network(frame, link)?,
        Layer::Network => find_layer3(frame, link)?,
    }
    // SAFETY: written by `find_network` or `find_layer3`, which refused nothing.
    network(frame, unsafe { link.assume_init_ref() }, packet)?;
    if first == Layer::Network {
        // SAFETY: written by `network`, which refused nothing.
        unsafe { packet.assume_init_mut() }.notes |= Notes::NO_LINK;
    }
    Ok(())
}

#[inline(never)]
fn find_network<H: Hooked>(frame: H, found: &mut MaybeUninit<Link>) -> Result<(), Refusal> {
    found.write(match frame.start() {
        Some(link) => step_over(&frame, link)?,
        None => ethernet(&frame)?,
    });
    Ok(())
}

#[inline(never)]
fn find_layer3<H: Hooked>(frame: H, found: &mut MaybeUninit<Link>) -> Result<(), Refusal> {
    found.write(layer3(&frame)?);
    Ok(())
}

#[inline(always)]
fn network<H: Hooked>(
    frame: H,
    link: &Link,
    found: &mut MaybeUninit<Packet>,
) -> Result<(), Refusal> {
    match link.ethertype {
        ethertype::IPV4 => ipv4(frame, link, found),
        ethertype::IPV6 => ipv6(frame, link, found),
        _ => Err(Refusal::NotIp),
    }
}

#[inline(never)]
fn ipv4<H: Hooked>(frame: H, link: &Link, found: &mut MaybeUninit<Packet>) -> Result<(), Refusal> {
    parse::ipv4_into(&frame, link, Options::LENIENT, found)
}

#[inline(never)]
fn ipv6<H: Hooked>(frame: H, link: &Link, found: &mut MaybeUninit<Packet>) -> Result<(), Refusal> {
    parse::ipv6_into(&frame, link, Options::LENIENT, found)
}

/// Decides on a packet that may be a tunnel's: first by its own flow, whatever is inside, then by that of
/// the packet inside.
#[inline(always)]
fn layers<H: Hooked>(frame: H, outer: &mut MaybeUninit<Packet>) -> i32 {
    let Some(scratch) = SCRATCH.get_ptr_mut(Scratch::Inner.of(H::HOOK)) else { return H::PASS };
    // SAFETY: as in `slow_path`; this entry is only used here.
    let inner = unsafe { &mut *scratch.cast::<MaybeUninit<Packet>>() };
    let (mut outer, mut inner) = (outer, inner);
    for _ in 0..MAX_DEPTH {
        if !open(frame, outer, inner) {
            break;
        }
        // SAFETY: initialised by whoever called, or by `open` in the round before.
        let packet = unsafe { outer.assume_init_mut() };
        packet.notes |= Notes::OUTER;
        let answer = undecided::go_on(frame, flow(frame, packet));
        if answer != OPENED {
            return answer;
        }
        mem::swap(&mut outer, &mut inner);
    }
    // SAFETY: as above.
    flow(frame, unsafe { outer.assume_init_mut() })
}

/// Reads the packet inside a tunnel's; says whether there is one. `packet` is initialised.
#[inline(always)]
fn open<H: Hooked>(
    frame: H,
    packet: &MaybeUninit<Packet>,
    inner: &mut MaybeUninit<Packet>,
) -> bool {
    // SAFETY: the caller's promise.
    let packet = unsafe { packet.assume_init_ref() };
    if settings::is_on(Switches::TUNNEL_ENDS) && !ends::are_given(packet) {
        return false;
    }
    let Some(link) = at_hand::link(frame) else { return false };
    let tunnel = entrance(frame, packet, link);
    if matches!(tunnel, Tunnel::None) {
        return false;
    }
    // SAFETY: written by `entrance`, which found a tunnel.
    if network(frame, unsafe { link.assume_init_ref() }, inner).is_err() {
        return false;
    }
    // SAFETY: written by `network`, which refused nothing.
    let inner = unsafe { inner.assume_init_mut() };
    inner.tunnel = tunnel;
    inner.notes |= packet.notes & Notes::NO_LINK;
    true
}

#[inline(never)]
fn entrance<H: Hooked>(frame: H, packet: &Packet, found: &mut MaybeUninit<Link>) -> Tunnel {
    let Some((tunnel, link)) = parse::entrance(&frame, packet) else { return Tunnel::None };
    found.write(link);
    tunnel
}

/// A subprogram, for the sake of the stack: once, with a frame of its own, in place of one in that of each caller.
#[inline(never)]
fn flow<H: Hooked>(frame: H, packet: &mut Packet) -> i32 {
    match packet.fragment {
        Fragment::Whole { .. } => {}
        Fragment::First { id } => fragments::learn(packet, id),
        Fragment::Later { id } => {
            if !fragments::join(packet, id) {
                return strays::leave(frame, packet, id);
            }
        }
    }
    let answer = quoted::answer(frame, packet);
    if answer != NO_ERROR {
        return answer;
    }
    if packet.tenant.is_some() {
        let Some(key) = at_hand::tenant_key(frame, packet) else { return H::PASS };
        return flow_of(frame, packet, key);
    }
    match &packet.key {
        Key::V4(key) => flow_of(frame, packet, key),
        Key::V6(key) => flow_of(frame, packet, key),
        // Only `tenant_key` makes one.
        Key::Tenant(_) => H::PASS,
    }
}

#[inline(never)]
fn flow_of<H: Hooked, K: Family>(frame: H, packet: &Packet, key: &K) -> i32 {
    let Some(flow) = undecided::at_hand::<H, K>() else { return H::PASS };
    // SAFETY: as in `slow_path`; nothing else refers to this entry.
    let flow = unsafe { &mut *flow.cast::<MaybeUninit<FlowPacket<K>>>() };
    decide(frame, flow.write(FlowPacket::new(*key, packet, frame.segment_size())))
}

/// A subprogram, for the sake of the stack.
#[inline(never)]
fn refuse<H: Hooked>(frame: H, refusal: Refusal, first: Layer) -> i32 {
    // Without a flow there is nothing to look for; XDP has judged it.
    if frame.is_forwarded() {
        return exempt(frame, Reason::SeenAtIngress, first);
    }
    let drops = match refusal {
        Refusal::TooManyExtensions => settings::is_on(Switches::DROP_LONG_CHAINS),
        _ => refusal.is_malformed() && settings::is_on_now(Switches::DROP_UNPARSABLE),
    };
    let disposition = Disposition::drop_if(drops, refusal.reason());
    count::leave(frame, disposition, behind_link(frame, first))
}

#[inline(always)]
fn behind_link<H: Hooked>(frame: H, first: Layer) -> Weight {
    let link = if first == Layer::Link { ETHERNET_LEN } else { 0 };
    Weight::single(Source::len(&frame).saturating_sub(link))
}
