//! Packets for the tests of this crate.

use crate::parse::{Fragment, Notes, Packet, Tags, Tunnel, proto, tcp};
use crate::{Key, KeyV4, TenantIds};

/// A TCP packet with so many bytes of payload behind 40 of headers and 14 of Ethernet.
pub(crate) fn tcp(payload: u32) -> Packet {
    let ends = (([198, 18, 0, 1], 40_000), ([198, 18, 0, 2], 443));
    let (key, direction) = KeyV4::new(ends.0, ends.1, 0, proto::TCP);
    Packet {
        key: Key::V4(key),
        direction,
        fragment: Fragment::Whole { id: 1 },
        l3: 14,
        l4: 34,
        payload: 54,
        end: 54 + payload,
        tcp_flags: tcp::ACK,
        notes: Notes::NONE,
        tags: Tags::default(),
        tunnel: Tunnel::None,
        tenant: TenantIds::NONE,
    }
}
