//! Fragments: the first one of a datagram has the ports and the protocol, the later ones follow it.

use core::ptr;

use ndpi_common::parse::Packet;
use ndpi_common::{FragmentKey, FragmentPorts};

use super::maps::FRAGMENTS;

/// Notes what a first fragment tells. When there is no room, later fragments will be unknown.
#[inline(always)]
pub(super) fn learn(packet: &Packet, id: u32) {
    let _ = insert(packet, id);
}

/// A subprogram, which has to answer something.
#[inline(never)]
fn insert(packet: &Packet, id: u32) -> i32 {
    let key = FragmentKey::of(packet, id);
    i32::from(FRAGMENTS.insert(key, FragmentPorts::of(packet, &key), 0).is_ok())
}

/// Gives a later fragment what its first told; says whether that has been seen.
#[inline(never)]
pub(super) fn join(packet: &mut Packet, id: u32) -> bool {
    let key = FragmentKey::of(packet, id);
    let Some(ports) = FRAGMENTS.get_ptr(key) else { return false };
    // SAFETY: looked up just now: its memory stays that of some datagram's. An aligned word.
    let ports = unsafe { ptr::read_volatile(ports) };
    let is_ours = ports.is_of(&key);
    if is_ours {
        packet.join(ports);
    }
    is_ours
}
