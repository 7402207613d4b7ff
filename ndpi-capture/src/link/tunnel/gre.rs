//! GRE's header, version 0 (RFC 2784, RFC 2890).

use ndpi_common::parse::{Source, ethertype};

use super::{Tunnel, TunnelKind};

/// What a header says.
#[derive(Clone, Copy, Debug)]
pub(super) struct Header {
    /// An EtherType.
    pub(super) protocol: u16,
    pub(super) key: Option<u32>,
    pub(super) has_sequence: bool,
    /// Its length in bytes.
    pub(super) len: u32,
}

impl Header {
    /// The header at `at`; `None` where it is of another version, or has a route of its own (RFC
    /// 1701).
    pub(super) fn load<S: Source + ?Sized>(source: &S, at: u32) -> Option<Self> {
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
            key = Some(u32::from_be_bytes(source.load(at.checked_add(len)?)?));
            len += 4;
        }
        let has_sequence = flags & SEQUENCE != 0;
        len += if has_sequence { 4 } else { 0 };
        Some(Self { protocol: u16::from_be_bytes([a, b]), key, has_sequence, len })
    }
}

/// The tunnel with this header. NVGRE (RFC 7637) is GRE that carries Ethernet
/// with a key; its virtual subnets begin at 0x1000 (section 3.2), which leaves keys below 0x100000, as
/// people choose them, to plain GRE.
pub(super) fn tunnel(header: &Header) -> Tunnel {
    const LOWEST: u32 = 0x1000;
    const RESERVED: u32 = 0xff_ffff;
    let is_subnet = |key| (LOWEST..RESERVED).contains(&(key >> 8));
    let is_nvgre =
        header.protocol == ethertype::BRIDGED_ETHERNET && header.key.is_some_and(is_subnet);
    let kind = if is_nvgre { TunnelKind::Nvgre } else { TunnelKind::Gre };
    Tunnel { kind, id: header.key }
}
