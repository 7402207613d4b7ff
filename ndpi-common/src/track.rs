//! Tracks: the kernel's note of a flow that has no verdict yet.

use crate::parse::{proto, tcp};
use crate::reopen::Place;
use crate::{Direction, FlowPacket, HOLD_TICKS, Hook, Reason, SampleFlags, SequenceNumbers, Total};

/// An entry of `TRACK_V4` and `TRACK_V6`, or of `UNANSWERED_V4` and `UNANSWERED_V6` while nobody has
/// answered the client.
///
/// The maps are LRU: an entry may be lost, and the flow is then shown again from the start.
#[repr(C)]
#[derive(Clone, Copy, PartialEq, Eq, Default)]
#[cfg_attr(feature = "user", derive(Debug))]
pub struct Track {
    /// Packets shown to user space; a packet the ring had no room for is not one of them.
    pub shown: u32,
    /// The TCP flags seen in packets of both endpoints, combined by OR; above them bits of
    /// [`TrackNotes`].
    pub tcp_flags: u32,
    /// What the lower and the upper endpoint sent while there was no verdict: packets, of which segments count
    /// one each, and their bytes from the IP header on, as on the wire.
    pub sent: [Total; 2],
    /// The tick of the coarse clock at the last packet.
    pub last_seen: u32,
    /// A [`crate::Direction`]: which way the client's packets go.
    pub client: u16,
    /// With [`TrackNotes::ASKED`], the lower half of the tick at which the client's last payload came, or the SYN
    /// that has it.
    pub asked: u16,
    /// What of `sent` was dropped, because of the flow's server, [`crate::Switches::DROP_OVER_BUDGET`] or
    /// [`crate::Switches::HOLD`].
    pub dropped: Total,
    /// What the packets said of TCP's sequence numbers.
    pub sequence: SequenceNumbers,
}

impl Track {
    /// Whether a packet that goes `direction` and comes by at `place` answers whoever sent the first one, mostly
    /// the client: one that is no reset, and in TCP acknowledges something. Who sends both with forged
    /// addresses cannot make them come by at two places.
    #[inline(always)]
    pub const fn is_answered_by(
        &self,
        (direction, place): (Direction, Place),
        proto: u8,
        tcp_flags: u8,
    ) -> bool {
        // In numbers: the verifier follows each side of a branch through all that comes behind.
        let is_from_server = direction as u32 ^ (self.client as u32 & 1);
        let began_with_server = (self.tcp_flags / TrackNotes::ACCEPTED) & 1;
        is_from_server != began_with_server
            && self.is_elsewhere(place)
            && (proto != proto::TCP || tcp::answers(tcp_flags))
    }

    /// Whether `place` is another than where the first packet came by.
    #[inline(always)]
    const fn is_elsewhere(&self, place: Place) -> bool {
        (self.tcp_flags ^ TrackNotes::opened_at(place)) >= TrackNotes::PLACE
    }

    /// Whether a packet is the server's SYN+ACK beyond what its client can forge, as it comes by elsewhere than the
    /// first packet, which may have been anybody's.
    #[inline(always)]
    pub const fn is_accepted_by<K: Copy>(&self, packet: &FlowPacket<K>, place: Place) -> bool {
        tcp::accepts(packet.tcp_flags) && self.is_elsewhere(place)
    }

    /// The notes that such a SYN+ACK shows to be wrong: no server greets before it, and who sent it asks nothing. A
    /// client may have asked before it.
    #[inline(always)]
    pub const fn disproved_by<K: Copy>(&self, packet: &FlowPacket<K>) -> u32 {
        let is_client = packet.direction as u16 == self.client;
        let kept = self.tcp_flags & TrackNotes::ASKED != 0 && !is_client;
        let asked = if kept { 0 } else { TrackNotes::PAYLOAD | TrackNotes::ASKED };
        asked | TrackNotes::ACCEPTED
    }

    /// Whether a packet has the server's address and is not the server's: it comes by where the first packet did, and
    /// the server has accepted from elsewhere. Where all packets come by at one place, nobody can tell.
    #[inline(always)]
    pub const fn is_forged<K: Copy>(&self, packet: &FlowPacket<K>, place: Place) -> bool {
        let is_server = packet.direction as u16 != self.client;
        is_server && self.sequence.is_accepted_elsewhere() && !self.is_elsewhere(place)
    }

    /// Whether a packet opens a TCP connection on which something else was seen before it: a SYN+ACK of the same
    /// sender, who is no server then, payload, which nobody reads, or anything, but no SYN. It may have been sent so that
    /// its sender is not taken for a client that asks.
    #[inline(always)]
    pub const fn is_opened_late_by<K: Copy>(&self, packet: &FlowPacket<K>) -> bool {
        let is_client = packet.direction as u16 == self.client;
        let before = if is_client { TrackNotes::PAYLOAD } else { TrackNotes::ACCEPTED };
        let notes = self.tcp_flags & (before | TrackNotes::ASKED);
        let is_first = self.tcp_flags & tcp::SYN as u32 == 0;
        tcp::opens(packet.tcp_flags) && (notes == before || is_first)
    }

    /// Whether a packet is payload of the client of a TCP flow that was seen from its SYN on, which spoke first: a
    /// hello or a request, or a part of one, whatever it holds. A later one counts as well as the first, until
    /// something of the server has passed: the first may have been one that the server never gets.
    #[inline(always)]
    pub const fn is_asked_by<K: Copy>(&self, packet: &FlowPacket<K>) -> bool {
        let is_client = packet.direction as u16 == self.client;
        let had = self.tcp_flags & (tcp::SYN as u32 | TrackNotes::PAYLOAD);
        let is_first = had == tcp::SYN as u32 || self.tcp_flags & TrackNotes::ASKED != 0;
        is_client && !packet.is_empty() && is_first
    }

    /// Whether a packet is an answer of the server to what its client has asked.
    #[inline(always)]
    pub const fn is_replied_by<K: Copy>(&self, packet: &FlowPacket<K>, place: Place) -> bool {
        let is_server = packet.direction as u16 != self.client && !self.is_forged(packet, place);
        // Without its SYN+ACK, there would be no connection.
        let has_payload = !packet.is_empty() && packet.tcp_flags & tcp::SYN == 0;
        is_server && has_payload && self.tcp_flags & TrackNotes::ASKED != 0
    }

    /// Whether such an answer is held at `tick` ([`crate::Switches::HOLD`]): the client has asked just now. What the
    /// kernel holds back is sent again by TCP.
    #[inline(always)]
    pub const fn holds(&self, tick: u32) -> bool {
        #[expect(clippy::cast_possible_truncation, reason = "the lower half")]
        let since = (tick as u16).wrapping_sub(self.asked);
        (since as u32) < HOLD_TICKS
    }

    /// What both count, of one flow.
    #[must_use]
    pub const fn plus(mut self, other: &Self) -> Self {
        let [lower, upper] = other.sent;
        self.sent = [self.sent[0].and(lower), self.sent[1].and(upper)];
        self.dropped = self.dropped.and(other.dropped);
        self
    }

    /// What both endpoints sent.
    pub const fn total(&self) -> Total {
        self.sent[0].and(self.sent[1])
    }
}

/// Bits of [`Track::tcp_flags`] that are no TCP flags.
pub struct TrackNotes;

impl TrackNotes {
    /// A packet with payload was seen.
    pub const PAYLOAD: u32 = 1 << 8;
    /// A packet with payload could not be shown although the budget was not spent.
    pub const LOSS: u32 = 1 << 9;
    /// XDP has seen packets of the lower endpoint, see [`crate::State::INGRESS_LOWER`].
    pub const INGRESS_LOWER: u32 = 1 << 10;
    /// The same of the upper endpoint.
    pub const INGRESS_UPPER: u32 = 1 << 11;
    /// The first packet was a SYN+ACK, which the server sends: nobody has answered until the client
    /// does.
    pub const ACCEPTED: u32 = 1 << 12;
    /// The first payload was the client's, and its SYN came before; nothing of the server has passed since.
    pub const ASKED: u32 = 1 << 13;
    /// The lowest of the bits that say where the first packet came by.
    const PLACE: u32 = 1 << 14;

    /// The bits that say that the first packet came by at `place`. They tell interfaces apart whose indices do not
    /// differ by multiples of 2^17.
    #[inline(always)]
    pub const fn opened_at(place: Place) -> u32 {
        place.0.wrapping_mul(Self::PLACE)
    }

    /// What a SYN that opens a connection late takes out of the notes: what came before it, and where.
    #[inline(always)]
    pub const fn before_opening() -> u32 {
        Self::ACCEPTED | Self::PAYLOAD | !(Self::PLACE - 1)
    }

    /// The bit that says that XDP has seen packets that go `direction`.
    #[inline(always)]
    pub const fn at_ingress(direction: Direction) -> u32 {
        // Without a branch, of which the verifier would follow both sides.
        Self::INGRESS_LOWER << direction as u32
    }

    /// What a packet leaves behind that is seen at `hook`, the TCP flags included.
    #[inline(always)]
    pub const fn of<K: Copy>(packet: &FlowPacket<K>, hook: Hook) -> u32 {
        let payload = if packet.is_empty() { 0 } else { Self::PAYLOAD };
        let ingress = match hook {
            Hook::Xdp => Self::at_ingress(packet.direction),
            Hook::Tc => 0,
        };
        let asked =
            if tcp::opens(packet.tcp_flags) && !packet.is_empty() { Self::ASKED } else { 0 };
        packet.tcp_flags as u32 | payload | ingress | asked
    }

    /// What it leaves behind besides where it was not shown for `reason`.
    #[inline(always)]
    pub const fn loss<K: Copy>(packet: &FlowPacket<K>, reason: Option<Reason>) -> u32 {
        match reason {
            Some(
                Reason::RingFull | Reason::RingContended | Reason::HeldBack | Reason::Unattended,
            ) if !packet.is_empty() => Self::LOSS,
            _ => 0,
        }
    }

    /// What `notes` say of the packets before, as [`SampleFlags`].
    #[inline(always)]
    pub const fn sample_flags(notes: u32) -> u32 {
        let tcp = notes & 0xff;
        let no_syn = tcp != 0 && tcp & tcp::SYN as u32 == 0;
        let mut flags = 0;
        if no_syn || notes & Self::PAYLOAD != 0 {
            flags |= SampleFlags::UNDER_WAY;
        }
        if notes & Self::LOSS != 0 {
            flags |= SampleFlags::LOSS;
        }
        flags
    }

    /// Whether a packet with these TCP flags belongs to the flow that left `notes` behind, or begins a
    /// later one of the same key; `idle` says whether the last packet is longer ago than a flow may
    /// pause.
    #[inline(always)]
    pub const fn goes_on(notes: u32, idle: bool, tcp_flags: u8) -> bool {
        let ending = notes & (tcp::FIN | tcp::RST) as u32 != 0;
        !(idle || ending && tcp::opens(tcp_flags))
    }
}

const _: () = assert!(size_of::<Track>() == 4 + 4 + 2 * 16 + 4 + 2 + 2 + 16 + 24);

// SAFETY: `repr(C)`, integers only, no padding (asserted above): every bit pattern is a value, and
// every byte of a value is initialised.
unsafe impl crate::Pod for Track {}

#[cfg(test)]
mod tests {
    use super::{Track, TrackNotes};
    use crate::parse::{proto, tcp};
    use crate::reopen::Place;
    use crate::{
        Direction, FlowPacket, HOLD_TICKS, Hook, Known, Reason, SampleFlags, Total, testing,
    };

    #[test]
    fn an_end_lets_a_syn_begin_another_flow_and_silence_any_packet() {
        let ended = [tcp::FIN, tcp::RST, tcp::RST | tcp::ACK].map(u32::from);
        for notes in ended {
            assert!(!TrackNotes::goes_on(notes, false, tcp::SYN));
            assert!(
                [tcp::SYN | tcp::ACK, tcp::ACK, 0]
                    .iter()
                    .all(|flags| TrackNotes::goes_on(notes, false, *flags))
            );
        }
        assert!(TrackNotes::goes_on(u32::from(tcp::SYN | tcp::ACK), false, tcp::SYN));
        assert!(TrackNotes::goes_on(TrackNotes::PAYLOAD | TrackNotes::LOSS, false, tcp::SYN));
        assert!(!TrackNotes::goes_on(0, true, tcp::ACK));
    }

    #[test]
    fn packets_leave_behind_what_later_samples_say() {
        let packet = FlowPacket::new((), &testing::tcp(10), 0);
        let empty = FlowPacket::new((), &testing::tcp(0), 0);
        let ingress = TrackNotes::at_ingress(packet.direction);
        assert!(TrackNotes::of(&packet, Hook::Tc) == TrackNotes::PAYLOAD | u32::from(tcp::ACK));
        assert!(TrackNotes::of(&empty, Hook::Xdp) == ingress | u32::from(tcp::ACK));
        let lost = |packet, reason| TrackNotes::loss(packet, Some(reason)) != 0;
        assert!(lost(&packet, Reason::RingFull) && lost(&packet, Reason::HeldBack));
        assert!(!lost(&packet, Reason::OverBudget) && !lost(&empty, Reason::RingFull));
        assert!(TrackNotes::loss(&packet, None) == 0);
        let upper = TrackNotes::at_ingress(Direction::FromUpper);
        assert!(upper == TrackNotes::INGRESS_UPPER);
    }

    #[test]
    fn a_flow_is_under_way_behind_payload_or_without_a_syn() {
        let flags = TrackNotes::sample_flags;
        let (syn, ack) = (u32::from(tcp::SYN), u32::from(tcp::ACK));
        assert!(flags(0) == 0 && flags(syn) == 0 && flags(syn | ack) == 0);
        assert!(flags(ack) == SampleFlags::UNDER_WAY);
        assert!(flags(syn | TrackNotes::PAYLOAD) == SampleFlags::UNDER_WAY);
        assert!(flags(syn | TrackNotes::LOSS) == SampleFlags::LOSS);
    }

    const IN: Place = Place::new(2, Hook::Xdp);
    const OUT: Place = Place::new(2, Hook::Tc);

    #[test]
    fn only_the_other_side_answers() {
        let tcp_flags = TrackNotes::opened_at(IN);
        let track = Track { client: Direction::FromLower as u16, tcp_flags, ..Track::default() };
        let answers =
            |direction, proto, flags| track.is_answered_by((direction, OUT), proto, flags);
        assert!(answers(Direction::FromUpper, proto::UDP, 0));
        assert!(!answers(Direction::FromLower, proto::UDP, 0));
        assert!(answers(Direction::FromUpper, proto::TCP, tcp::SYN | tcp::ACK));
        assert!(!answers(Direction::FromUpper, proto::TCP, tcp::RST | tcp::ACK));
        assert!(!answers(Direction::FromUpper, proto::TCP, tcp::SYN));
    }

    /// The track of a flow from the lower endpoint whose client has sent a SYN.
    fn opened() -> Track {
        let client = Direction::FromLower as u16;
        Track { client, tcp_flags: u32::from(tcp::SYN), ..Track::default() }
    }

    /// A segment with so many bytes of payload.
    fn segment(direction: Direction, payload: u32) -> FlowPacket<()> {
        FlowPacket { direction, ..FlowPacket::new((), &testing::tcp(payload), 0) }
    }

    #[test]
    fn a_client_asks_with_the_first_payload_and_what_follows() {
        let (out, back) = (Direction::FromLower, Direction::FromUpper);
        let opened = opened();
        assert!(opened.is_asked_by(&segment(out, 1)) && !opened.is_asked_by(&segment(out, 0)));
        assert!(!opened.is_asked_by(&segment(back, 1)), "a server's greeting");
        let in_syn = FlowPacket { tcp_flags: tcp::SYN, ..segment(out, 1) };
        assert!(TrackNotes::of(&in_syn, Hook::Tc) & TrackNotes::ASKED != 0, "RFC 7413");
        let syn = FlowPacket { tcp_flags: tcp::SYN, ..segment(out, 0) };
        assert!(TrackNotes::of(&syn, Hook::Tc) & TrackNotes::ASKED == 0);
        let tcp_flags = opened.tcp_flags | TrackNotes::PAYLOAD;
        let greeted = Track { tcp_flags, ..opened };
        assert!(!greeted.is_asked_by(&segment(out, 1)), "a client that answers");
        let asked = Track { tcp_flags: tcp_flags | TrackNotes::ASKED, ..opened };
        assert!(asked.is_asked_by(&segment(out, 1)) && !asked.is_asked_by(&segment(back, 1)));
        let unseen = Track { tcp_flags: u32::from(tcp::ACK), ..opened };
        assert!(!unseen.is_asked_by(&segment(out, 1)), "it may be in the middle of something");
    }

    #[test]
    fn a_syn_says_who_is_the_client_whatever_was_sent_before() {
        let syn = |direction| FlowPacket { tcp_flags: tcp::SYN, ..segment(direction, 0) };
        let [out, back] = [Direction::FromLower, Direction::FromUpper].map(syn);
        let with = |tcp_flags| Track { tcp_flags, ..opened() };
        let accepted = with(TrackNotes::ACCEPTED | u32::from(tcp::SYN | tcp::ACK));
        assert!(accepted.is_opened_late_by(&back), "who sent the SYN+ACK asks");
        assert!(!accepted.is_opened_late_by(&out), "it was the server's");
        let payload = with(TrackNotes::PAYLOAD | u32::from(tcp::ACK));
        assert!(payload.is_opened_late_by(&out) && payload.is_opened_late_by(&back));
        let greeted = with(TrackNotes::PAYLOAD | u32::from(tcp::SYN));
        assert!(greeted.is_opened_late_by(&out) && !greeted.is_opened_late_by(&back));
        let asked = with(greeted.tcp_flags | TrackNotes::ASKED);
        assert!(!asked.is_opened_late_by(&out), "the SYN came before");
        assert!(!opened().is_opened_late_by(&out), "nothing came before");
        let answer =
            FlowPacket { tcp_flags: tcp::SYN | tcp::ACK, ..segment(Direction::FromUpper, 0) };
        assert!(!accepted.is_opened_late_by(&answer) && !payload.is_opened_late_by(&answer));
    }

    #[test]
    fn what_answers_is_held_for_a_while() {
        let (out, back) = (Direction::FromLower, Direction::FromUpper);
        for at in [7, u32::from(u16::MAX) - 3, u32::MAX - 3] {
            let tcp_flags = opened().tcp_flags | TrackNotes::ASKED;
            let track = Track { tcp_flags, asked: (at & 0xffff) as u16, ..opened() };
            let last = at.wrapping_add(HOLD_TICKS - 1);
            assert!(track.holds(at) && track.holds(last) && !track.holds(last.wrapping_add(1)));
            let replies = |segment| track.is_replied_by(&segment, OUT);
            assert!(replies(segment(back, 1)));
            assert!(!replies(segment(out, 1)), "the rest of the hello");
            assert!(!replies(segment(back, 0)), "an acknowledgement");
            let accepting = FlowPacket { tcp_flags: tcp::SYN | tcp::ACK, ..segment(back, 1) };
            assert!(!replies(accepting), "the connection itself");
            let unasked = Track { tcp_flags: opened().tcp_flags, ..track };
            assert!(!unasked.is_replied_by(&segment(back, 1), OUT));
        }
    }

    #[test]
    fn what_a_client_sends_with_its_servers_address_is_no_reply() {
        let (out, back) = (Direction::FromLower, Direction::FromUpper);
        let notes = u32::from(tcp::SYN) | TrackNotes::ASKED | TrackNotes::opened_at(IN);
        let mut track = Track { tcp_flags: notes, ..opened() };
        assert!(!track.is_forged(&segment(back, 1), IN), "a router with one interface");
        track.sequence.lower.known = Known::accepted_elsewhere();
        assert!(
            track.is_forged(&segment(back, 1), IN) && !track.is_replied_by(&segment(back, 1), IN)
        );
        assert!(
            track.is_replied_by(&segment(back, 1), OUT) && !track.is_forged(&segment(out, 1), IN)
        );
    }

    #[test]
    fn a_syn_ack_from_elsewhere_says_who_has_asked() {
        let answer =
            |direction| FlowPacket { tcp_flags: tcp::SYN | tcp::ACK, ..segment(direction, 0) };
        let [from_client, from_server] = [Direction::FromLower, Direction::FromUpper].map(answer);
        let track = Track { tcp_flags: TrackNotes::opened_at(IN), ..opened() };
        assert!(track.is_accepted_by(&from_server, OUT) && !track.is_accepted_by(&from_server, IN));
        assert!(!track.is_accepted_by(&segment(Direction::FromUpper, 0), OUT));
        let (payload, asked) = (TrackNotes::PAYLOAD, TrackNotes::ASKED);
        assert!(track.disproved_by(&from_server) & payload != 0, "a greeting before it");
        let early = Track { tcp_flags: asked | payload, ..track };
        assert!(early.disproved_by(&from_server) & (payload | asked) == 0, "RFC 7413");
        assert!(early.disproved_by(&from_client) & asked != 0, "who accepts has not asked");
    }

    #[test]
    fn an_answer_comes_from_elsewhere() {
        let tcp_flags = TrackNotes::opened_at(IN) | TrackNotes::PAYLOAD;
        let track = Track { client: Direction::FromUpper as u16, tcp_flags, ..Track::default() };
        let answers = |place| track.is_answered_by((Direction::FromLower, place), proto::UDP, 0);
        assert!(!answers(IN), "who forges the question forges the answer");
        assert!(answers(OUT) && answers(Place::new(3, Hook::Xdp)));
    }

    #[test]
    fn a_server_whose_syn_ack_came_first_does_not_answer_itself() {
        let tcp_flags = TrackNotes::ACCEPTED | TrackNotes::opened_at(OUT);
        let track = Track { client: Direction::FromLower as u16, tcp_flags, ..Track::default() };
        let answers = |direction, flags| track.is_answered_by((direction, IN), proto::TCP, flags);
        assert!(!answers(Direction::FromUpper, tcp::ACK));
        assert!(!answers(Direction::FromUpper, tcp::SYN | tcp::ACK));
        assert!(answers(Direction::FromLower, tcp::ACK));
        assert!(!answers(Direction::FromLower, tcp::RST | tcp::ACK));
    }

    #[test]
    fn counts_of_both_add_up() {
        let sent = |packets| Total { packets, bytes: 60 };
        let one = Track { sent: [sent(1), sent(0)], shown: 3, ..Track::default() };
        let dropped = Total { packets: 1, bytes: 9 };
        let other = Track { sent: [sent(2), sent(5)], dropped, ..one };
        let both = one.plus(&other);
        assert!(both.sent == [Total { packets: 3, bytes: 120 }, Total { packets: 5, bytes: 120 }]);
        assert!(both.total() == Total { packets: 8, bytes: 240 } && both.shown == 3);
        assert!(both.dropped == Total { packets: 1, bytes: 9 });
    }
}
