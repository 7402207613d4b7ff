//! Fragments: the first one of a datagram has the ports, the later ones follow it.

use ndpi_common::parse::Packet;
use ndpi_common::{FragmentKey, FragmentPorts};

use crate::maps::FRAGMENTS;

/// Notes the ports of a first fragment. When there is no room, later fragments will be unknown; the
/// first is not: always true.
#[inline(never)]
pub(crate) fn learn(packet: &Packet, id: u32) -> bool {
    let (source, destination) = packet.ports();
    let key = FragmentKey::new(&packet.key, packet.direction, id);
    let _ = FRAGMENTS.insert(key, FragmentPorts { source, destination }, 0);
    true
}

/// Gives a later fragment the ports of its first; says whether that has been seen.
#[inline(never)]
pub(crate) fn join(packet: &mut Packet, id: u32) -> bool {
    let key = FragmentKey::new(&packet.key, packet.direction, id);
    let Some(ports) = FRAGMENTS.get_ptr(key) else { return false };
    // SAFETY: looked up just now; the entry is read whole or, while it is rewritten, in halves that
    // each were ports of these addresses.
    let FragmentPorts { source, destination } = unsafe { *ports };
    packet.set_ports(source, destination);
    true
}
