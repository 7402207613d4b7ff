//! Ethernet, VLAN tags, MPLS and PPPoE.

use super::{Refusal, Source};
use crate::TenantIds;

/// VLAN tags that are stepped over.
pub const MAX_TAGS: u8 = 4;
/// MPLS labels that are stepped over.
pub const MAX_LABELS: u32 = 8;
/// Bytes of an Ethernet header.
pub const ETHERNET_LEN: u32 = 14;

/// The bits of a tag that say which VLAN it is.
const IDENTIFIER: u16 = 0xfff;

/// EtherTypes (IANA) that the parser knows.
pub mod ethertype {
    /// IPv4.
    pub const IPV4: u16 = 0x0800;
    /// IPv6.
    pub const IPV6: u16 = 0x86dd;
    /// A VLAN tag, 802.1Q.
    pub const VLAN: u16 = 0x8100;
    /// A service VLAN tag, 802.1ad.
    pub const SERVICE_VLAN: u16 = 0x88a8;
    /// A VLAN tag as stacked before 802.1ad.
    pub const OLD_QINQ: u16 = 0x9100;
    /// MPLS, unicast.
    pub const MPLS: u16 = 0x8847;
    /// MPLS, multicast.
    pub const MPLS_MULTICAST: u16 = 0x8848;
    /// PPPoE, session stage (RFC 2516).
    pub const PPPOE_SESSION: u16 = 0x8864;
    /// Ethernet in GRE.
    pub const BRIDGED_ETHERNET: u16 = 0x6558;
    /// The lowest value that is an EtherType and not an 802.3 length.
    pub const LOWEST: u16 = 0x0600;
}

/// Where in a frame something of an EtherType starts.
#[derive(Clone, Copy, PartialEq, Eq)]
#[cfg_attr(feature = "user", derive(Debug))]
pub struct Link {
    /// The EtherType.
    pub ethertype: u16,
    /// The offset.
    pub at: u32,
    /// The VLAN tags before it.
    pub tags: Tags,
    /// How many tunnels were opened to get there.
    pub tunnel: u8,
    /// What these say of whose packet it is.
    pub tenant: TenantIds,
}

impl Link {
    /// An EtherType at an offset, with nothing before it.
    #[inline(always)]
    pub const fn bare(ethertype: u16, at: u32) -> Self {
        const NO_TAGS: Tags = Tags { count: 0, ids: [0; MAX_TAGS as usize] };
        Self { ethertype, at, tags: NO_TAGS, tunnel: 0, tenant: TenantIds::NONE }
    }
}

/// VLAN identifiers (12 bits), outermost first.
#[derive(Clone, Copy, PartialEq, Eq, Default)]
#[cfg_attr(feature = "user", derive(Debug))]
pub struct Tags {
    /// How many there are.
    pub count: u8,
    /// The identifiers.
    pub ids: [u16; MAX_TAGS as usize],
}

impl Tags {
    /// The one tag `tci` (its identifier is the lower 12 bits; without one it is no VLAN's).
    #[inline(always)]
    pub const fn one(tci: u16) -> Self {
        let id = tci & IDENTIFIER;
        Self { count: (id != 0) as u8, ids: [id, 0, 0, 0] }
    }

    /// The identifier next to the packet, 0 when there is no tag: the one in the flow's key.
    #[inline(always)]
    pub const fn innermost(&self) -> u16 {
        match self.count {
            0 => 0,
            1 => self.ids[0],
            2 => self.ids[1],
            3 => self.ids[2],
            _ => self.ids[3],
        }
    }

    /// These tags and `tci` within them; `None` when there are [`MAX_TAGS`] already. A tag that
    /// only has a priority (identifier 0) leaves the frame in the VLAN it is in.
    #[inline(always)]
    fn and(mut self, tci: u16) -> Option<Self> {
        let id = tci & IDENTIFIER;
        if id == 0 {
            return Some(self);
        }
        // Spelled out: an index that is not a constant would need a bounds check that the
        // verifier follows.
        match self.count {
            0 => self.ids[0] = id,
            1 => self.ids[1] = id,
            2 => self.ids[2] = id,
            3 => self.ids[3] = id,
            _ => return None,
        }
        self.count += 1;
        Some(self)
    }
}

/// Reads the Ethernet header at `at`, and steps over what follows it up to IP.
#[inline(always)]
pub(super) fn ethernet<S: Source + ?Sized>(
    source: &S,
    at: u32,
    tags: Tags,
) -> Result<Link, Refusal> {
    let ethertype = source.load(at + 12).ok_or(Refusal::TruncatedLink)?;
    let ethertype = u16::from_be_bytes(ethertype);
    walk(source, Link { tags, ..Link::bare(ethertype, at + ETHERNET_LEN) })
}

/// Steps over tags, labels and PPPoE until IP is reached.
#[inline(always)]
pub(super) fn walk<S: Source + ?Sized>(source: &S, mut link: Link) -> Result<Link, Refusal> {
    for _ in 0..=MAX_TAGS {
        match link.ethertype {
            ethertype::IPV4 | ethertype::IPV6 => {
                link.at = source.forget(link.at);
                return Ok(link);
            }
            ethertype::VLAN | ethertype::SERVICE_VLAN | ethertype::OLD_QINQ => {
                let [a, b, c, d] = source.load(link.at).ok_or(Refusal::TruncatedLink)?;
                let tci = u16::from_be_bytes([a, b]);
                link = Link {
                    ethertype: u16::from_be_bytes([c, d]),
                    at: link.at + 4,
                    tags: link.tags.and(tci).ok_or(Refusal::TooManyTags)?,
                    ..link
                };
            }
            ethertype::MPLS | ethertype::MPLS_MULTICAST => return labels(source, link),
            ethertype::PPPOE_SESSION => return pppoe(source, link),
            length if length < ethertype::LOWEST => return Err(Refusal::Llc),
            _ => return Err(Refusal::NotIp),
        }
    }
    Err(Refusal::TooManyTags)
}

/// Steps over MPLS labels (RFC 3032); the first nibble behind the last tells what it is.
#[inline(always)]
fn labels<S: Source + ?Sized>(source: &S, link: Link) -> Result<Link, Refusal> {
    let mut at = source.forget(link.at);
    for _ in 0..MAX_LABELS {
        let [_, _, bottom, _] = source.load(at).ok_or(Refusal::TruncatedLink)?;
        at += 4;
        if bottom & 1 == 1 {
            let [first] = source.load(at).ok_or(Refusal::TruncatedLink)?;
            let ethertype = match first >> 4 {
                4 => ethertype::IPV4,
                6 => ethertype::IPV6,
                _ => return Err(Refusal::NotIp),
            };
            return Ok(Link { ethertype, at: source.forget(at), ..link });
        }
    }
    Err(Refusal::TooManyTags)
}

/// Steps over a PPPoE session header and the PPP protocol number (RFC 2516).
#[inline(always)]
fn pppoe<S: Source + ?Sized>(source: &S, link: Link) -> Result<Link, Refusal> {
    let header: [u8; 8] = source.load(link.at).ok_or(Refusal::TruncatedLink)?;
    let ethertype = match u16::from_be_bytes([header[6], header[7]]) {
        0x0021 => ethertype::IPV4,
        0x0057 => ethertype::IPV6,
        _ => return Err(Refusal::NotIp),
    };
    Ok(Link { ethertype, at: source.forget(link.at + 8), ..link })
}
