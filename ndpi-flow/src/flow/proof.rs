//! Proof that a TCP connection is one, and not the packets of one host that forges both ends.

use ndpi_common::SequenceNumbers;

/// Whether somebody else than the sender of a TCP flow's first packet takes part in it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Proof {
    /// What the lower and the upper endpoint acknowledged first.
    first: [Option<u32>; 2],
    is_given: bool,
}

impl Proof {
    /// Of a flow of an earlier instance, of which only that is known.
    pub(super) fn of_earlier(is_given: bool) -> Self {
        Self { is_given, ..Self::default() }
    }

    /// Notes a packet: what the flow's packets up to it said of sequence numbers, and whether it is an answer that came
    /// from elsewhere. Where one direction only is seen, there is none; but what that side acknowledges goes on.
    pub(super) fn note(&mut self, numbers: &SequenceNumbers, is_answer_from_elsewhere: bool) {
        self.is_given |= is_answer_from_elsewhere;
        for (first, side) in self.first.iter_mut().zip([numbers.lower, numbers.upper]) {
            if let Some(number) = side.acknowledged() {
                let first = *first.get_or_insert(number);
                self.is_given |= number.wrapping_sub(first).cast_signed() > 0;
            }
        }
    }

    /// Whether it is shown.
    pub fn is_given(self) -> bool {
        self.is_given
    }
}

#[cfg(test)]
mod tests {
    use ndpi_common::reopen::Header;
    use ndpi_common::{Direction, SequenceNumbers};

    use super::Proof;
    use crate::sample::tcp::{ACK, SYN};

    /// Whether segments of these flags and numbers prove a connection that all come by at one place.
    fn is_given(segments: &[(Direction, u8, [u32; 2])]) -> bool {
        let (mut proof, mut numbers) = (Proof::default(), SequenceNumbers::UNKNOWN);
        for &(direction, flags, [sequence, acknowledged]) in segments {
            let has_payload = false;
            numbers =
                numbers.after(&Header { direction, flags, has_payload, sequence, acknowledged });
            proof.note(&numbers, false);
        }
        proof.is_given()
    }

    #[test]
    fn an_answer_from_elsewhere_is_proof() {
        let mut proof = Proof::default();
        proof.note(&SequenceNumbers::UNKNOWN, false);
        assert!(!proof.is_given());
        proof.note(&SequenceNumbers::UNKNOWN, true);
        proof.note(&SequenceNumbers::UNKNOWN, false);
        assert!(proof.is_given());
    }

    #[test]
    fn so_is_what_one_side_goes_on_to_acknowledge() {
        let (out, back) = (Direction::FromLower, Direction::FromUpper);
        let handshake = [(out, SYN, [9, 0]), (back, SYN | ACK, [70, 10]), (out, ACK, [10, 71])];
        assert!(!is_given(&handshake), "one host can send it all");
        assert!(!is_given(&[handshake[0], handshake[2], (out, ACK, [10, 71])]), "one way");
        assert!(is_given(&[handshake[0], handshake[2], (out, ACK, [10, 171])]));
        assert!(is_given(&[handshake[1], (back, ACK, [71, 527])]));
        assert!(is_given(&[(out, ACK, [10, u32::MAX]), (out, ACK, [10, 3])]), "across the wrap");
        assert!(!is_given(&[(out, ACK, [10, 171]), (out, ACK, [10, 71])]), "an older one");
    }
}
