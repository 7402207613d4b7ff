//! Which tunnels are opened.

use aya_ebpf::btf_maps::lpm_trie;
use ndpi_common::parse::Packet;
use ndpi_common::{Key, TenantKey};

use super::maps::TUNNEL_ENDS;

/// Whether both ends of a tunnel are in networks that were given.
#[inline(never)]
pub(super) fn are_given(packet: &Packet) -> bool {
    match &packet.key {
        Key::V4(key) => is_given(mapped(key.lower)) && is_given(mapped(key.upper)),
        Key::V6(key) | Key::Tenant(TenantKey { flow: key, .. }) => {
            is_given(key.lower) && is_given(key.upper)
        }
    }
}

#[inline(never)]
fn is_given(address: [u8; 16]) -> bool {
    TUNNEL_ENDS.get(&lpm_trie::Key::new(128, address)).is_some()
}

/// The IPv4-mapped IPv6 address.
#[inline(always)]
fn mapped(address: [u8; 4]) -> [u8; 16] {
    let [a, b, c, d] = address;
    [0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff, a, b, c, d]
}
