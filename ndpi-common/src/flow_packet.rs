//! A packet of a flow, as the decision sees it.

use crate::parse::{Fragment, Notes, Packet, proto, tcp};
use crate::{Direction, Reason, SampleFlags, Weight};

/// What the decision needs to know of a packet.
#[derive(Clone, Copy)]
#[cfg_attr(feature = "user", derive(Debug))]
pub struct FlowPacket<K> {
    /// Its flow.
    pub key: K,
    /// Where the IP header starts, from the frame's start on, as the other offsets.
    pub l3: u32,
    /// Where the header behind IP starts.
    pub l4: u32,
    /// Where the payload of TCP or UDP starts.
    pub payload: u32,
    /// Where the packet ends.
    pub end: u32,
    /// What it counts for.
    pub weight: Weight,
    /// The largest payload of a segment when it is segmented later, else 0.
    pub segment_size: u32,
    /// Bits of [`SampleFlags`].
    pub flags: u32,
    /// Which way it goes.
    pub direction: Direction,
    /// The flags byte of the TCP header, 0 for other protocols.
    pub tcp_flags: u8,
    /// Whether it is a later fragment.
    pub later: bool,
    /// Whether it is an ICMP error that quotes a packet of the flow.
    pub is_error: bool,
    /// Whether another connection may begin with it on the addresses and ports of an earlier one.
    pub begins: bool,
    /// What to count it under, when nothing is decided and it is shown.
    pub reason: Reason,
}

impl<K: Copy> FlowPacket<K> {
    /// A packet of the flow `key`, which is segmented later as `segment_size` says.
    #[inline(always)]
    pub fn new<L>(key: K, packet: &Packet<L>, segment_size: u32) -> Self {
        Self {
            key,
            l3: packet.l3,
            l4: packet.l4,
            payload: packet.payload,
            end: packet.end,
            weight: Weight::of(packet, segment_size),
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
    pub fn about(key: K, error: &Packet, segment_size: u32, quoted: Direction) -> Self {
        let packet = Self::new(key, error, segment_size);
        Self { direction: quoted.opposite(), is_error: true, ..packet }
    }

    /// Whether it carries a packet that is opened.
    #[inline(always)]
    pub const fn is_outer(&self) -> bool {
        self.flags & SampleFlags::OUTER != 0
    }

    /// Whether it is a fragment.
    #[inline(always)]
    pub const fn is_fragment(&self) -> bool {
        self.later || self.flags & SampleFlags::FIRST_FRAGMENT != 0
    }

    /// Whether it is the first fragment of a TCP segment, of the protocol `proto`, and too short to have the flags, without
    /// which nobody can tell what it is (RFC 1858).
    #[inline(always)]
    pub const fn lacks_flags(&self, proto: u8) -> bool {
        self.flags & SampleFlags::FIRST_FRAGMENT != 0 && proto == proto::TCP && self.tcp_flags == 0
    }

    /// Whether it is a TCP packet without payload.
    #[inline(always)]
    pub const fn is_empty(&self) -> bool {
        self.flags & SampleFlags::EMPTY != 0
    }

    /// Whether it has a flow only because it was read leniently: no host takes it. A length of 0 does
    /// not count, as large packets have it that are segmented later or were put together.
    #[inline(always)]
    pub const fn has_bad_length(&self) -> bool {
        matches!(self.reason, Reason::LengthTooLong | Reason::TruncatedPorts)
    }

    /// Which way the client's packets go in a flow that this one opens: its sender is the client, but
    /// for a SYN+ACK, which a server sends. User space sees it the same way.
    #[inline(always)]
    pub const fn client(&self) -> Direction {
        if tcp::accepts(self.tcp_flags) { self.direction.opposite() } else { self.direction }
    }
}

#[inline(always)]
fn flags<K>(packet: &Packet<K>) -> u32 {
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
    if packet.notes & Notes::NO_LINK != 0 {
        flags |= SampleFlags::NO_LINK;
    }
    if packet.tunnel as u8 != 0 {
        flags |= SampleFlags::TUNNELED;
    }
    // Only TCP has flags: other packets without payload are all that their flows consist of. Of a fragment, more follows.
    let is_whole = matches!(packet.fragment, Fragment::Whole { .. });
    if packet.tcp_flags != 0 && packet.payload >= packet.end && is_whole {
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

#[cfg(test)]
mod tests {
    use super::FlowPacket;
    use crate::parse::{Fragment, Notes, Packet, Tunnel, proto, tcp};
    use crate::{Direction, Reason, SampleFlags, testing};

    fn seen(packet: &Packet) -> FlowPacket<()> {
        FlowPacket::new((), packet, 0)
    }

    #[test]
    fn what_is_wrong_with_a_packet_is_what_it_is_counted_under() {
        let packet = testing::tcp(10);
        let with = |notes, size| FlowPacket::new((), &Packet { notes, ..packet }, size);
        assert!(with(Notes::NONE, 0).reason == Reason::Shown);
        assert!(with(Notes::CUT_LENGTH, 0).reason == Reason::LengthTooLong);
        assert!(with(Notes::TRUNCATED_PORTS, 0).reason == Reason::TruncatedPorts);
        assert!(with(Notes::NO_LENGTH, 0).reason == Reason::LengthZero);
        // Segmentation offload leaves the length 0.
        assert!(with(Notes::NO_LENGTH, 1448).reason == Reason::Shown);
        let bad = [Notes::CUT_LENGTH, Notes::TRUNCATED_PORTS];
        assert!(bad.iter().all(|notes| with(*notes, 0).has_bad_length()));
        assert!(!with(Notes::NO_LENGTH, 0).has_bad_length());
    }

    #[test]
    fn only_tcp_without_payload_is_empty() {
        assert!(seen(&testing::tcp(0)).is_empty() && !seen(&testing::tcp(1)).is_empty());
        assert!(!seen(&Packet { tcp_flags: 0, ..testing::tcp(0) }).is_empty());
    }

    #[test]
    fn a_fragment_is_one_wherever_it_lies_in_its_datagram() {
        let with = |fragment| seen(&Packet { fragment, ..testing::tcp(10) });
        let (first, later) = (with(Fragment::First { id: 1 }), with(Fragment::Later { id: 1 }));
        assert!(first.is_fragment() && later.is_fragment() && later.later && !first.later);
        assert!(!with(Fragment::Whole { id: 1 }).is_fragment());
        assert!(first.flags == SampleFlags::FIRST_FRAGMENT);
    }

    #[test]
    fn a_first_fragment_that_ends_within_the_tcp_header_lacks_its_flags() {
        let with = |fragment, tcp_flags| {
            seen(&Packet { fragment, tcp_flags, ..testing::tcp(0) }).lacks_flags(proto::TCP)
        };
        assert!(with(Fragment::First { id: 1 }, 0));
        assert!(!with(Fragment::First { id: 1 }, tcp::ACK));
        assert!(!with(Fragment::Later { id: 1 }, 0) && !with(Fragment::Whole { id: 1 }, 0));
        let first = Packet { fragment: Fragment::First { id: 1 }, ..testing::tcp(0) };
        assert!(!seen(&first).is_empty(), "its payload is in the next fragment");
        assert!(!seen(&Packet { tcp_flags: 0, ..first }).lacks_flags(proto::UDP));
    }

    #[test]
    fn layers_of_a_tunnel_are_told_apart() {
        let packet = testing::tcp(10);
        let outer = seen(&Packet { notes: Notes::OUTER, ..packet });
        let inner = seen(&Packet { tunnel: Tunnel::Vxlan, ..packet });
        assert!(outer.is_outer() && !inner.is_outer());
        assert!(inner.flags == SampleFlags::TUNNELED);
    }

    #[test]
    fn a_frame_that_begins_with_ip_has_no_link_header() {
        let packet = Packet { notes: Notes::NO_LINK, ..testing::tcp(10) };
        assert!(
            seen(&packet).flags == SampleFlags::NO_LINK && seen(&packet).reason == Reason::Shown
        );
    }

    #[test]
    fn a_server_is_known_by_its_syn_ack() {
        let with = |tcp_flags| seen(&Packet { tcp_flags, ..testing::tcp(0) }).client();
        let (from, to) = (testing::tcp(0).direction, testing::tcp(0).direction.opposite());
        assert!([tcp::SYN, tcp::ACK, 0].map(with) == [from; 3]);
        assert!(with(tcp::SYN | tcp::ACK) == to);
    }

    #[test]
    fn an_icmp_error_goes_against_what_it_quotes() {
        let error = FlowPacket::about((), &testing::tcp(8), 0, Direction::FromLower);
        assert!(error.is_error && error.direction == Direction::FromUpper);
    }
}
