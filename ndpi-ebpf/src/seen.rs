//! A packet as the decision sees it.

use ndpi_common::parse::{Fragment, Notes, Packet};
use ndpi_common::{Direction, Reason, SampleFlags, Switches};

use crate::count::Weight;
use crate::hook::Hooked;
use crate::settings;

/// What the decision needs to know of a packet.
#[derive(Clone, Copy)]
pub(crate) struct Seen<K> {
    pub(crate) key: K,
    pub(crate) l3: u32,
    pub(crate) l4: u32,
    /// Where the payload of TCP or UDP starts.
    pub(crate) payload: u32,
    pub(crate) end: u32,
    pub(crate) weight: Weight,
    pub(crate) segment_size: u32,
    /// Bits of [`SampleFlags`].
    pub(crate) flags: u16,
    pub(crate) direction: Direction,
    pub(crate) tcp_flags: u8,
    /// Whether it is a later fragment.
    pub(crate) later: bool,
    /// Whether it is an ICMP error that quotes a packet of the flow.
    pub(crate) is_error: bool,
    /// Whether another connection may begin with it on the addresses and ports of an earlier one.
    pub(crate) begins: bool,
    /// What to count it under, when nothing is decided and it is shown.
    pub(crate) reason: Reason,
}

impl<K: Copy> Seen<K> {
    /// Weighs a packet as it will be on the wire.
    #[inline(always)]
    pub(crate) fn new<H: Hooked, L>(frame: H, key: K, packet: &Packet<L>) -> Self {
        let segment_size = frame.segment_size();
        Self {
            key,
            l3: packet.l3,
            l4: packet.l4,
            payload: packet.payload,
            end: packet.end,
            weight: weigh(packet, segment_size),
            segment_size,
            flags: flags(packet),
            direction: packet.direction,
            tcp_flags: packet.tcp_flags,
            later: matches!(packet.fragment, Fragment::Later { .. }),
            is_error: false,
            begins: false,
            reason: reason(packet, segment_size),
        }
    }

    /// An ICMP error, as a packet of the flow that it is about: it goes opposite to the packet that
    /// it quotes, which went `quoted`.
    #[inline(always)]
    pub(crate) fn about<H: Hooked>(frame: H, key: K, error: &Packet, quoted: Direction) -> Self {
        Self { direction: quoted.opposite(), is_error: true, ..Self::new(frame, key, error) }
    }

    /// Whether the packet was opened, and goes on as the one inside unless it is dropped.
    #[inline(always)]
    pub(crate) fn is_opened(&self) -> bool {
        settings::is_on(Switches::TUNNELS) && self.flags & SampleFlags::OUTER != 0
    }

    /// Whether the packet is a fragment.
    #[inline(always)]
    pub(crate) fn is_in_parts(&self) -> bool {
        self.later || self.flags & SampleFlags::FIRST_FRAGMENT != 0
    }

    /// Whether it is a TCP packet without payload.
    #[inline(always)]
    pub(crate) fn is_empty(&self) -> bool {
        self.flags & SampleFlags::EMPTY != 0
    }

    /// Whether the packet has a flow only because it was read leniently: no host takes it. A length
    /// of 0 does not count, as large packets have it that are segmented later or were put together.
    #[inline(always)]
    pub(crate) fn is_a_lie(&self) -> bool {
        matches!(self.reason, Reason::LengthTooLong | Reason::TruncatedPorts)
    }
}

/// Every segment carries the headers again.
#[inline(always)]
fn weigh<K>(packet: &Packet<K>, segment_size: u32) -> Weight {
    let bytes = packet.end - packet.l3;
    let payload = packet.end - packet.payload;
    if segment_size == 0 || payload <= segment_size {
        return Weight { packets: 1, bytes };
    }
    let packets = payload.div_ceil(segment_size);
    Weight { packets, bytes: bytes + (packets - 1) * (packet.payload - packet.l3) }
}

#[inline(always)]
fn flags<K>(packet: &Packet<K>) -> u16 {
    let mut flags = 0;
    if matches!(packet.fragment, Fragment::First { .. }) {
        flags |= SampleFlags::FIRST_FRAGMENT;
    }
    if packet.notes & Notes::NO_LENGTH != 0 {
        flags |= SampleFlags::NO_LENGTH;
    }
    if packet.notes & Notes::OUTER != 0 {
        flags |= SampleFlags::OUTER;
    }
    if packet.tunnel as u8 != 0 {
        flags |= SampleFlags::TUNNELED;
    }
    // Only TCP has flags: other packets without payload are all that their flows consist of.
    if packet.tcp_flags != 0 && packet.payload >= packet.end {
        flags |= SampleFlags::EMPTY;
    }
    flags
}

/// What an undecided packet is counted under: what is wrong with it, if anything.
#[inline(always)]
fn reason<K>(packet: &Packet<K>, segment_size: u32) -> Reason {
    if packet.notes & Notes::CUT_LENGTH != 0 {
        Reason::LengthTooLong
    } else if packet.notes & Notes::TRUNCATED_PORTS != 0 {
        Reason::TruncatedPorts
    } else if packet.notes & Notes::NO_LENGTH != 0 && segment_size == 0 {
        Reason::LengthZero
    } else {
        Reason::Shown
    }
}
