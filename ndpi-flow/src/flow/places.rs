//! Where the packets of a flow come by.

use ndpi_common::reopen::Place;
use ndpi_common::{Direction, State};

/// At which places the packets of both endpoints were seen, as far as it matters: whether that is one.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Places {
    first: Option<Place>,
    others: bool,
    /// Bit 0: the lower endpoint was seen. Bit 1: the upper one.
    endpoints: u8,
}

impl Places {
    /// Notes a packet.
    pub fn note(&mut self, direction: Direction, place: Place) {
        self.others |= *self.first.get_or_insert(place) != place;
        self.endpoints |= 1 << direction as u8;
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
}
