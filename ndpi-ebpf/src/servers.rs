//! Servers that are blocked: their flows are dropped from the first packet on.

use ndpi_common::Direction;
use ndpi_common::parse::tcp;

use crate::family::Family;
use crate::maps::SERVERS;
use crate::seen::Seen;
use crate::settings;

/// Which way the client's packets go in a flow that `seen` opens: its sender is the client, but for
/// a SYN+ACK, which a server sends. User space sees it the same way.
#[inline(always)]
pub(crate) fn client<K: Family>(seen: &Seen<K>) -> Direction {
    if tcp::accepts(seen.tcp_flags) { seen.direction.opposite() } else { seen.direction }
}

/// Whether flows to the server of this one are dropped now.
#[inline(always)]
pub(crate) fn is_blocked<K: Family>(seen: &Seen<K>, client: Direction) -> bool {
    settings::has_servers() && look_up(&seen.key, client) != 0
}

/// A subprogram, for the sake of the stack.
#[inline(never)]
fn look_up<K: Family>(key: &K, client: Direction) -> u32 {
    let Some(server) = SERVERS.get_ptr(key.server_of(client)) else { return 0 };
    // SAFETY: looked up just now; its memory stays a server's. If the entry is removed meanwhile, it
    // may be another one's already: this packet then fares as that one's.
    let server = unsafe { *server };
    u32::from(server.blocks_at(settings::tick()))
}
