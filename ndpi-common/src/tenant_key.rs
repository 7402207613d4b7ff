//! The keys of flows that are a tenant's.

use crate::{KeyV4, KeyV6, TenantIds};

/// The key of a flow inside of a tunnel that says whose it is: 56 bytes, for both families, so that those of other
/// flows stay small.
#[repr(C, align(8))]
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
#[cfg_attr(feature = "user", derive(Debug))]
pub struct TenantKey {
    /// The flow; IPv4 addresses as IPv4-mapped IPv6 (RFC 4291, section 2.5.5.2).
    pub flow: KeyV6,
    /// Whose it is.
    pub tenant: TenantIds,
    /// 4 or 6: an IPv4 flow is not the IPv6 flow between such addresses.
    pub family: u8,
    /// Always 0; makes the padding explicit.
    pub reserved: [u8; 3],
}

impl TenantKey {
    /// Writes the key of a tenant's IPv4 flow where it is to be, in words: a whole one on the way would take room on the
    /// stack of the programs.
    ///
    /// # Safety
    /// `to` is valid for writes.
    #[inline(always)]
    pub(crate) unsafe fn write_v4(to: *mut Self, key: &KeyV4, tenant: TenantIds) {
        let [lower, upper] = [mapped(key.lower), mapped(key.upper)];
        let flow = [lower[0], lower[1], upper[0], upper[1], key.last_word()];
        // SAFETY: the caller's promise.
        unsafe { Self::write_words(to, &flow, (4, tenant)) };
    }

    /// The same of an IPv6 flow.
    ///
    /// # Safety
    /// `to` is valid for writes, and `key` is not there.
    #[inline(always)]
    pub(crate) unsafe fn write_v6(to: *mut Self, key: &KeyV6, tenant: TenantIds) {
        // SAFETY: the caller's promise.
        unsafe { Self::write_words(to, key.words(), (6, tenant)) };
    }

    /// # Safety
    /// `to` is valid for writes.
    #[inline(always)]
    #[expect(clippy::many_single_char_names, reason = "bytes in a row")]
    unsafe fn write_words(to: *mut Self, flow: &[u64; 5], (family, tenant): (u8, TenantIds)) {
        let to = to.cast::<u64>();
        let TenantIds { numbers: [outer, inner], kinds: [a, b], .. } = tenant;
        let (outer, inner) = (outer.to_ne_bytes(), inner.to_ne_bytes());
        let [[c, d, e, f], [g, h, i, j]] = [outer, inner];
        let numbers = u64::from_ne_bytes([c, d, e, f, g, h, i, j]);
        let rest = u64::from_ne_bytes([a, b, 0, 0, family, 0, 0, 0]);
        // SAFETY: within the key, as aligned as the key. Volatile, so that no call is made of it.
        unsafe {
            to.write_volatile(flow[0]);
            to.add(1).write_volatile(flow[1]);
            to.add(2).write_volatile(flow[2]);
            to.add(3).write_volatile(flow[3]);
            to.add(4).write_volatile(flow[4]);
            to.add(5).write_volatile(numbers);
            to.add(6).write_volatile(rest);
        }
    }

    /// The key as it lies in memory.
    #[inline(always)]
    pub const fn words(&self) -> &[u64; 7] {
        // SAFETY: `repr(C)`, 56 bytes without padding, aligned to 8.
        unsafe { &*core::ptr::from_ref(self).cast() }
    }

    /// The key's last word, as it lies in memory.
    #[inline(always)]
    #[expect(clippy::many_single_char_names, reason = "bytes in a row")]
    pub const fn last_word(&self) -> u64 {
        let [a, b] = self.tenant.kinds;
        let [c, d] = self.tenant.reserved;
        let [e, f, g] = self.reserved;
        u64::from_ne_bytes([a, b, c, d, self.family, e, f, g])
    }

    /// An address of the flow, in its family.
    #[cfg(feature = "user")]
    pub(crate) fn address(&self, address: [u8; 16]) -> core::net::IpAddr {
        let [.., a, b, c, d] = address;
        if self.family == 4 { [a, b, c, d].into() } else { address.into() }
    }
}

/// An address as IPv4-mapped IPv6, in words.
#[inline(always)]
const fn mapped([a, b, c, d]: [u8; 4]) -> [u64; 2] {
    [0, u64::from_ne_bytes([0, 0, 0xff, 0xff, a, b, c, d])]
}

impl core::hash::Hash for TenantKey {
    #[inline(always)]
    fn hash<H: core::hash::Hasher>(&self, state: &mut H) {
        self.words().iter().for_each(|word| state.write_u64(*word));
    }
}

const _: () = assert!(size_of::<TenantKey>() == 40 + 12 + 1 + 3);

// SAFETY: `repr(C)`, integers and byte arrays only, no padding (asserted above): every bit pattern
// is a value, and every byte of a value is initialised.
unsafe impl crate::Pod for TenantKey {}
