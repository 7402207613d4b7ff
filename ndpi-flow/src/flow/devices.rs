//! Between which devices the frames of a flow went.

use ndpi_common::{Direction, LinkHeader};

use crate::sample::Sample;

/// The MAC addresses of a flow's frames where they came by, by its first packet: of hosts on that link, or of routers
/// to them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Devices {
    lower: [u8; 6],
    upper: [u8; 6],
}

impl Devices {
    /// Those of a packet; `None` where its frame has none, or carried it in a tunnel, whose ends they are on the way to.
    pub(super) fn of(sample: &Sample) -> Option<Self> {
        let LinkHeader { source, destination, .. } = sample.link;
        let (lower, upper) = match sample.direction {
            Direction::FromLower => (source, destination),
            Direction::FromUpper => (destination, source),
        };
        (sample.link.has_addresses() && !sample.tunneled).then_some(Self { lower, upper })
    }

    /// Who sends the frames that go `direction`.
    pub const fn sender(self, direction: Direction) -> [u8; 6] {
        match direction {
            Direction::FromLower => self.lower,
            Direction::FromUpper => self.upper,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::key::FlowKey;

    fn sample(direction: Direction) -> Sample<'static> {
        let (key, _) = ndpi_common::KeyV4::new(([198, 18, 0, 1], 5), ([198, 18, 0, 2], 6), 0, 17);
        let link = LinkHeader { source: [2; 6], destination: [4; 6], ethertype: [8, 0] };
        Sample { link, ..Sample::new(FlowKey::V4(key), direction, 9, &[]) }
    }

    #[test]
    fn each_end_has_the_device_that_its_packets_come_from() {
        for direction in [Direction::FromLower, Direction::FromUpper] {
            let devices = Devices::of(&sample(direction)).unwrap();
            assert_eq!(devices.sender(direction), [2; 6]);
            assert_eq!(devices.sender(direction.opposite()), [4; 6]);
        }
    }

    #[test]
    fn what_no_device_sent_itself_has_none() {
        let sent = sample(Direction::FromLower);
        assert_eq!(Devices::of(&Sample { tunneled: true, ..sent }), None);
        assert_eq!(Devices::of(&Sample { link: LinkHeader::NONE, ..sent }), None);
    }
}
