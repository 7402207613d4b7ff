//! Fragments: how later fragments, which carry no ports, find their flow.

use crate::parse::{Packet, proto};
use crate::{Direction, Key, TenantIds, TenantKey};

/// What identifies the fragments of one datagram (RFC 791, RFC 8200): a key of `FRAGMENTS`.
///
/// Both families share the map; IPv4 addresses take the first four bytes.
#[repr(C, align(8))]
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "user", derive(Debug))]
pub struct FragmentKey {
    /// Address of the lower endpoint.
    pub lower: [u8; 16],
    /// Address of the upper endpoint.
    pub upper: [u8; 16],
    /// The IP identification: 16 bits in IPv4, 32 bits in IPv6, host byte order.
    pub id: u32,
    /// The innermost VLAN identifier.
    pub vlan: u16,
    /// IP protocol number; 0 for IPv6, whose later fragments need not tell the truth about it.
    pub proto: u8,
    /// Bit 0: sent by the upper endpoint. Bit 1: IPv6. From bit 2 on: how many tunnels the datagram is
    /// inside of.
    pub kind: u8,
    /// Whose it is, by these tunnels.
    pub tenant: TenantIds,
    /// Always 0; makes the padding explicit.
    pub reserved: u32,
}

/// What only a datagram's first fragment tells of its flow; the ports from the sender's point of
/// view. One word: the map gives the place of a value to another datagram's at any time, and what is
/// read must be of one of them.
#[repr(C, align(8))]
#[derive(Clone, Copy, PartialEq, Eq, Default)]
#[cfg_attr(feature = "user", derive(Debug))]
pub struct FragmentPorts {
    /// Source port.
    pub source: u16,
    /// Destination port.
    pub destination: u16,
    /// IP protocol number, of the last header of the chain.
    pub proto: u8,
    /// The [`FragmentKey::check`] of the datagram.
    pub check: [u8; 3],
}

/// Whether fragments of this protocol are put together: nDPI knows others by their number.
#[inline(always)]
pub const fn is_put_together(proto: u8) -> bool {
    matches!(proto, proto::TCP | proto::UDP)
}

/// How many fragments are shown whose first was not seen: an entry of `STRAYS`, of one CPU. One entry is for all, the
/// others are for senders, several of which may share one.
#[repr(C)]
#[derive(Clone, Copy, PartialEq, Eq, Default)]
#[cfg_attr(feature = "user", derive(Debug))]
pub struct StrayBudget {
    /// The tick that it is of.
    pub tick: u32,
    /// How many were shown in it.
    pub shown: u32,
}

impl StrayBudget {
    /// Entries of `STRAYS`: those of senders, and behind them that for all.
    pub const ENTRIES: u32 = Self::SENDERS + 1;
    /// Entries for senders.
    pub const SENDERS: u32 = 1024;
    /// The most in a tick of one sender, on one CPU.
    pub const PER_SENDER: u32 = 16;
    /// The most in a tick of all.
    pub const OF_ALL: u32 = 256;

    /// After one more at `tick`, where that is within `most`.
    #[inline(always)]
    pub const fn with_one_more(self, tick: u32, most: u32) -> Option<Self> {
        let shown = if self.tick == tick { self.shown } else { 0 };
        if shown < most { Some(Self { tick, shown: shown + 1 }) } else { None }
    }
}

impl FragmentPorts {
    /// What `first` tells, a first fragment of the datagram `key`.
    #[inline(always)]
    pub fn of(first: &Packet, key: &FragmentKey) -> Self {
        let (source, destination) = first.ports();
        Self { source, destination, proto: first.key.proto(), check: key.check() }
    }

    /// Whether this was written for the datagram `key`.
    #[inline(always)]
    pub fn is_of(&self, key: &FragmentKey) -> bool {
        self.check == key.check()
    }
}

impl FragmentKey {
    /// A digest of the key: tells a value from one of another key, of which some CPU may still hold the
    /// address.
    #[inline(always)]
    pub fn check(&self) -> [u8; 3] {
        let Self { id, vlan, proto, kind, tenant, .. } = *self;
        let last = u64::from(id) << 32 | u64::from(vlan) << 16 | u64::from(proto) << 8;
        let mix =
            |sum: u64, word: u64| (sum ^ word).wrapping_mul(0x9e37_79b9_7f4a_7c15).rotate_left(29);
        let mut sum = last | u64::from(kind);
        for address in [&self.lower, &self.upper] {
            for half in address.as_chunks::<8>().0 {
                sum = mix(sum, u64::from_ne_bytes(*half));
            }
        }
        let ([outer, inner], [of_outer, of_inner]) = (tenant.numbers, tenant.kinds);
        sum = mix(sum, u64::from(outer) << 32 | u64::from(inner));
        let [.., x, y, z] = mix(sum, u64::from(of_outer) << 8 | u64::from(of_inner)).to_le_bytes();
        [x, y, z]
    }

    /// A number that tells senders apart, below [`StrayBudget::SENDERS`]; who does not know the seed cannot choose it.
    #[inline(always)]
    pub fn sender(&self, seed: u64) -> u32 {
        let address = if self.kind & 1 == 0 { &self.lower } else { &self.upper };
        let mut state = seed;
        for half in address.as_chunks::<8>().0 {
            state = (state ^ u64::from_ne_bytes(*half))
                .wrapping_mul(0x9e37_79b9_7f4a_7c15 ^ (seed | 1) << 1);
            // A multiplication carries no bit downwards.
            state ^= state >> 32;
        }
        let place = (state & u64::from(u32::MAX)) * u64::from(StrayBudget::SENDERS);
        (place >> 32) as u32
    }

    /// The key under which the fragments of a packet's datagram meet.
    #[inline(always)]
    pub fn of(packet: &Packet, id: u32) -> Self {
        let key = Self::new(&packet.key, packet.direction, id);
        Self { tenant: packet.tenant, ..key }
    }

    /// The same, by the key of a packet's flow, which may carry ports or not.
    #[inline(always)]
    pub fn new(key: &Key, direction: Direction, id: u32) -> Self {
        let (mut lower, mut upper, mut tenant) = ([0; 16], [0; 16], TenantIds::NONE);
        let (family, proto) = match key {
            Key::V4(key) => {
                lower[..4].copy_from_slice(&key.lower);
                upper[..4].copy_from_slice(&key.upper);
                (0, key.proto)
            }
            Key::V6(key) => {
                lower = key.lower;
                upper = key.upper;
                (2, 0)
            }
            Key::Tenant(TenantKey { flow, tenant: whose, family, .. }) => {
                lower = flow.lower;
                upper = flow.upper;
                tenant = *whose;
                if *family == 4 { (0, flow.proto) } else { (2, 0) }
            }
        };
        // A host that talks to itself: only ports would tell the directions apart, and a later
        // fragment has none.
        let from_upper = lower != upper && matches!(direction, Direction::FromUpper);
        let kind = key.tunnel() << 2 | family | u8::from(from_upper);
        Self { lower, upper, id, vlan: key.vlan(), proto, kind, tenant, reserved: 0 }
    }
}

const _: () = {
    assert!(size_of::<FragmentKey>() == 16 + 16 + 4 + 2 + 1 + 1 + 12 + 4);
    assert!(size_of::<FragmentPorts>() == 2 + 2 + 1 + 3);
    assert!(size_of::<StrayBudget>() == 4 + 4);
};

// SAFETY: `repr(C)`, integers and byte arrays only, no padding (asserted above): every bit pattern
// is a value, and every byte of a value is initialised.
unsafe impl crate::Pod for FragmentKey {}
// SAFETY: as for `FragmentKey`.
unsafe impl crate::Pod for FragmentPorts {}
// SAFETY: as for `FragmentKey`.
unsafe impl crate::Pod for StrayBudget {}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::{FragmentKey, FragmentPorts, StrayBudget};
    use crate::parse::{Fragment, Packet, proto};
    use crate::{Key, KeyV4, KeyV6, TenantIds, TenantKind};

    /// A UDP packet between these hosts.
    fn packet(hosts: (u8, u8), ports: (u16, u16), v6: bool, fragment: Fragment) -> Packet {
        let packet = crate::testing::tcp(100);
        let (key, direction) = if v6 {
            let ends = (([hosts.0; 16], ports.0), ([hosts.1; 16], ports.1));
            let (key, direction) = KeyV6::new(ends.0, ends.1, 0, proto::UDP);
            (Key::V6(key), direction)
        } else {
            let ends = (([hosts.0; 4], ports.0), ([hosts.1; 4], ports.1));
            let (key, direction) = KeyV4::new(ends.0, ends.1, 0, proto::UDP);
            (Key::V4(key), direction)
        };
        Packet { key, direction, fragment, ..packet }
    }

    #[test]
    fn a_budget_is_used_up_within_a_tick_and_there_again_in_the_next() {
        let mut budget = StrayBudget::default();
        for _ in 0..3 {
            budget = budget.with_one_more(7, 3).unwrap();
        }
        assert!(budget.with_one_more(7, 3).is_none());
        assert!(budget.with_one_more(8, 3) == Some(StrayBudget { tick: 8, shown: 1 }));
    }

    #[test]
    fn fragments_of_two_tenants_do_not_meet() {
        let first = packet((1, 2), (5, 6), false, Fragment::First { id: 9 });
        let of = |number| {
            let tenant = TenantIds::NONE.with(0, (TenantKind::Vxlan, number));
            let key = FragmentKey::of(&Packet { tenant, ..first }, 9);
            (FragmentPorts::of(&first, &key), key)
        };
        let ((seven, key), (_, other), plain) = (of(7), of(8), FragmentKey::of(&first, 9));
        assert!(key != other && key != plain && other != plain);
        assert!(seven.is_of(&key) && !seven.is_of(&other) && !seven.is_of(&plain));
    }

    #[test]
    fn what_a_tenants_flow_says_of_its_family_counts() {
        let keys = [false, true].map(|v6| packet((1, 2), (5, 6), v6, Fragment::First { id: 9 }));
        let [four, six] = keys.map(|it| {
            let tenant = TenantIds::NONE.with(0, (TenantKind::Vxlan, 7));
            FragmentKey::new(&Key::of_tenant(&it.key, tenant), it.direction, 9)
        });
        assert!(
            (four.kind & 2, four.proto) == (0, proto::UDP) && (six.kind & 2, six.proto) == (2, 0)
        );
    }

    proptest! {
        /// Whoever sends, also to itself: a later fragment meets the flow of its first.
        #[test]
        fn later_fragments_follow_their_first(
            hosts: (u8, u8),
            ports: (u16, u16),
            v6: bool,
            id: u32,
        ) {
            let first = packet(hosts, ports, v6, Fragment::First { id });
            let mut later = packet(hosts, (0, 0), v6, Fragment::Later { id });
            let key = FragmentKey::of(&first, id);
            let same = FragmentKey::of(&later, id);
            prop_assert!(key == same);
            let note = FragmentPorts::of(&first, &key);
            prop_assert!(note.is_of(&same));
            later.join(note);
            prop_assert!(later.key == first.key && later.direction == first.direction);
        }

        /// A note that the map gave to another datagram meanwhile is known as such.
        #[test]
        fn a_note_of_another_datagram_is_refused(hosts: (u8, u8), id: u32, other: u32) {
            prop_assume!(id != other);
            let first = packet(hosts, (1, 2), false, Fragment::First { id });
            let key = FragmentKey::of(&first, id);
            let another = FragmentKey { id: other, ..key };
            prop_assert!(!FragmentPorts::of(&first, &key).is_of(&another));
        }
    }
}
