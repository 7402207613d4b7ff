//! Samples: packets shown to user space, whatever source they come from.

pub use ndpi_common::parse::tcp;
use ndpi_common::parse::{self, Captured, Fragment, Options, Source as _, proto};
use ndpi_common::reopen::{Header, Opening, Place};
use ndpi_common::{Direction, Hook, LinkHeader, SequenceNumbers, SideNumbers};

use crate::fragments::Piece;
use crate::key::FlowKey;
use crate::tenant::Tenant;

/// One packet of a flow, as the classifier takes it from the rings, a capture or a replay.
#[derive(Clone, Copy, Debug)]
#[expect(clippy::struct_excessive_bools, reason = "independent facts, read by name")]
pub struct Sample<'a> {
    /// The flow it belongs to.
    pub key: FlowKey,
    /// Whose packet it is, by the tunnels that it came through, in captures. Keys from the kernel say it
    /// themselves.
    pub tenant: Tenant,
    /// Which endpoint of the key sent it.
    pub direction: Direction,
    /// When it was seen, nanoseconds since the Unix epoch.
    pub time_ns: u64,
    /// The same on the clock by which flows are idle, which never goes back; only in captures another.
    pub clock_ns: u64,
    /// Its bytes from the IP header on, cut to the IP length.
    pub l3: &'a [u8],
    /// Its length on the wire in bytes, from the IP header on; all segments of a segmented packet.
    pub bytes: u32,
    /// Packets on the wire that it stands for: more than one only with segmentation offload.
    pub packets: u32,
    /// The flags of the TCP header (RFC 9293, section 3.1), 0 for other protocols.
    pub tcp_flags: u8,
    /// Index of the interface it was seen on; of captures that continue one another, the place of
    /// the one it is in, from 0.
    pub ifindex: u32,
    /// The kernel says that it opens its flow again: a verdict on an earlier flow of the same key
    /// has ended. Never in captures, where the classifier sees every packet and judges for itself.
    pub reopened: bool,
    /// The kernel dropped it, by a verdict `reject` that stands: it is shown so that it can be
    /// answered, and is no packet for nDPI. The first of each direction; never in captures.
    pub rejected: bool,
    /// It met a verdict that lets it through, and is counted there: it is shown since it may bring another
    /// request. Never in captures.
    pub watched: bool,
    /// The kernel dropped it, since its flow has no verdict and goes to a blocked server: it is shown
    /// so that the flow gets a verdict of its own. Never in captures.
    pub blocked: bool,
    /// The kernel shows no more packets of its flow: the budget is used up. Never in captures.
    pub last: bool,
    /// Few more of them are within the budget, or none. Never in captures.
    pub scarce: bool,
    /// A TCP packet without payload.
    pub empty: bool,
    /// The kernel says that payload of the flow came before it, or that it is TCP and no SYN came.
    /// Never in captures, where the classifier sees every packet.
    pub under_way: bool,
    /// The kernel says that payload which came before it could not be shown. Never in captures.
    pub loss: bool,
    /// A later fragment whose flow the kernel does not know: its key has no ports. Never in captures.
    pub stray: bool,
    /// The kernel has shown a part of it (`--snap`). Never in captures, which are cut by whoever made them, as a whole.
    pub cut: bool,
    /// What its flow has sent in fragments is not all here yet: it may be a copy of that.
    pub in_doubt: bool,
    /// It was inside a tunnel: key and bytes are those of the inner packet.
    pub tunneled: bool,
    /// It carries the packet inside a tunnel, which passes as that and is counted as that: this one is
    /// for the outer flow to be decided by. Never in captures.
    pub outer: bool,
    /// XDP saw it come in on its interface. Never in captures.
    pub ingress: bool,
    /// What the kernel says that the flow's packets up to this one told of TCP's sequence numbers, since its
    /// track began: where each side's stream begins, and what of it has arrived. Nothing in captures, where
    /// the classifier sees every packet.
    pub sequence: SequenceNumbers,
    /// The link header of its frame, nothing in captures.
    pub link: LinkHeader,
}

impl<'a> Sample<'a> {
    /// Where it came by.
    pub fn place(&self) -> Place {
        Place::new(self.ifindex, if self.ingress { Hook::Xdp } else { Hook::Tc })
    }

    /// What its TCP header says of connections; `None` where it is a fragment, or has none.
    pub fn tcp_header(&self) -> Option<Header> {
        let captured = u32::try_from(self.l3.len()).unwrap_or(u32::MAX);
        let frame = Captured { bytes: self.l3, wire_len: captured.max(self.bytes) };
        let packet = parse::from_ip(&frame, 0, Options::LENIENT).ok()?;
        let is_tcp = self.key.proto() == proto::TCP && packet.key.proto() == proto::TCP;
        let Fragment::Whole { .. } = packet.fragment else { return None };
        is_tcp.then_some(Header {
            direction: self.direction,
            flags: packet.tcp_flags,
            has_payload: packet.has_payload(),
            sequence: u32::from_be_bytes(frame.load(packet.l4 + 4)?),
            acknowledged: u32::from_be_bytes(frame.load(packet.l4 + 8)?),
        })
    }

    /// The opening of the connection of which the kernel has seen the handshake, as far as it was accepted.
    pub(crate) fn accepted_opening(&self) -> Option<Opening> {
        self.opening_if(SideNumbers::is_confirmed)
    }

    /// The same, if the answer came by elsewhere than the SYN, so that no host has forged both.
    pub(crate) fn answered_opening(&self) -> Option<Opening> {
        self.opening_if(SideNumbers::is_answered)
    }

    /// Whether one of these is that of another connection than `own`, as far as both are known.
    pub(crate) fn is_later(own: Option<Opening>, now: Option<Opening>) -> bool {
        own.zip(now).is_some_and(|(own, now)| own != now)
    }

    fn opening_if(&self, holds: impl Fn(SideNumbers) -> bool) -> Option<Opening> {
        let of = |direction| {
            let side = self.sequence.of(direction);
            side.initial().filter(|_| holds(side)).map(|it| Opening::new(direction, it))
        };
        of(Direction::FromLower).or_else(|| of(Direction::FromUpper))
    }

    /// The same with other bytes, which may live longer.
    pub(crate) fn with_bytes<'b>(&self, l3: &'b [u8]) -> Sample<'b> {
        Sample {
            key: self.key,
            tenant: self.tenant,
            direction: self.direction,
            time_ns: self.time_ns,
            clock_ns: self.clock_ns,
            l3,
            bytes: self.bytes,
            packets: self.packets,
            tcp_flags: self.tcp_flags,
            ifindex: self.ifindex,
            reopened: self.reopened,
            rejected: self.rejected,
            watched: self.watched,
            blocked: self.blocked,
            last: self.last,
            scarce: self.scarce,
            empty: self.empty,
            under_way: self.under_way,
            loss: self.loss,
            stray: self.stray,
            cut: self.cut,
            in_doubt: self.in_doubt,
            tunneled: self.tunneled,
            outer: self.outer,
            ingress: self.ingress,
            sequence: self.sequence,
            link: self.link,
        }
    }

    /// Whether it is a fragment of a datagram.
    pub(crate) fn is_fragment(&self) -> bool {
        match self.l3.first().map(|first| first >> 4) {
            Some(4) => self.l3.get(6..8).is_some_and(|bits| bits[0] & 0x3f | bits[1] != 0),
            // It may be behind other headers.
            Some(6) => {
                matches!(self.l3.get(6), Some(0 | 43 | 44 | 51 | 60))
                    && Piece::of(self.l3).is_some()
            }
            _ => false,
        }
    }

    /// The payload of TCP or UDP, as far as it was captured; `None` where it is a fragment, or has none.
    pub fn payload(&self) -> Option<&'a [u8]> {
        let captured = u32::try_from(self.l3.len()).unwrap_or(u32::MAX);
        let frame = Captured { bytes: self.l3, wire_len: captured.max(self.bytes) };
        let packet = parse::from_ip(&frame, 0, Options::LENIENT).ok()?;
        let Fragment::Whole { .. } = packet.fragment else { return None };
        let (start, end) = (packet.payload as usize, packet.end as usize);
        self.l3.get(start..end.min(self.l3.len())).filter(|payload| !payload.is_empty())
    }

    /// One packet on the wire with these bytes, seen at `time_ns`; nothing else is known of it.
    #[inline]
    pub fn new(key: FlowKey, direction: Direction, time_ns: u64, l3: &'a [u8]) -> Self {
        Self {
            key,
            tenant: Tenant::default(),
            direction,
            time_ns,
            clock_ns: time_ns,
            l3,
            bytes: u32::try_from(l3.len()).unwrap_or(u32::MAX),
            packets: 1,
            tcp_flags: 0,
            ifindex: 0,
            reopened: false,
            rejected: false,
            watched: false,
            blocked: false,
            last: false,
            scarce: false,
            empty: false,
            under_way: false,
            loss: false,
            stray: false,
            cut: false,
            in_doubt: false,
            tunneled: false,
            outer: false,
            ingress: false,
            sequence: SequenceNumbers::UNKNOWN,
            link: LinkHeader::NONE,
        }
    }
}

/// The flags of the TCP header of the packet `l3`, 0 where it has none.
pub(crate) fn tcp_flags(l3: &[u8]) -> u8 {
    let frame = Captured { bytes: l3, wire_len: u32::try_from(l3.len()).unwrap_or(u32::MAX) };
    parse::from_ip(&frame, 0, Options::LENIENT).map_or(0, |packet| packet.tcp_flags)
}
