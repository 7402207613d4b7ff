//! The result of parsing: a packet, its flow, and where its headers are.

use super::{Tags, Tunnel};
use crate::{Direction, FragmentPorts, Key, TenantIds, TenantKey};

/// A packet that belongs to a flow. Offsets count from the start of the frame.
#[derive(Clone, Copy, PartialEq, Eq)]
#[cfg_attr(feature = "user", derive(Debug))]
pub struct Packet<K = Key> {
    /// The flow. A later fragment has ports 0, see [`Packet::with_ports`].
    pub key: K,
    /// Which way the packet goes.
    pub direction: Direction,
    /// Whether it is a fragment.
    pub fragment: Fragment,
    /// Where the IP header starts.
    pub l3: u32,
    /// Where the header after IP (and its extension headers) starts.
    pub l4: u32,
    /// Where the payload of TCP or UDP starts; for other protocols, and in later fragments, `l4`.
    pub payload: u32,
    /// Where the IP packet ends, by its own length: link-layer padding is not part of it.
    pub end: u32,
    /// The flags byte of the TCP header, 0 for other protocols.
    pub tcp_flags: u8,
    /// [`Notes`].
    pub notes: u8,
    /// The VLAN tags that were stepped over.
    pub tags: Tags,
    /// The tunnel that was opened to get here.
    pub tunnel: Tunnel,
    /// What all tunnels that were opened say of whose packet it is.
    pub tenant: TenantIds,
}

/// Whether a packet is a fragment, and of which datagram.
///
/// Every variant has the identification: a field that only some had would be left unset in the
/// others, and the BPF verifier does not accept that what is unset is copied.
#[derive(Clone, Copy, PartialEq, Eq)]
#[cfg_attr(feature = "user", derive(Debug))]
pub enum Fragment {
    /// Not a fragment.
    Whole {
        /// The IP identification; 0 in an IPv6 packet without a fragment header.
        id: u32,
    },
    /// The first fragment, with the ports; more follow.
    First {
        /// The IP identification.
        id: u32,
    },
    /// A later fragment, without ports.
    Later {
        /// The IP identification.
        id: u32,
    },
}

/// Bits of [`Packet::notes`].
pub struct Notes;

impl Notes {
    /// Nothing of note.
    pub const NONE: u8 = 0;
    /// TCP or UDP, but the packet ends within its header: the ports in the key are 0.
    pub const TRUNCATED_PORTS: u8 = 1;
    /// The IP length was 0 and was taken to mean all that is there.
    pub const NO_LENGTH: u8 = 2;
    /// The IPv4 header has options, or the IPv6 header has extension headers.
    pub const OPTIONS: u8 = 4;
    /// The IP length went beyond the frame and was cut to what was there.
    pub const CUT_LENGTH: u8 = 8;
    /// It carries another packet that is opened: it is one of the outer flow, whose verdict comes first.
    pub const OUTER: u8 = 16;
    /// The frame that it came in begins with an IP header. The programs note it; the parser is told where to begin.
    pub const NO_LINK: u8 = 32;
}

/// Why a frame has no flow.
#[repr(u8)]
#[derive(Clone, Copy, PartialEq, Eq)]
#[cfg_attr(feature = "user", derive(Debug, Hash))]
pub enum Refusal {
    /// Neither IPv4 nor IPv6.
    NotIp,
    /// An 802.3 frame with a length in place of an EtherType.
    Llc,
    /// More VLAN tags or MPLS labels than are stepped over.
    TooManyTags,
    /// The frame ends within its link header or tags.
    TruncatedLink,
    /// The frame ends within its IP header.
    TruncatedIp,
    /// The IP version does not fit the EtherType.
    BadVersion,
    /// The IPv4 header length is below 5 words.
    BadHeaderLength,
    /// The IP length is shorter than the headers it should hold.
    LengthTooShort,
    /// The IP length is longer than the frame.
    LengthTooLong,
    /// The IP length is 0.
    LengthZero,
    /// More IPv6 extension headers than are stepped over.
    TooManyExtensions,
    /// The packet ends within an IPv6 extension header.
    TruncatedExtension,
}

impl Refusal {
    /// Whether the frame is broken or made to be misread: cut, contradicting itself, or wrapped in
    /// more tags than any network uses. The others are frames that are none of our business, and
    /// long chains of extension headers, which have a switch of their own.
    #[inline(always)]
    pub const fn is_malformed(self) -> bool {
        match self {
            Self::NotIp | Self::Llc | Self::TooManyExtensions => false,
            Self::TooManyTags
            | Self::TruncatedLink
            | Self::TruncatedIp
            | Self::BadVersion
            | Self::BadHeaderLength
            | Self::LengthTooShort
            | Self::LengthTooLong
            | Self::LengthZero
            | Self::TruncatedExtension => true,
        }
    }
}

impl<K> Packet<K> {
    /// Bytes of the IP packet, header included.
    #[inline(always)]
    pub const fn ip_len(&self) -> u32 {
        self.end - self.l3
    }

    /// Whether anything follows the headers.
    #[inline(always)]
    pub const fn has_payload(&self) -> bool {
        self.payload < self.end
    }

    /// The same packet with another form of key.
    #[inline(always)]
    pub fn map_key<L>(self, key: impl FnOnce(K) -> L) -> Packet<L> {
        Packet {
            key: key(self.key),
            direction: self.direction,
            fragment: self.fragment,
            l3: self.l3,
            l4: self.l4,
            payload: self.payload,
            end: self.end,
            tcp_flags: self.tcp_flags,
            notes: self.notes,
            tags: self.tags,
            tunnel: self.tunnel,
            tenant: self.tenant,
        }
    }
}

impl Packet {
    /// The key of the packet's flow, which may be a tenant's. `key` alone is what the flow is to its ends.
    #[inline(always)]
    pub fn flow_key(&self) -> Key {
        Key::of_tenant(&self.key, self.tenant)
    }

    /// A later fragment with the ports of its datagram's first: `source` and `destination` as
    /// the sender wrote them.
    #[must_use]
    #[inline(always)]
    pub fn with_ports(mut self, source: u16, destination: u16) -> Self {
        self.set_ports(source, destination);
        self
    }

    /// Gives a later fragment what only its datagram's first fragment tells.
    #[inline(always)]
    pub fn join(&mut self, first: FragmentPorts) {
        match &mut self.key {
            Key::V4(key) => key.proto = first.proto,
            Key::V6(key) => key.proto = first.proto,
            Key::Tenant(key) => key.flow.proto = first.proto,
        }
        self.set_ports(first.source, first.destination);
    }

    #[inline(always)]
    fn set_ports(&mut self, source: u16, destination: u16) {
        let equal = match &self.key {
            Key::V4(key) => key.lower == key.upper,
            Key::V6(key) => key.lower == key.upper,
            Key::Tenant(key) => key.flow.lower == key.flow.upper,
        };
        // Between different addresses the ports do not change which endpoint is lower.
        if equal {
            self.direction =
                if source <= destination { Direction::FromLower } else { Direction::FromUpper };
        }
        let (lower, upper) = match self.direction {
            Direction::FromLower => (source, destination),
            Direction::FromUpper => (destination, source),
        };
        match &mut self.key {
            Key::V4(key) => (key.lower_port, key.upper_port) = (lower, upper),
            Key::V6(key) => (key.lower_port, key.upper_port) = (lower, upper),
            Key::Tenant(TenantKey { flow, .. }) => {
                (flow.lower_port, flow.upper_port) = (lower, upper);
            }
        }
    }

    /// The source and the destination port, as the sender wrote them.
    #[inline(always)]
    pub fn ports(&self) -> (u16, u16) {
        let (lower, upper) = self.key.ports();
        match self.direction {
            Direction::FromLower => (lower, upper),
            Direction::FromUpper => (upper, lower),
        }
    }
}
