//! Servers that are blocked: their flows are dropped from the first packet on.

use ndpi_common::{Direction, FlowPacket};

use super::family::Family;
use super::maps::SERVERS;
use super::settings;

/// Whether flows to the server of this one are dropped now.
#[inline(always)]
pub(super) fn is_blocked<K: Family>(packet: &FlowPacket<K>, client: Direction) -> bool {
    let Some(server) = packet.key.server_of(client) else { return false };
    let Some(server) = SERVERS.get_ptr(server) else { return false };
    // SAFETY: looked up just now; its memory stays a server's. If the entry is removed meanwhile, it
    // may be another one's already: this packet then fares as that one's.
    let server = unsafe { *server };
    server.blocks_at(settings::tick())
}
