//! Servers whose flows are blocked from the first packet on.

use crate::{Action, Direction, KeyV4, KeyV6};

/// The most servers that may be blocked at a time.
pub const MAX_SERVERS: u32 = 65_536;

/// A server: a key of `SERVERS`. It is one end of a flow's key, the one that the first packet went
/// to.
///
/// Both families share the map; an IPv4 address takes the first four bytes.
#[repr(C, align(8))]
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "user", derive(Debug))]
pub struct ServerKey {
    /// The address, as on the wire.
    pub address: [u8; 16],
    /// The port, host byte order; 0 for protocols without ports.
    pub port: u16,
    /// VLAN identifier of the innermost tag (12 bits), 0 when untagged.
    pub vlan: u16,
    /// IP protocol number (IANA).
    pub proto: u8,
    /// 4 or 6: an IPv4 address is not the IPv6 address with the same first bytes.
    pub family: u8,
    /// How many tunnels its flows are inside of, as in their keys.
    pub tunnel: u8,
    /// Always 0; makes the padding explicit.
    pub reserved: u8,
}

/// What is done to new flows to a server, and until when: a value of `SERVERS`. User space writes
/// it, and the kernel only reads it.
#[repr(C)]
#[derive(Clone, Copy, PartialEq, Eq, Default)]
#[cfg_attr(feature = "user", derive(Debug))]
pub struct Server {
    /// An [`Action`] that drops; the kernel ignores any other.
    pub action: u8,
    /// Always 0; makes the padding explicit.
    pub reserved: u8,
    /// The rule's place in the policy, from 0.
    pub rule: u16,
    /// nDPI's number of the application that the server was decided for.
    pub app: u16,
    /// nDPI's number of the protocol that carries it, 0 for none.
    pub master: u16,
    /// nDPI's number of its category.
    pub category: u16,
    /// Always 0.
    pub reserved2: u16,
    /// The tick of the coarse clock from which on the entry says nothing any more.
    pub expires: u32,
}

impl Server {
    /// Whether packets to the server are dropped at this tick of the coarse clock.
    #[inline(always)]
    pub const fn blocks_at(&self, tick: u32) -> bool {
        let drops = matches!(Action::from_byte(self.action), Some(action) if action.drops());
        // The clock wraps after thirteen years; entries live for a day at most.
        drops && self.expires.wrapping_sub(tick).cast_signed() > 0
    }
}

impl KeyV4 {
    /// The server of a flow whose client's packets go `client`.
    #[inline(always)]
    pub fn server(&self, client: Direction) -> ServerKey {
        let (from, port) = match client {
            Direction::FromLower => (self.upper, self.upper_port),
            Direction::FromUpper => (self.lower, self.lower_port),
        };
        // As a number, whatever it says: zeros and then the address would be a call of `memset`, which
        // takes from the stack of the programs.
        let address = u128::from(u32::from_le_bytes(from)).to_le_bytes();
        let Self { vlan, proto, tunnel, .. } = *self;
        ServerKey { address, port, vlan, proto, family: 4, tunnel, reserved: 0 }
    }
}

impl KeyV6 {
    /// As [`KeyV4::server`].
    #[inline(always)]
    pub fn server(&self, client: Direction) -> ServerKey {
        let (address, port) = match client {
            Direction::FromLower => (self.upper, self.upper_port),
            Direction::FromUpper => (self.lower, self.lower_port),
        };
        let Self { vlan, proto, tunnel, .. } = *self;
        ServerKey { address, port, vlan, proto, family: 6, tunnel, reserved: 0 }
    }
}

#[cfg(feature = "user")]
impl crate::Key {
    /// As [`KeyV4::server`]; `None` where the flow is a tenant's: what is known of a server's address is of no tenant, or
    /// of another.
    pub fn server(&self, client: Direction) -> Option<ServerKey> {
        match self {
            Self::V4(key) => Some(key.server(client)),
            Self::V6(key) => Some(key.server(client)),
            Self::Tenant(_) => None,
        }
    }
}

const _: () = {
    assert!(size_of::<ServerKey>() == 16 + 2 + 2 + 1 + 1 + 1 + 1);
    assert!(size_of::<Server>() == 1 + 1 + 5 * 2 + 4);
};

// SAFETY: `repr(C)`, integers and byte arrays only, no padding (asserted above): every bit pattern
// is a value, and every byte of a value is initialised.
unsafe impl crate::Pod for ServerKey {}
// SAFETY: as for `ServerKey`.
unsafe impl crate::Pod for Server {}

#[cfg(test)]
mod tests {
    use super::{Server, ServerKey};
    use crate::{Action, KeyV4, KeyV6};

    const CLIENT: [u8; 4] = [198, 18, 0, 9];
    const SERVER: [u8; 4] = [198, 18, 0, 2];

    #[test]
    fn both_directions_have_one_server() {
        let (key, out) = KeyV4::new((CLIENT, 40_000), (SERVER, 443), 7, 6);
        let server = key.server(out);
        assert!(server.address[..4] == SERVER && server.address[4..] == [0; 12]);
        let ServerKey { port, vlan, proto, family, .. } = server;
        assert!((port, vlan, proto, family) == (443, 7, 6, 4));
        let (_, back) = KeyV4::new((SERVER, 443), (CLIENT, 40_000), 7, 6);
        assert!(key.server(back.opposite()) == server && key.server(back) != server);
    }

    #[test]
    fn families_do_not_meet() {
        let mut like_v4 = [0; 16];
        like_v4[..4].copy_from_slice(&SERVER);
        let (four, out) = KeyV4::new((CLIENT, 1), (SERVER, 443), 0, 17);
        let (six, to) = KeyV6::new(([9; 16], 1), (like_v4, 443), 0, 17);
        let (four, six) = (four.server(out), six.server(to));
        assert!(four.address == six.address && four != six);
    }

    #[test]
    fn an_entry_blocks_until_it_expires() {
        let server = Server { action: Action::Reject as u8, expires: 5, ..Server::default() };
        assert!(server.blocks_at(4) && !server.blocks_at(5) && !server.blocks_at(6));
        assert!(server.blocks_at(u32::MAX - 2), "the clock wrapped in between");
        let counted = Server { action: Action::Count as u8, ..server };
        assert!(!counted.blocks_at(4));
    }
}
