//! Samples: packets that the kernel shows to user space, as they lie in the rings.

use crate::{Direction, Hook, Key, KeyV4, KeyV6, LinkHeader, SequenceNumbers, TenantKey};

/// What stands before a sample's bytes in a ring.
///
/// `captured` bytes of the packet follow, from its IP header on; what lies behind them in the
/// record is left over from earlier records and means nothing.
///
/// Whether checksums are right is not said: the kernel tells XDP nothing of that, and a program at TC only whether
/// somebody has checked them (`bpf_csum_level`), not that they are still to be computed, which is so of what the
/// machine sends itself (`ip_summed` is not in `__sk_buff`). User space sees both in the bytes.
#[repr(C)]
#[derive(Clone, Copy)]
#[cfg_attr(feature = "user", derive(Debug))]
pub struct SampleHeader {
    /// When the packet was seen, in nanoseconds since boot (`CLOCK_BOOTTIME`).
    pub ktime_ns: u64,
    /// A [`TenantKey`], or a [`KeyV6`] in the first 40 bytes, or a [`KeyV4`] in the first 16, and zeros, as
    /// `family` says.
    pub key: [u8; 56],
    /// 4 or 6, or [`Self::OF_TENANT`], whose key says it.
    pub family: u8,
    /// A [`Direction`].
    pub direction: u8,
    /// A [`Hook`].
    pub hook: u8,
    /// The flags byte of the TCP header, 0 for other protocols.
    pub tcp_flags: u8,
    /// [`SampleFlags`].
    pub flags: u32,
    /// The link header of the frame; that around a tunnel, where the packet was inside of one.
    pub link: LinkHeader,
    /// Segments that this packet becomes on the wire, at least 1.
    pub segments: u16,
    /// The interface the packet came in on (XDP) or goes out on (TC).
    pub ifindex: u32,
    /// The CPU that saw it.
    pub cpu: u32,
    /// Which packet of its flow this is among those shown: 1 for the first. It starts again when
    /// the kernel had to forget the flow's track.
    pub number: u32,
    /// Bytes from the IP header on, as on the wire, all segments together.
    pub wire_bytes: u32,
    /// Bytes of the packet that follow this header.
    pub captured: u32,
    /// The largest payload of one segment, 0 when the packet is not segmented later.
    pub segment_size: u32,
    /// What the flow's packets up to this one have said of TCP's sequence numbers, as far as its track
    /// reaches back; nothing where it has none.
    pub sequence: SequenceNumbers,
}

/// Bits of [`SampleHeader::flags`].
pub struct SampleFlags;

impl SampleFlags {
    /// Whether a packet with these flags goes before others where user space is behind: TCP packets with
    /// payload, and those without that say what no later packet does. What is not, and is TCP, can be left
    /// out.
    #[inline(always)]
    pub const fn is_urgent(flags: u32, is_tcp: bool, is_last: bool) -> bool {
        is_tcp && (flags & Self::EMPTY == 0 || flags & Self::TELLING != 0 || is_last)
    }

    /// A packet with one of these says what no later one does.
    pub const TELLING: u32 = Self::REOPENED | Self::REJECTED | Self::LAST;

    /// The packet met a verdict and is counted there; it is shown for another's sake: user space answers it, or
    /// reads it.
    pub const MET: u32 = Self::REJECTED | Self::WATCHED | Self::INSPECTED;

    /// `captured` is less than what was there.
    pub const CUT: u32 = 1;
    /// The packet is the first fragment of a datagram.
    pub const FIRST_FRAGMENT: u32 = 2;
    /// The header's total length was 0 (segmentation offload): what was there was taken.
    pub const NO_LENGTH: u32 = 4;
    /// The key is that of an inner packet; the bytes start at the inner IP header.
    pub const TUNNELED: u32 = 8;
    /// A SYN that opened the flow anew: a verdict on an earlier flow of the same key ended.
    pub const REOPENED: u32 = 16;
    /// The packet was dropped by a `reject` verdict; the first of each direction is shown so that
    /// user space can answer it.
    pub const REJECTED: u32 = 32;
    /// The packet was dropped since its flow has no verdict and goes to one of `SERVERS`; it is shown
    /// so that the flow gets a verdict of its own.
    pub const SERVER: u32 = 64;
    /// A TCP packet without payload: nDPI can do without it.
    pub const EMPTY: u32 = 128;
    /// The flow is under way: payload of it came before this packet, or it is TCP and no SYN came,
    /// as far as its track reaches back.
    pub const UNDER_WAY: u32 = 256;
    /// A packet with payload that came before, within the budget, could not be shown.
    pub const LOSS: u32 = 512;
    /// The packet carries one that was opened, and is shown as one of the outer flow, which has no
    /// verdict. It is counted once, as what is inside, unless `SERVER` is set as well.
    pub const OUTER: u32 = 1024;
    /// The packet met a verdict that lets it through, and is counted there; it is shown since it may bring
    /// another request ([`crate::RequestWatch`]).
    pub const WATCHED: u32 = 2048;
    /// A later fragment whose first was not seen: the key has no ports, and in IPv6 a protocol that may lie.
    pub const STRAY: u32 = 4096;
    /// The packet met a verdict that has its flow inspected ([`crate::Action::Inspect`]), and is counted there.
    pub const INSPECTED: u32 = 8192;
    /// With it, the allowance of the verdict is used up.
    pub const LAST: u32 = 16384;
    /// The frame begins with an IP header: it has no [`SampleHeader::link`].
    pub const NO_LINK: u32 = 32768;
}

impl SampleHeader {
    /// The flow is a tenant's.
    pub const OF_TENANT: u8 = 7;

    /// Writes `key` and its family in.
    pub fn set_key(&mut self, key: &Key) {
        match key {
            Key::V4(key) => self.set_key_v4(key),
            Key::V6(key) => self.set_key_v6(key),
            Key::Tenant(key) => self.set_key_tenant(key),
        }
    }

    /// Writes an IPv4 flow's key and its family in.
    #[inline(always)]
    pub fn set_key_v4(&mut self, key: &KeyV4) {
        self.key = [0; 56];
        // SAFETY: a `KeyV4` is 16 bytes without padding, and so is the front of `key`.
        unsafe { self.key.as_mut_ptr().cast::<KeyV4>().write_unaligned(*key) };
        self.family = 4;
    }

    /// Writes an IPv6 flow's key and its family in.
    #[inline(always)]
    pub fn set_key_v6(&mut self, key: &KeyV6) {
        self.key = [0; 56];
        // SAFETY: a `KeyV6` is 40 bytes without padding, and so is the front of `key`.
        unsafe { self.key.as_mut_ptr().cast::<KeyV6>().write_unaligned(*key) };
        self.family = 6;
    }

    /// Writes the key of a tenant's flow in.
    #[inline(always)]
    pub fn set_key_tenant(&mut self, key: &TenantKey) {
        // SAFETY: a `TenantKey` is 56 bytes without padding, and so is `key`.
        unsafe { self.key.as_mut_ptr().cast::<TenantKey>().write_unaligned(*key) };
        self.family = Self::OF_TENANT;
    }

    /// The flow's key; `None` when `family` is none that there is.
    pub fn key(&self) -> Option<Key> {
        match self.family {
            // SAFETY: every bit pattern of these 16 bytes is a `KeyV4`, which has no padding.
            4 => Some(Key::V4(unsafe { self.key.as_ptr().cast::<KeyV4>().read_unaligned() })),
            // SAFETY: every bit pattern of these 40 bytes is a `KeyV6`, which has no padding.
            6 => Some(Key::V6(unsafe { self.key.as_ptr().cast::<KeyV6>().read_unaligned() })),
            Self::OF_TENANT => {
                // SAFETY: every bit pattern of these 56 bytes is a `TenantKey`, which has no padding.
                let key = unsafe { self.key.as_ptr().cast::<TenantKey>().read_unaligned() };
                Some(Key::Tenant(key))
            }
            _ => None,
        }
    }

    /// Which way the packet went.
    pub const fn direction(&self) -> Direction {
        if self.direction == 0 { Direction::FromLower } else { Direction::FromUpper }
    }

    /// Where the packet was seen.
    pub const fn hook(&self) -> Hook {
        if self.hook == 0 { Hook::Xdp } else { Hook::Tc }
    }

    /// The header at the front of a ring's record and the bytes behind it.
    ///
    /// `None` when the record is shorter than a header or than the bytes the header announces:
    /// it was then written by another version of the kernel side.
    pub fn split(record: &[u8]) -> Option<(Self, &[u8])> {
        let (head, body) = record.split_at_checked(size_of::<Self>())?;
        // SAFETY: `head` has the header's length, and every bit pattern is a header: `repr(C)`,
        // integers and byte arrays only.
        let header = unsafe { head.as_ptr().cast::<Self>().read_unaligned() };
        Some((header, body.get(..header.captured as usize)?))
    }
}

const _: () = assert!(size_of::<SampleHeader>() == 8 + 56 + 4 + 4 + 14 + 2 + 6 * 4 + 24);

// SAFETY: `repr(C)`, integers and byte arrays only, no padding (asserted above): every bit pattern
// is a value, and every byte of a value is initialised.
unsafe impl crate::Pod for SampleHeader {}

#[cfg(test)]
mod tests {
    use super::SampleHeader;
    use crate::{Key, KeyV4, KeyV6, TenantIds, TenantKind};

    fn header() -> SampleHeader {
        // SAFETY: integers and byte arrays only: all zeros is a header.
        unsafe { core::mem::zeroed() }
    }

    #[test]
    fn keys_of_all_kinds_survive() {
        let (v4, _) = KeyV4::new(([198, 18, 0, 1], 1000), ([198, 18, 0, 2], 443), 5, 6);
        let (v6, _) = KeyV6::new(([9; 16], 1000), ([7; 16], 443), 5, 17);
        let tenant = TenantIds::NONE.with(1, (TenantKind::Geneve, 0xff_ffff));
        let of_tenant = Key::of_tenant(&Key::V4(v4), tenant);
        for key in [Key::V4(v4), Key::V6(v6), of_tenant] {
            let mut header = header();
            header.set_key(&key);
            assert!(header.key() == Some(key));
        }
        assert!(header().key().is_none());
    }

    #[test]
    fn a_record_shorter_than_it_says_is_refused() {
        let mut header = header();
        header.captured = 3;
        let mut record = [0u8; size_of::<SampleHeader>() + 3];
        // SAFETY: the record has room for a header, which has no padding.
        unsafe { record.as_mut_ptr().cast::<SampleHeader>().write_unaligned(header) };
        assert!(SampleHeader::split(&record).is_some_and(|(_, bytes)| bytes.len() == 3));
        for len in 0..record.len() {
            assert!(SampleHeader::split(&record[..len]).is_none());
        }
    }
}
