//! Where the packets of a flow come by.

use ndpi_common::reopen::Place;
use ndpi_common::{Direction, State};

/// At which places the packets of both endpoints were seen, as far as it matters: whether that is one.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Places {
    /// Who sent the first packet, and where it came by.
    first: Option<(Direction, Place)>,
    others: bool,
    /// Bit 0: the lower endpoint was seen. Bit 1: the upper one.
    endpoints: u8,
}

impl Places {
    /// Notes a packet.
    pub fn note(&mut self, direction: Direction, place: Place) {
        let (_, first) = *self.first.get_or_insert((direction, place));
        self.others |= first != place;
        self.endpoints |= 1 << direction as u8;
    }

    /// Whether a packet that goes `direction` is the other endpoint's than the first one, and comes by elsewhere:
    /// who sends both with forged addresses answers nobody.
    pub fn is_answer(self, direction: Direction, place: Place) -> bool {
        self.first.is_some_and(|(opener, first)| opener != direction && first != place)
    }

    /// Which way packets go that may answer the first one; `None` where there can be no answer, as all come by at
    /// one place.
    pub fn answers_go(self) -> Option<Direction> {
        let (opener, _) = self.first?;
        (self.state() & State::ONE_PLACE == 0).then_some(opener.opposite())
    }

    /// [`State::ONE_PLACE`] where it holds.
    pub fn state(self) -> u8 {
        if self.endpoints == 0b11 && !self.others { State::ONE_PLACE } else { 0 }
    }
}

#[cfg(test)]
mod tests {
    use ndpi_common::reopen::Place;
    use ndpi_common::{Direction, Hook, State};

    use super::Places;

    const IN: Place = Place::new(2, Hook::Xdp);
    const OUT: Place = Place::new(2, Hook::Tc);
    const OTHER: Place = Place::new(3, Hook::Xdp);

    fn state(packets: &[(Direction, Place)]) -> u8 {
        let mut places = Places::default();
        for (direction, place) in packets {
            places.note(*direction, *place);
        }
        places.state()
    }

    #[test]
    fn one_place_is_where_both_endpoints_and_nothing_else_was_seen() {
        let (lower, upper) = (Direction::FromLower, Direction::FromUpper);
        assert_eq!(state(&[(lower, IN), (upper, IN), (lower, IN)]), State::ONE_PLACE);
        assert_eq!(state(&[(lower, IN), (lower, IN)]), 0, "nobody answered");
        for elsewhere in [OUT, OTHER] {
            assert_eq!(state(&[(lower, IN), (upper, elsewhere)]), 0);
            // One of the answers is forged.
            assert_eq!(state(&[(lower, IN), (upper, IN), (upper, elsewhere)]), 0);
        }
    }

    #[test]
    fn the_other_endpoint_answers_from_elsewhere() {
        let (lower, upper) = (Direction::FromLower, Direction::FromUpper);
        let mut places = Places::default();
        assert!(
            !places.is_answer(upper, OUT) && places.answers_go().is_none(),
            "there is no question"
        );
        places.note(lower, IN);
        assert!(places.is_answer(upper, OUT) && places.is_answer(upper, OTHER));
        assert!(!places.is_answer(upper, IN) && !places.is_answer(lower, OUT));
        assert_eq!(places.answers_go(), Some(upper));
        places.note(upper, IN);
        assert_eq!(places.answers_go(), None);
    }
}
