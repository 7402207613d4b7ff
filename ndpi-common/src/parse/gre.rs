//! GRE's header, version 0 (RFC 2784, RFC 2890).

use super::{Source, ethertype};
use crate::TenantKind;

/// What a header says.
#[derive(Clone, Copy, PartialEq, Eq)]
#[cfg_attr(feature = "user", derive(Debug))]
pub struct GreHeader {
    /// The EtherType of what is inside.
    pub protocol: u16,
    /// The key, where it has one.
    pub key: Option<u32>,
    /// Whether it has a sequence number.
    pub has_sequence: bool,
    /// Its length in bytes.
    pub len: u32,
}

impl GreHeader {
    /// The header at `at`; `None` where it is of another version, has a route of its own (RFC 1701), or
    /// is cut before its end.
    #[inline(always)]
    pub fn load<S: Source + ?Sized>(source: &S, at: u32) -> Option<Self> {
        const CHECKSUM: u8 = 0x80;
        const ROUTING: u8 = 0x40;
        const KEY: u8 = 0x20;
        const SEQUENCE: u8 = 0x10;
        let [flags, version, a, b] = source.load(at)?;
        if version & 7 != 0 || flags & ROUTING != 0 {
            return None;
        }
        let mut len = if flags & CHECKSUM == 0 { 4 } else { 8 };
        let mut key = None;
        if flags & KEY != 0 {
            key = Some(u32::from_be_bytes(source.load(source.forget(at.checked_add(len)?))?));
            len += 4;
        }
        let has_sequence = flags & SEQUENCE != 0;
        len += if has_sequence { 4 } else { 0 };
        Some(Self { protocol: u16::from_be_bytes([a, b]), key, has_sequence, len })
    }

    /// Whose packet it carries. NVGRE is GRE that carries Ethernet with a key; its virtual subnets begin at 0x1000
    /// (RFC 7637, section 3.2), which leaves keys below 0x100000, as people choose them, to plain GRE.
    #[inline(always)]
    pub const fn tenant(&self) -> (TenantKind, u32) {
        let Some(key) = self.key else { return (TenantKind::None, 0) };
        if self.is_nvgre() { (TenantKind::Nvgre, key >> 8) } else { (TenantKind::GreKey, key) }
    }

    /// Whether it is one of NVGRE.
    #[inline(always)]
    pub const fn is_nvgre(&self) -> bool {
        const LOWEST: u32 = 0x1000;
        const RESERVED: u32 = 0xff_ffff;
        let Some(key) = self.key else { return false };
        self.protocol == ethertype::BRIDGED_ETHERNET && key >> 8 >= LOWEST && key >> 8 < RESERVED
    }
}

#[cfg(test)]
mod tests {
    use super::GreHeader;
    use crate::TenantKind;

    fn load(bytes: &[u8]) -> Option<GreHeader> {
        GreHeader::load(bytes, 0)
    }

    #[test]
    fn what_the_bits_announce_is_there() {
        let all = [0xb0, 0, 0x65, 0x58, 1, 1, 0, 0, 0, 0, 0, 7, 0, 0, 0, 9];
        let header = GreHeader { protocol: 0x6558, key: Some(7), has_sequence: true, len: 16 };
        assert!(load(&all) == Some(header));
        let bare = GreHeader { protocol: 0x0800, key: None, has_sequence: false, len: 4 };
        assert!(load(&[0, 0, 8, 0]) == Some(bare));
        let keyed = [0x20, 0, 8, 0, 0, 0, 1, 0];
        assert!(load(&keyed) == Some(GreHeader { key: Some(256), len: 8, ..bare }));
    }

    #[test]
    fn other_versions_routes_and_cut_keys_are_refused() {
        assert!(load(&[0, 1, 8, 0]).is_none() && load(&[0x40, 0, 8, 0]).is_none());
        assert!(load(&[0x20, 0, 8, 0, 0, 0, 1]).is_none() && load(&[0, 0, 8]).is_none());
        assert!(GreHeader::load(&[0_u8; 8][..], u32::MAX).is_none());
    }

    #[test]
    fn nvgre_has_its_subnet_and_gre_its_key() {
        let header = |protocol, key| GreHeader { protocol, key, has_sequence: false, len: 8 };
        assert!(header(0x6558, Some(0x1234_5601)).tenant() == (TenantKind::Nvgre, 0x12_3456));
        assert!(header(0x6558, Some(7)).tenant() == (TenantKind::GreKey, 7));
        assert!(header(0x0800, Some(0x1234_5601)).tenant() == (TenantKind::GreKey, 0x1234_5601));
        assert!(header(0x0800, None).tenant() == (TenantKind::None, 0));
    }
}
