//! Connections that take the 5-tuple of an earlier one, which has a verdict.
//!
//! A verdict is about one connection, and hosts use their ports again. What counts is the three-way
//! handshake (RFC 9293, 3.5): a SYN alone says nothing, since whoever holds the old connection can
//! send one, but the SYN+ACK that acknowledges it is only sent by a host that does not hold the old
//! connection any more. One that does answers with an ACK (a challenge ACK, RFC 9293, 3.10.7.4).
//!
//! A host can forge both, its own SYN and the answer with the other host's address. It cannot make the answer
//! come from where the other host is: what comes by at the same [`Place`] as the SYN answers nothing, unless
//! the flow's own packets were all seen at one place, as on a router with a single interface.

use crate::parse::tcp;
use crate::{Action, Direction, Hook, State, VerdictEntry};

/// The opening of a connection: who sent the SYN, and its sequence number but for the highest bit. In
/// one word, so that it is read and written at once.
#[derive(Clone, Copy, PartialEq, Eq, Default)]
#[cfg_attr(feature = "user", derive(Debug, Hash))]
pub struct Opening(pub u32);

impl Opening {
    /// That of a SYN with the sequence number `sequence`, sent `direction`.
    #[inline(always)]
    pub const fn new(direction: Direction, sequence: u32) -> Self {
        Self(sequence << 1 | direction as u32)
    }

    /// Which way the SYN went.
    #[inline(always)]
    pub const fn direction(self) -> Direction {
        if self.0 & 1 == 0 { Direction::FromLower } else { Direction::FromUpper }
    }
}

/// Where a packet comes by: an interface, and which way. Two hosts that talk through a router or to the host
/// itself come by at two places, since what comes in from the one goes out to the other.
#[derive(Clone, Copy, PartialEq, Eq, Default)]
#[cfg_attr(feature = "user", derive(Debug, Hash))]
pub struct Place(pub u32);

impl Place {
    /// The interface with this index, at a hook: the kernel's indices are positive `int`s.
    #[inline(always)]
    pub const fn new(ifindex: u32, hook: Hook) -> Self {
        Self(ifindex << 1 | hook as u32)
    }
}

/// What a TCP segment says of the connection that it belongs to, as far as it matters here.
#[derive(Clone, Copy, PartialEq, Eq)]
#[cfg_attr(feature = "user", derive(Debug))]
pub enum Segment {
    /// A SYN without data asks for a connection.
    Asks(Opening),
    /// A SYN+ACK agrees to one.
    Agrees(Opening),
    /// An ACK without data, as a challenge ACK is.
    Acknowledges,
    /// A RST without data.
    Resets,
    /// Anything else: what carries data, or flags that contradict each other.
    Other,
}

/// What is known of a segment, of any kind of packet.
#[derive(Clone, Copy)]
#[cfg_attr(feature = "user", derive(Debug))]
pub struct Header {
    /// Which way it goes.
    pub direction: Direction,
    /// The flags byte; 0 for what is not TCP, or no whole packet.
    pub flags: u8,
    /// Whether data follows the header.
    pub has_payload: bool,
    /// The sequence number.
    pub sequence: u32,
    /// The acknowledgement number.
    pub acknowledged: u32,
}

impl Segment {
    /// What a segment with this header says.
    #[inline(always)]
    pub const fn of(header: &Header) -> Self {
        const ALL: u8 = tcp::SYN | tcp::ACK | tcp::RST | tcp::FIN;
        let flags = header.flags & ALL;
        if flags & (tcp::RST | tcp::FIN) == 0
            && let Some(opening) = header.opening()
        {
            if tcp::accepts(flags) {
                Self::Agrees(opening)
            } else if header.has_payload {
                Self::Other
            } else {
                Self::Asks(opening)
            }
        } else if header.has_payload {
            Self::Other
        } else if flags == tcp::ACK {
            Self::Acknowledges
        } else if flags & (tcp::RST | tcp::SYN | tcp::FIN) == tcp::RST {
            Self::Resets
        } else {
            Self::Other
        }
    }
}

impl Header {
    /// The opening of the segment's connection, as far as it tells: of a SYN, with or without data,
    /// and of the SYN+ACK that answers one.
    #[inline(always)]
    pub const fn opening(&self) -> Option<Opening> {
        if tcp::opens(self.flags) {
            Some(Opening::new(self.direction, self.sequence))
        } else if tcp::accepts(self.flags) {
            let sequence = self.acknowledged.wrapping_sub(1);
            Some(Opening::new(self.direction.opposite(), sequence))
        } else {
            None
        }
    }
}

/// What a verdict knows of the connections on its 5-tuple.
#[derive(Clone, Copy)]
#[cfg_attr(feature = "user", derive(Debug))]
pub struct Connections {
    /// An [`Action`].
    pub action: u8,
    /// Bits of [`State`].
    pub state: u8,
    /// See [`VerdictEntry::opening`].
    pub opening: Opening,
    /// Where the SYN of `opening` came by, if that was after the verdict.
    pub asked_at: Place,
    /// Packets of both sides were seen.
    pub both_seen: bool,
    /// The verdict's connection was closed by both sides, as far as the packets say.
    pub closed: bool,
    /// No packet has met the verdict for longer than a flow may pause.
    pub idle: bool,
}

/// What a segment means for a verdict on an earlier connection.
#[derive(Clone, Copy, PartialEq, Eq)]
#[cfg_attr(feature = "user", derive(Debug))]
pub enum Meaning {
    /// Nothing: the verdict decides on it.
    Nothing,
    /// Nothing yet, and the verdict decides on it, but the SYN is remembered.
    Remembered(Opening),
    /// It is let through in spite of the verdict, and the SYN is remembered.
    Knock(Opening),
    /// It is let through in spite of the verdict, which gets these bits of [`State`].
    LetThrough(u8),
    /// The verdict is over: another connection begins.
    Over,
}

impl Connections {
    /// What `segment`, going `direction` by `place`, means for the verdict.
    #[inline(always)]
    pub const fn meaning(self, segment: Segment, direction: Direction, place: Place) -> Meaning {
        match segment {
            Segment::Asks(opening) => self.asked(opening),
            Segment::Agrees(opening) => {
                let agreed = self.has_knocked()
                    && opening.0 == self.opening.0
                    && self.may_be_answered_at(place);
                if agreed { Meaning::Over } else { Meaning::Nothing }
            }
            Segment::Acknowledges if self.may_be_answered_at(place) => self.acknowledged(direction),
            Segment::Resets => self.reset(direction),
            Segment::Acknowledges | Segment::Other => Meaning::Nothing,
        }
    }

    /// Whether what comes by at `place` may be from the host that the SYN went to.
    #[inline(always)]
    const fn may_be_answered_at(self, place: Place) -> bool {
        place.0 != self.asked_at.0 || self.state & State::ONE_PLACE != 0
    }

    #[inline(always)]
    const fn asked(self, opening: Opening) -> Meaning {
        let repeated = self.state & (State::OPENED | State::KNOCKED) == State::OPENED
            && opening.0 == self.opening.0;
        if self.may_pass() && (self.idle || self.closed) {
            // The end may be forged as well as the SYN, where the connection goes on. Only where one side is never
            // seen, there is no answer to wait for.
            if self.both_seen { Meaning::Knock(opening) } else { Meaning::Over }
        } else if repeated && !self.idle {
            Meaning::Nothing
        } else if self.may_pass() {
            Meaning::Remembered(opening)
        } else {
            Meaning::Knock(opening)
        }
    }

    /// The challenge ACK of a host that holds the old connection has to reach the other side, or that
    /// would never reset it: one for each SYN.
    #[inline(always)]
    const fn acknowledged(self, direction: Direction) -> Meaning {
        let first = self.has_knocked() && self.state & State::CHALLENGED == 0;
        let back = direction as u8 != self.opening.direction() as u8;
        if self.drops() && first && back {
            Meaning::LetThrough(State::CHALLENGED)
        } else {
            Meaning::Nothing
        }
    }

    /// The answer to a challenge ACK ends the old connection, not the verdict on it.
    #[inline(always)]
    const fn reset(self, direction: Direction) -> Meaning {
        let challenged = self.has_knocked() && self.state & State::CHALLENGED != 0;
        let asker = direction as u8 == self.opening.direction() as u8;
        if self.drops() && challenged && asker { Meaning::LetThrough(0) } else { Meaning::Nothing }
    }

    #[inline(always)]
    const fn has_knocked(self) -> bool {
        self.state & State::KNOCKED != 0
    }

    #[inline(always)]
    const fn drops(self) -> bool {
        self.action == Action::Drop as u8 || self.action == Action::Reject as u8
    }

    /// Whether all packets of the flow pass, so that FIN and RST say how its connection goes: those of
    /// a flow that is dropped never reach the other side, and anybody could send them to be rid of the
    /// verdict and carry on.
    #[inline(always)]
    const fn may_pass(self) -> bool {
        self.action == Action::Count as u8 || self.action == Action::Bypass as u8
    }
}

impl VerdictEntry {
    /// Notes the opening of the connection that the verdict is about: its SYN, sent again, asks for no
    /// other one.
    #[must_use]
    pub const fn opened_by(mut self, opening: Option<Opening>) -> Self {
        if let Some(opening) = opening {
            self.opening = opening.0;
            self.state |= State::OPENED;
        }
        self
    }
}

#[cfg(test)]
mod tests {
    use super::{Connections, Header, Meaning, Opening, Place, Segment};
    use crate::parse::tcp::{ACK, FIN, RST, SYN};
    use crate::{Action, Direction, Hook, State};

    const OUT: Direction = Direction::FromLower;
    const BACK: Direction = Direction::FromUpper;
    const SEQUENCE: u32 = 0x1234_5678;
    /// Where the client is, and where the server is.
    const NEAR: Place = Place::new(2, Hook::Xdp);
    const FAR: Place = Place::new(3, Hook::Xdp);

    fn segment(direction: Direction, flags: u8, numbers: (u32, u32), data: bool) -> Segment {
        let (sequence, acknowledged) = numbers;
        Segment::of(&Header { direction, flags, has_payload: data, sequence, acknowledged })
    }

    fn syn() -> Segment {
        segment(OUT, SYN, (SEQUENCE, 0), false)
    }

    fn syn_ack(acknowledged: u32) -> Segment {
        segment(BACK, SYN | ACK, (77, acknowledged), false)
    }

    /// A verdict that packets met a moment ago.
    fn verdict(action: Action) -> Connections {
        let opening = Opening::default();
        Connections {
            action: action as u8,
            state: 0,
            opening,
            asked_at: NEAR,
            both_seen: true,
            closed: false,
            idle: false,
        }
    }

    /// The same after a SYN of the lower endpoint.
    fn knocked(action: Action) -> Connections {
        let opening = Opening::new(OUT, SEQUENCE);
        Connections { state: State::KNOCKED, opening, ..verdict(action) }
    }

    #[test]
    fn a_syn_knocks_and_the_answer_to_it_ends_the_verdict() {
        for action in [Action::Drop, Action::Reject, Action::Limit] {
            let opening = Opening::new(OUT, SEQUENCE);
            assert!(verdict(action).meaning(syn(), OUT, NEAR) == Meaning::Knock(opening));
            let answer = syn_ack(SEQUENCE.wrapping_add(1));
            assert!(knocked(action).meaning(answer, BACK, FAR) == Meaning::Over);
            assert!(verdict(action).meaning(answer, BACK, FAR) == Meaning::Nothing, "nobody asked");
        }
    }

    #[test]
    fn an_answer_to_something_else_ends_nothing() {
        let blocked = knocked(Action::Drop);
        for number in [SEQUENCE, SEQUENCE.wrapping_add(2), 0] {
            assert!(blocked.meaning(syn_ack(number), BACK, FAR) == Meaning::Nothing);
        }
        let own = segment(OUT, SYN | ACK, (1, SEQUENCE.wrapping_add(1)), false);
        assert!(blocked.meaning(own, OUT, NEAR) == Meaning::Nothing, "nobody answers his own SYN");
        for flags in [SYN | ACK | RST, SYN | ACK | FIN, ACK | 8] {
            let odd = segment(BACK, flags, (1, SEQUENCE.wrapping_add(1)), true);
            assert!(blocked.meaning(odd, BACK, FAR) == Meaning::Nothing);
        }
    }

    #[test]
    fn what_comes_from_where_the_syn_came_from_answers_nothing() {
        let answer = syn_ack(SEQUENCE.wrapping_add(1));
        let challenge = segment(BACK, ACK, (5, 6), false);
        for action in Action::ALL {
            let verdict = knocked(action);
            assert!(verdict.meaning(answer, BACK, NEAR) == Meaning::Nothing);
            assert!(verdict.meaning(challenge, BACK, NEAR) == Meaning::Nothing);
            for place in [FAR, Place::new(2, Hook::Tc)] {
                assert!(verdict.meaning(answer, BACK, place) == Meaning::Over);
            }
        }
    }

    #[test]
    fn where_both_hosts_are_on_one_side_either_may_answer() {
        let verdict = knocked(Action::Drop);
        let state = verdict.state | State::ONE_PLACE;
        let one_armed = Connections { state, ..verdict };
        let answer = syn_ack(SEQUENCE.wrapping_add(1));
        assert!(one_armed.meaning(answer, BACK, NEAR) == Meaning::Over);
    }

    #[test]
    fn sequence_numbers_wrap() {
        let blocked = Connections { opening: Opening::new(OUT, u32::MAX), ..knocked(Action::Drop) };
        assert!(blocked.meaning(syn_ack(0), BACK, FAR) == Meaning::Over);
    }

    #[test]
    fn what_is_no_plain_syn_does_not_knock() {
        for flags in [SYN | FIN, SYN | RST, FIN, FIN | ACK, RST, RST | ACK, ACK, 0, 0xff] {
            let segment = segment(OUT, flags, (SEQUENCE, 0), false);
            assert!(verdict(Action::Drop).meaning(segment, OUT, NEAR) == Meaning::Nothing);
        }
        let fast_open = segment(OUT, SYN, (SEQUENCE, 0), true);
        assert!(verdict(Action::Drop).meaning(fast_open, OUT, NEAR) == Meaning::Nothing);
        let with_ecn = segment(OUT, SYN | 0xc0, (SEQUENCE, 0), false);
        assert!(matches!(verdict(Action::Drop).meaning(with_ecn, OUT, NEAR), Meaning::Knock(_)));
    }

    #[test]
    fn a_syn_that_is_sent_again_opens_nothing_else() {
        let opening = Opening::new(OUT, SEQUENCE);
        let opened = Connections { state: State::OPENED, opening, ..verdict(Action::Drop) };
        assert!(opened.meaning(syn(), OUT, NEAR) == Meaning::Nothing);
        let other = segment(OUT, SYN, (SEQUENCE + 1, 0), false);
        assert!(matches!(opened.meaning(other, OUT, NEAR), Meaning::Knock(_)));
        let late = Connections { idle: true, ..opened };
        assert!(matches!(late.meaning(syn(), OUT, NEAR), Meaning::Knock(_)));
        let again = Connections { state: State::OPENED | State::KNOCKED, ..opened };
        assert!(
            matches!(again.meaning(syn(), OUT, NEAR), Meaning::Knock(_)),
            "a knock, sent again"
        );
    }

    /// The same after its end, by FIN or RST, and after a long silence.
    fn ended(flow: Connections) -> [Connections; 2] {
        [Connections { closed: true, ..flow }, Connections { idle: true, ..flow }]
    }

    #[test]
    fn a_flow_that_may_pass_is_over_when_another_connection_was_agreed_to() {
        for action in [Action::Count, Action::Bypass] {
            assert!(matches!(verdict(action).meaning(syn(), OUT, NEAR), Meaning::Remembered(_)));
            for ended in ended(verdict(action)) {
                let knock = Meaning::Knock(Opening::new(OUT, SEQUENCE));
                assert!(ended.meaning(syn(), OUT, NEAR) == knock, "anybody can send it");
            }
            let answer = syn_ack(SEQUENCE.wrapping_add(1));
            for flow in [knocked(action)].into_iter().chain(ended(knocked(action))) {
                assert!(flow.meaning(answer, BACK, NEAR) == Meaning::Nothing);
                assert!(flow.meaning(answer, BACK, FAR) == Meaning::Over);
            }
        }
    }

    #[test]
    fn where_one_side_is_never_seen_a_syn_after_the_end_is_enough() {
        for action in [Action::Count, Action::Bypass] {
            let flow = Connections { both_seen: false, ..verdict(action) };
            assert!(matches!(flow.meaning(syn(), OUT, NEAR), Meaning::Remembered(_)));
            for ended in ended(flow) {
                assert!(ended.meaning(syn(), OUT, NEAR) == Meaning::Over);
            }
        }
        let reset = Connections { closed: true, ..verdict(Action::Drop) };
        assert!(matches!(reset.meaning(syn(), OUT, NEAR), Meaning::Knock(_)));
    }

    #[test]
    fn a_challenge_and_the_reset_that_answers_it_go_through() {
        let ack = segment(BACK, ACK, (5, 6), false);
        let rst = segment(OUT, RST, (6, 0), false);
        let asked = knocked(Action::Drop);
        let let_through = Meaning::LetThrough(State::CHALLENGED);
        assert!(asked.meaning(ack, BACK, FAR) == let_through);
        assert!(asked.meaning(rst, OUT, NEAR) == Meaning::Nothing, "nothing to answer");
        let challenged = Connections { state: State::KNOCKED | State::CHALLENGED, ..asked };
        assert!(challenged.meaning(ack, BACK, FAR) == Meaning::Nothing, "one for each SYN");
        assert!(challenged.meaning(rst, OUT, NEAR) == Meaning::LetThrough(0));
        assert!(challenged.meaning(rst, BACK, FAR) == Meaning::Nothing);
        let data = segment(BACK, ACK, (5, 6), true);
        assert!(asked.meaning(data, BACK, FAR) == Meaning::Nothing);
        assert!(asked.meaning(ack, OUT, NEAR) == Meaning::Nothing, "who asked does not challenge");
        assert!(knocked(Action::Limit).meaning(ack, BACK, FAR) == Meaning::Nothing);
    }
}
