//! Sequence numbers of a TCP connection, as far as its flow's packets have told before it has a verdict.
//!
//! Whoever joins what a side sent needs to know where it began, and what the other side has of it. A SYN
//! says the first, but anybody on the way can send a second one that the receiver never takes: the
//! first is kept until a SYN+ACK says which one its sender accepted (RFC 9293, section 3.5).

use crate::Direction;
use crate::parse::tcp;
use crate::reopen::Header;

/// What is known of both sides' sequence numbers.
#[repr(C)]
#[derive(Clone, Copy, PartialEq, Eq, Default)]
#[cfg_attr(feature = "user", derive(Debug))]
pub struct SequenceNumbers {
    /// Of what the lower endpoint sends.
    pub lower: SideNumbers,
    /// Of what the upper endpoint sends.
    pub upper: SideNumbers,
}

/// What is known of one side's sequence numbers.
#[repr(C)]
#[derive(Clone, Copy, PartialEq, Eq, Default)]
#[cfg_attr(feature = "user", derive(Debug))]
pub struct SideNumbers {
    /// The initial sequence number: that of its SYN. See [`SideNumbers::initial`].
    pub initial: u32,
    /// The highest acknowledgement number that it sent. See [`SideNumbers::acknowledged`].
    pub acknowledged: u32,
    /// Bits of [`Known`].
    pub known: u32,
}

/// Bits of [`SideNumbers::known`].
pub struct Known;

impl Known {
    /// The initial sequence number.
    pub const INITIAL: u32 = 1;
    /// A SYN+ACK of the other side has acknowledged the SYN with that number.
    pub const CONFIRMED: u32 = 2;
    /// There was a SYN with another number besides, and none is confirmed; or a SYN+ACK that acknowledges
    /// another one than the SYN that was seen.
    pub const DISPUTED: u32 = 4;
    /// What the side has acknowledged.
    pub const ACKNOWLEDGED: u32 = 8;
    /// The SYN+ACK that has confirmed the number came by elsewhere than what this side sent before. Who forges a SYN
    /// and the answer to it sends both from one place.
    pub const ANSWERED: u32 = 16;
    /// See [`Known::accepted_elsewhere`]. User space does not read it, and the programs do without it.
    const ACCEPTED_ELSEWHERE: u32 = 32;

    /// The bit that says that a SYN+ACK of the other side, of whatever numbers, came by elsewhere than the flow's first
    /// packet ([`crate::Switches::HOLD`]).
    #[inline(always)]
    pub const fn accepted_elsewhere() -> u32 {
        Self::ACCEPTED_ELSEWHERE
    }
}

impl SequenceNumbers {
    /// Of a connection of which nothing was seen.
    pub const UNKNOWN: Self = Self { lower: SideNumbers::UNKNOWN, upper: SideNumbers::UNKNOWN };

    /// What is known after a segment.
    #[must_use]
    pub const fn after(self, segment: &Header) -> Self {
        match segment.direction {
            Direction::FromLower => {
                let (lower, upper) = SideNumbers::after(self.lower, self.upper, segment);
                Self { lower, upper }
            }
            Direction::FromUpper => {
                let (upper, lower) = SideNumbers::after(self.upper, self.lower, segment);
                Self { lower, upper }
            }
        }
    }

    /// Whether a side was accepted from elsewhere, see [`Known::accepted_elsewhere`].
    #[inline(always)]
    pub const fn is_accepted_elsewhere(&self) -> bool {
        (self.lower.known | self.upper.known) & Known::ACCEPTED_ELSEWHERE != 0
    }

    /// Those of the side whose packets go `direction`.
    pub const fn of(&self, direction: Direction) -> SideNumbers {
        match direction {
            Direction::FromLower => self.lower,
            Direction::FromUpper => self.upper,
        }
    }
}

impl SideNumbers {
    /// Of a side of which nothing was seen.
    pub const UNKNOWN: Self = Self { initial: 0, acknowledged: 0, known: 0 };

    /// What is known of a segment's sender and of its receiver after it. One that resets says nothing: it
    /// need not be of this connection.
    #[must_use]
    #[inline(always)]
    pub const fn after(mut sender: Self, mut receiver: Self, segment: &Header) -> (Self, Self) {
        if segment.flags & tcp::RST != 0 {
            return (sender, receiver);
        }
        if segment.flags & (tcp::SYN | tcp::FIN) == tcp::SYN {
            sender = sender.opened(segment.sequence);
            if tcp::accepts(segment.flags) {
                // What was acknowledged before a choice between SYNs was none of this connection's.
                if receiver.is_undecided() {
                    sender.known &= !Known::ACKNOWLEDGED;
                }
                receiver = receiver.accepted(segment.acknowledged.wrapping_sub(1));
            }
        }
        if segment.flags & tcp::ACK != 0 {
            sender = sender.acknowledging(segment.acknowledged);
        }
        (sender, receiver)
    }

    /// After a SYN of this side: the first one counts.
    #[inline(always)]
    const fn opened(mut self, sequence: u32) -> Self {
        if self.known & Known::INITIAL == 0 {
            self.initial = sequence;
            self.known |= Known::INITIAL;
        } else if sequence != self.initial && self.known & Known::CONFIRMED == 0 {
            self.known |= Known::DISPUTED;
        }
        self
    }

    /// After a SYN+ACK of the other side, which says what SYN that took. Where several were seen it decides
    /// between them.
    #[inline(always)]
    const fn accepted(mut self, initial: u32) -> Self {
        let agrees = self.known & Known::INITIAL != 0 && initial == self.initial;
        if agrees || self.is_undecided() {
            self.initial = initial;
            self.known = self.known & !Known::DISPUTED | Known::INITIAL | Known::CONFIRMED;
        } else {
            self.known |= Known::DISPUTED;
        }
        self
    }

    /// After an ACK of this side. The numbers wrap (RFC 9293, section 3.4): the higher one is less than half
    /// of them ahead.
    #[inline(always)]
    const fn acknowledging(mut self, number: u32) -> Self {
        let ahead = number.wrapping_sub(self.acknowledged).cast_signed() > 0;
        if ahead || self.known & Known::ACKNOWLEDGED == 0 {
            self.acknowledged = number;
            self.known |= Known::ACKNOWLEDGED;
        }
        self
    }

    /// Whether a SYN+ACK of the other side may say what this side's number is: there was no SYN, or
    /// several that differ.
    #[inline(always)]
    const fn is_undecided(self) -> bool {
        self.known & Known::CONFIRMED == 0
            && (self.known & Known::INITIAL == 0 || self.known & Known::DISPUTED != 0)
    }

    /// The initial sequence number: that of the SYN, whose data, if any, and else the stream, begins one
    /// further.
    pub const fn initial(self) -> Option<u32> {
        if self.known & Known::INITIAL == 0 { None } else { Some(self.initial) }
    }

    /// Whether the other side has acknowledged a SYN with that number.
    pub const fn is_confirmed(self) -> bool {
        self.known & Known::CONFIRMED != 0
    }

    /// Whether that is beyond what one host can forge, see [`Known::ANSWERED`].
    pub const fn is_answered(self) -> bool {
        self.known & Known::ANSWERED != 0
    }

    /// What is known of this side after `segment` of the other one, which came by elsewhere, has been taken notice of.
    #[must_use]
    #[inline(always)]
    pub const fn answered_by(mut self, segment: &Header) -> Self {
        let agrees = tcp::accepts(segment.flags)
            && self.is_confirmed()
            && self.initial == segment.acknowledged.wrapping_sub(1);
        if agrees {
            self.known |= Known::ANSWERED;
        }
        self
    }

    /// Whether packets contradict each other about it, see [`Known::DISPUTED`].
    pub const fn is_disputed(self) -> bool {
        self.known & Known::DISPUTED != 0
    }

    /// The highest acknowledgement number that this side sent: all before it, of what the other side sent,
    /// has arrived here, or is said to have.
    pub const fn acknowledged(self) -> Option<u32> {
        if self.known & Known::ACKNOWLEDGED == 0 { None } else { Some(self.acknowledged) }
    }
}

const _: () = {
    assert!(size_of::<SideNumbers>() == 3 * 4);
    assert!(size_of::<SequenceNumbers>() == 2 * size_of::<SideNumbers>());
};

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::{SequenceNumbers, SideNumbers};
    use crate::Direction::{self, FromLower, FromUpper};
    use crate::parse::tcp::{ACK, FIN, RST, SYN};
    use crate::reopen::Header;

    fn segment(direction: Direction, flags: u8, numbers: (u32, u32)) -> Header {
        let (sequence, acknowledged) = numbers;
        Header { direction, flags, has_payload: false, sequence, acknowledged }
    }

    fn out(flags: u8, sequence: u32, acknowledged: u32) -> Header {
        segment(FromLower, flags, (sequence, acknowledged))
    }

    fn back(flags: u8, sequence: u32, acknowledged: u32) -> Header {
        segment(FromUpper, flags, (sequence, acknowledged))
    }

    fn after(segments: &[Header]) -> SequenceNumbers {
        segments.iter().fold(SequenceNumbers::UNKNOWN, SequenceNumbers::after)
    }

    fn initial(numbers: SequenceNumbers, direction: Direction) -> Option<(u32, bool, bool)> {
        let side = numbers.of(direction);
        side.initial().map(|initial| (initial, side.is_confirmed(), side.is_disputed()))
    }

    fn acknowledged(numbers: SequenceNumbers) -> [Option<u32>; 2] {
        [numbers.lower, numbers.upper].map(SideNumbers::acknowledged)
    }

    #[test]
    fn a_handshake_tells_both_numbers() {
        let numbers = after(&[out(SYN, 1000, 0)]);
        assert!(initial(numbers, FromLower) == Some((1000, false, false)));
        assert!(initial(numbers, FromUpper).is_none() && acknowledged(numbers) == [None; 2]);
        let numbers = after(&[out(SYN, 1000, 0), back(SYN | ACK, 5, 1001), out(ACK, 1001, 6)]);
        assert!(initial(numbers, FromLower) == Some((1000, true, false)));
        assert!(initial(numbers, FromUpper) == Some((5, false, false)));
        assert!(acknowledged(numbers) == [Some(6), Some(1001)]);
    }

    #[test]
    fn only_the_syn_ack_that_confirms_a_number_answers_it() {
        let numbers = after(&[out(SYN, 1000, 0), back(SYN | ACK, 5, 1001)]);
        let answered = |segment| numbers.lower.answered_by(&segment).is_answered();
        assert!(answered(back(SYN | ACK, 5, 1001)));
        assert!(!answered(back(SYN | ACK, 5, 1002)) && !answered(back(ACK, 6, 1001)));
        let asked = after(&[out(SYN, 1000, 0)]).lower;
        assert!(!asked.answered_by(&back(SYN | ACK, 5, 1001)).is_answered(), "not confirmed");
    }

    #[test]
    fn a_syn_ack_alone_tells_both() {
        let numbers = after(&[back(SYN | ACK, 5, 1001)]);
        assert!(initial(numbers, FromLower) == Some((1000, true, false)));
        assert!(initial(numbers, FromUpper) == Some((5, false, false)));
        let wrapped = after(&[back(SYN | ACK, u32::MAX, 0)]);
        assert!(initial(wrapped, FromLower) == Some((u32::MAX, true, false)));
    }

    #[test]
    fn another_syn_replaces_nothing_until_it_is_the_one_that_is_accepted() {
        let syns = [out(SYN, 1000, 0), out(SYN, 7, 0), out(SYN, 1000, 0)];
        assert!(initial(after(&syns), FromLower) == Some((1000, false, true)));
        let with = |answer| initial(after(&[syns[0], syns[1], answer]), FromLower);
        assert!(with(back(SYN | ACK, 5, 1001)) == Some((1000, true, false)));
        assert!(with(back(SYN | ACK, 5, 8)) == Some((7, true, false)));
        // Once the server has said it, a SYN changes nothing.
        let late = after(&[syns[0], back(SYN | ACK, 5, 1001), syns[1]]);
        assert!(initial(late, FromLower) == Some((1000, true, false)));
    }

    #[test]
    fn an_answer_to_what_nobody_asked_is_a_doubt_and_no_more() {
        let forged = [out(SYN, 1000, 0), back(SYN | ACK, 5, 77)];
        assert!(initial(after(&forged), FromLower) == Some((1000, false, true)));
        let answered = [out(SYN, 1000, 0), back(SYN | ACK, 5, 1001), back(SYN | ACK, 9, 77)];
        let numbers = after(&answered);
        assert!(initial(numbers, FromLower) == Some((1000, true, true)));
        assert!(initial(numbers, FromUpper) == Some((5, false, true)), "two SYN+ACKs");
    }

    #[test]
    fn the_highest_acknowledgement_counts_across_the_wrap() {
        let numbers = after(&[back(ACK, 1, u32::MAX - 1), back(ACK, 1, 3), back(ACK, 1, u32::MAX)]);
        assert!(acknowledged(numbers) == [None, Some(3)]);
        // An old connection's challenge ACK came before.
        let stale = [out(SYN, 5, 0), out(SYN, 900, 0), back(ACK, 1, 70_000)];
        let numbers = after(&[stale[0], stale[1], stale[2], back(SYN | ACK, 1, 901)]);
        assert!(acknowledged(numbers)[1] == Some(901));
    }

    #[test]
    fn resets_and_contradictions_say_nothing() {
        let odd =
            [out(RST, 1, 0), out(RST | ACK, 1, 2), out(SYN | RST, 1, 0), out(SYN | FIN, 1, 0)];
        assert!(after(&odd) == SequenceNumbers::UNKNOWN);
        assert!(after(&[out(0, 1, 2)]) == SequenceNumbers::UNKNOWN, "another protocol");
    }

    fn segments() -> impl Strategy<Value = Vec<Header>> {
        let one = (any::<bool>(), any::<u8>(), 0_u32..5, 0_u32..5).prop_map(
            |(upper, flags, sequence, acknowledged)| {
                let direction = if upper { FromUpper } else { FromLower };
                segment(direction, flags, (sequence, acknowledged))
            },
        );
        prop::collection::vec(one, 0..30)
    }

    proptest! {
        /// Whatever one side sends, it never moves what the other has confirmed of it.
        #[test]
        fn no_side_moves_its_own_confirmed_number(before in segments(), own in segments()) {
            let before = after(&before);
            prop_assume!(before.lower.is_confirmed());
            let then = own
                .iter()
                .map(|segment| Header { direction: FromLower, ..*segment })
                .fold(before, |numbers, next| numbers.after(&next));
            prop_assert!(then.lower.initial == before.lower.initial);
            prop_assert!(then.lower.is_confirmed());
        }

        /// A second SYN is never forgotten before it is settled.
        #[test]
        fn a_doubt_lasts_until_a_syn_ack(own in segments()) {
            let doubt = after(&[out(SYN, 1, 0), out(SYN, 2, 0)]);
            let then = own
                .iter()
                .map(|segment| Header { direction: FromLower, ..*segment })
                .fold(doubt, |numbers, next| numbers.after(&next));
            prop_assert!(initial(then, FromLower) == Some((1, false, true)));
        }
    }
}
