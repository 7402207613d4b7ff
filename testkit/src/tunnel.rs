//! Tunnels whose headers say whose packets they carry.

use ndpi_common::{Key, TenantIds, TenantKind};

use crate::frame::{Talk, UDP, inside};

/// All kinds.
pub const KINDS: [TenantKind; 4] =
    [TenantKind::Vxlan, TenantKind::Geneve, TenantKind::GreKey, TenantKind::Nvgre];

/// A frame between the hosts of `talk` with a tunnel of this kind and number around `frame`.
pub fn carry(talk: Talk, kind: TenantKind, number: u32, frame: &[u8]) -> Vec<u8> {
    let [_, a, b, c] = number.to_be_bytes();
    let (port, header) = match kind {
        TenantKind::Vxlan => (4789, [8, 0, 0, 0, a, b, c, 0]),
        TenantKind::Geneve => (6081, [0, 0, 0x65, 0x58, a, b, c, 0]),
        TenantKind::GreKey | TenantKind::Nvgre | TenantKind::None => {
            return Talk { proto: 47, ..talk }.ip(true, &[&gre(kind, number)[..], frame].concat());
        }
    };
    let talk = Talk { proto: UDP, client_port: 50_000, server_port: port, ..talk };
    talk.out(0, &[&header[..], frame].concat())
}

/// GRE's header before an Ethernet frame; the lowest byte of NVGRE's key is a number of the flow.
fn gre(kind: TenantKind, number: u32) -> Vec<u8> {
    let key = if kind == TenantKind::Nvgre { number << 8 | 0x5a } else { number };
    match kind {
        TenantKind::None => vec![0, 0, 0x65, 0x58],
        _ => [&[0x20, 0, 0x65, 0x58][..], &key.to_be_bytes()].concat(),
    }
}

/// The key of the same flow inside one such tunnel.
pub fn of_tenant(key: Key, kind: TenantKind, number: u32) -> Key {
    Key::of_tenant(&inside(key, 1), TenantIds::NONE.with(0, (kind, number)))
}
