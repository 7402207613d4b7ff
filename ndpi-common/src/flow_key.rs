//! The key of any flow.

use core::hash::{Hash, Hasher};
use core::mem::MaybeUninit;
#[cfg(feature = "user")]
use core::net::IpAddr;

#[cfg(feature = "user")]
use crate::Direction;
use crate::{KeyV4, KeyV6, TenantIds, TenantKey};

/// The key of a flow of either family.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
#[cfg_attr(feature = "user", derive(Debug))]
pub enum Key {
    /// An IPv4 flow.
    V4(KeyV4),
    /// An IPv6 flow.
    V6(KeyV6),
    /// A flow of either, inside of a tunnel that says whose it is.
    Tenant(TenantKey),
}

impl Key {
    /// The key as it lies in memory.
    pub fn words(&self) -> &[u64] {
        match self {
            Self::V4(key) => key.words(),
            Self::V6(key) => key.words(),
            Self::Tenant(key) => key.words(),
        }
    }
}

impl Key {
    /// The IP protocol number.
    #[inline(always)]
    pub fn proto(&self) -> u8 {
        match self {
            Self::V4(key) => key.proto,
            Self::V6(key) => key.proto,
            Self::Tenant(key) => key.flow.proto,
        }
    }

    /// The innermost VLAN identifier, 0 when untagged.
    #[inline(always)]
    pub fn vlan(&self) -> u16 {
        match self {
            Self::V4(key) => key.vlan,
            Self::V6(key) => key.vlan,
            Self::Tenant(key) => key.flow.vlan,
        }
    }

    /// How many tunnels the flow is inside of.
    #[inline(always)]
    pub fn tunnel(&self) -> u8 {
        match self {
            Self::V4(key) => key.tunnel,
            Self::V6(key) => key.tunnel,
            Self::Tenant(key) => key.flow.tunnel,
        }
    }

    /// The key of a flow that is `key` to whom it belongs: to a tenant, or to nobody.
    #[inline(always)]
    #[must_use]
    pub fn of_tenant(key: &Self, tenant: TenantIds) -> Self {
        if !tenant.is_some() {
            return *key;
        }
        let mut new = MaybeUninit::uninit();
        // SAFETY: valid for writes, and written whole.
        Self::Tenant(unsafe {
            key.write_of_tenant(new.as_mut_ptr(), tenant);
            new.assume_init()
        })
    }

    /// Writes the key of a tenant's flow, which is this to itself, where it is to be. One that has a tenant already keeps
    /// it.
    ///
    /// # Safety
    /// `to` is valid for writes, and this key is not there.
    #[inline(always)]
    pub unsafe fn write_of_tenant(&self, to: *mut TenantKey, tenant: TenantIds) {
        // SAFETY: the caller's promise.
        unsafe {
            match self {
                Self::V4(key) => TenantKey::write_v4(to, key, tenant),
                Self::V6(key) => TenantKey::write_v6(to, key, tenant),
                Self::Tenant(key) => to.write(*key),
            }
        }
    }

    /// Whose flow it is, where a tunnel around it says so.
    pub const fn tenant(&self) -> Option<TenantIds> {
        match self {
            Self::V4(_) | Self::V6(_) => None,
            Self::Tenant(key) => Some(key.tenant),
        }
    }

    /// The ports of the lower and the upper endpoint.
    #[inline(always)]
    pub fn ports(&self) -> (u16, u16) {
        match self {
            Self::V4(key) => (key.lower_port, key.upper_port),
            Self::V6(key) => (key.lower_port, key.upper_port),
            Self::Tenant(key) => (key.flow.lower_port, key.flow.upper_port),
        }
    }
}

/// One end of a flow: an address, and a port (0 for protocols without ports).
#[cfg(feature = "user")]
pub type Endpoint = (IpAddr, u16);

#[cfg(feature = "user")]
impl Key {
    /// The endpoint that comes first in the key.
    pub fn lower(&self) -> Endpoint {
        match self {
            Self::V4(key) => (key.lower.into(), key.lower_port),
            Self::V6(key) => (key.lower.into(), key.lower_port),
            Self::Tenant(key) => (key.address(key.flow.lower), key.flow.lower_port),
        }
    }

    /// The endpoint that comes second in the key.
    pub fn upper(&self) -> Endpoint {
        match self {
            Self::V4(key) => (key.upper.into(), key.upper_port),
            Self::V6(key) => (key.upper.into(), key.upper_port),
            Self::Tenant(key) => (key.address(key.flow.upper), key.flow.upper_port),
        }
    }

    /// Sender and receiver of a packet that goes `direction`.
    pub fn endpoints(&self, direction: Direction) -> (Endpoint, Endpoint) {
        match direction {
            Direction::FromLower => (self.lower(), self.upper()),
            Direction::FromUpper => (self.upper(), self.lower()),
        }
    }
}

// Hashed in words, as what it is made of.

impl Hash for Key {
    #[inline(always)]
    fn hash<H: Hasher>(&self, state: &mut H) {
        match self {
            Self::V4(key) => key.hash(state),
            Self::V6(key) => key.hash(state),
            Self::Tenant(key) => key.hash(state),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Key;
    use crate::{KeyV4, KeyV6, TenantIds, TenantKey, TenantKind};

    const A: [u8; 4] = [198, 18, 0, 1];
    const B: [u8; 4] = [198, 18, 1, 0];

    fn vni(number: u32) -> TenantIds {
        TenantIds::NONE.with(0, (TenantKind::Vxlan, number))
    }

    fn v4() -> Key {
        let (key, _) = KeyV4::new((A, 40_000), (B, 443), 7, 6);
        Key::V4(KeyV4 { tunnel: 1, ..key })
    }

    /// The key of a tenant's flow.
    fn key(key: &Key) -> TenantKey {
        match Key::of_tenant(key, vni(7)) {
            Key::Tenant(key) => key,
            _ => panic!("a tenant's"),
        }
    }

    #[test]
    fn two_tenants_have_two_keys_that_say_the_same_of_their_flow() {
        let [seven, eight] = [7, 8].map(|number| Key::of_tenant(&v4(), vni(number)));
        assert!(seven != eight && seven.words() != eight.words());
        for key in [seven, eight] {
            let plain = v4();
            assert!((key.lower(), key.upper()) == (plain.lower(), plain.upper()));
            assert!((key.proto(), key.vlan(), key.tunnel()) == (6, 7, 1));
            assert!(key.ports() == plain.ports() && key.tenant() == Some(key.tenant().unwrap()));
        }
        assert!(seven.tenant() == Some(vni(7)) && v4().tenant().is_none());
        assert!(Key::of_tenant(&v4(), TenantIds::NONE) == v4());
    }

    #[test]
    fn a_number_is_of_its_level_and_kind() {
        let outer = TenantIds::NONE.with(0, (TenantKind::GreKey, 7));
        let inner = TenantIds::NONE.with(1, (TenantKind::GreKey, 7));
        let keys = [outer, inner, vni(7), outer.with(1, (TenantKind::Vxlan, 7))];
        for (at, one) in keys.iter().enumerate() {
            assert!(one.is_some());
            assert!(keys[at + 1..].iter().all(|other| one != other));
        }
        // A number of 0 is one.
        assert!(vni(0).is_some() && !TenantIds::NONE.is_some());
        assert!(outer.numbered() == [Some((TenantKind::GreKey, 7)), None]);
    }

    #[test]
    fn families_do_not_meet() {
        let v4 = v4();
        let TenantKey { flow, .. } = key(&v4);
        let v6 = key(&Key::V6(flow));
        assert!(v6.flow == flow && v6 != key(&v4));
        assert!(Key::Tenant(v6).lower() != v4.lower());
    }

    #[test]
    fn the_last_word_is_the_end_of_the_key() {
        for key in [v4(), Key::V6(KeyV6::new(([9; 16], 1), ([7; 16], 2), 0, 6).0)] {
            let whole = self::key(&key);
            assert!(whole.last_word() == whole.words()[6]);
        }
    }
}
