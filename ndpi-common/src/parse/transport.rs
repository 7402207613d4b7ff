//! TCP (RFC 9293) and UDP (RFC 768): ports, flags, where the payload starts.

use super::{Fragment, Notes, Options, Source};

/// IP protocol numbers (IANA).
pub mod proto {
    /// ICMP (RFC 792).
    pub const ICMP: u8 = 1;
    /// IPv4 in IP (RFC 2003).
    pub const IPV4: u8 = 4;
    /// TCP (RFC 9293).
    pub const TCP: u8 = 6;
    /// UDP (RFC 768).
    pub const UDP: u8 = 17;
    /// IPv6 in IP (RFC 2473).
    pub const IPV6: u8 = 41;
    /// GRE (RFC 2784).
    pub const GRE: u8 = 47;
    /// ICMP for IPv6 (RFC 4443).
    pub const ICMPV6: u8 = 58;
    /// UDP-Lite (RFC 3828).
    pub const UDP_LITE: u8 = 136;
}

/// The shortest TCP header.
pub(super) const TCP_LEN: u32 = 20;
/// The UDP header.
pub(super) const UDP_LEN: u32 = 8;

/// What the transport header says.
#[derive(Clone, Copy)]
pub(super) struct Transport {
    pub(super) source: u16,
    pub(super) destination: u16,
    pub(super) payload: u32,
    pub(super) tcp_flags: u8,
    pub(super) notes: u8,
}

/// How much of a transport header is to be expected.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Part {
    /// All of it.
    All,
    /// Its ports at least: a first fragment, or a packet that an ICMP error quotes.
    Ports,
    /// Nothing: a later fragment.
    Nothing,
}

impl Part {
    #[inline(always)]
    pub(super) const fn of(fragment: Fragment, options: Options) -> Self {
        match fragment {
            Fragment::Later { .. } => Self::Nothing,
            Fragment::First { .. } => Self::Ports,
            Fragment::Whole { .. } if options.quoted => Self::Ports,
            Fragment::Whole { .. } => Self::All,
        }
    }
}

/// Reads the header of `proto` at `l4` of a packet that ends at `end`.
#[inline(always)]
pub(super) fn read<S: Source + ?Sized>(
    source: &S,
    proto: u8,
    l4: u32,
    end: u32,
    part: Part,
) -> Transport {
    let nothing = Transport { source: 0, destination: 0, payload: l4, tcp_flags: 0, notes: 0 };
    if part == Part::Nothing {
        return nothing;
    }
    let found = match proto {
        proto::TCP => tcp(source, l4, end),
        proto::UDP => udp(source, l4, end),
        _ => return nothing,
    };
    let cut = Transport { payload: end, notes: Notes::TRUNCATED_PORTS, ..nothing };
    found.or_else(|| ports(source, l4, end, part)).unwrap_or(cut)
}

/// The ports of what ends within the transport header. Of a first fragment (RFC 1858) the rest of
/// the header comes in the next one; an ICMP error need not quote it.
#[inline(always)]
fn ports<S: Source + ?Sized>(source: &S, l4: u32, end: u32, part: Part) -> Option<Transport> {
    if part != Part::Ports || l4 + 4 > end {
        return None;
    }
    let [a, b, c, d] = source.load(l4)?;
    let (source, destination) = (u16::from_be_bytes([a, b]), u16::from_be_bytes([c, d]));
    Some(Transport { source, destination, payload: end, tcp_flags: 0, notes: Notes::NONE })
}

#[inline(always)]
fn tcp<S: Source + ?Sized>(source: &S, l4: u32, end: u32) -> Option<Transport> {
    if l4 + TCP_LEN > end {
        return None;
    }
    let header: [u8; TCP_LEN as usize] = source.load(l4)?;
    Some(Transport {
        source: u16::from_be_bytes([header[0], header[1]]),
        destination: u16::from_be_bytes([header[2], header[3]]),
        payload: tcp_payload(header[12], l4, end),
        tcp_flags: header[13],
        notes: 0,
    })
}

/// Where the payload starts by the data offset in `byte`; an offset that lies leaves none.
#[inline(always)]
pub(super) fn tcp_payload(byte: u8, l4: u32, end: u32) -> u32 {
    let len = u32::from(byte >> 4) * 4;
    if len < TCP_LEN || l4 + len > end { end } else { l4 + len }
}

#[inline(always)]
fn udp<S: Source + ?Sized>(source: &S, l4: u32, end: u32) -> Option<Transport> {
    if l4 + UDP_LEN > end {
        return None;
    }
    let header: [u8; UDP_LEN as usize] = source.load(l4)?;
    Some(Transport {
        source: u16::from_be_bytes([header[0], header[1]]),
        destination: u16::from_be_bytes([header[2], header[3]]),
        payload: l4 + UDP_LEN,
        tcp_flags: 0,
        notes: 0,
    })
}
