//! How many first packets of QUIC connections a worker looks at that is behind.
//!
//! What a client says in such a packet it does not say again, so they are not left out as those of other flows are. But
//! anybody can write one, with any sender, and to open it costs more than most packets do. So there are bounds: for
//! groups of senders, so that one sender takes little from others, and for all together, as senders may be forged.

use std::hash::{BuildHasher as _, RandomState};

use ndpi_flow::{Client, Sample, Seconds};

/// At most so many of a group of senders are looked at in a second.
const OF_A_GROUP: u16 = 100;
/// And so many of all.
const OF_ALL: u16 = 8_000;
const GROUPS: usize = 256;

/// How many were looked at in the latest second.
#[derive(Debug)]
pub(super) struct Initials {
    seconds: Seconds,
    all: u16,
    groups: Box<[u16; GROUPS]>,
    /// Nobody else knows which group a sender is in.
    hasher: RandomState,
}

impl Default for Initials {
    fn default() -> Self {
        let seconds = Seconds::default();
        Self { seconds, all: 0, groups: Box::new([0; GROUPS]), hasher: RandomState::new() }
    }
}

impl Initials {
    /// Whether one that was seen at `seen_ns`, nanoseconds since boot, is still looked at: then it counts.
    pub(super) fn take(&mut self, sample: &Sample, seen_ns: u64) -> bool {
        if self.seconds.begin(seen_ns) {
            self.all = 0;
            self.groups.fill(0);
        }
        let sender = Client::of(&sample.key, sample.direction);
        let hash = self.hasher.hash_one(sender);
        let group = &mut self.groups[usize::try_from(hash % GROUPS as u64).unwrap_or(0)];
        let is_taken = self.all < OF_ALL && *group < OF_A_GROUP;
        if is_taken {
            self.all += 1;
            *group += 1;
        }
        is_taken
    }
}

#[cfg(test)]
mod tests {
    use ndpi_common::KeyV4;
    use ndpi_flow::FlowKey;

    use super::*;

    const SECOND_NS: u64 = 1_000_000_000;

    /// Whether a packet of some flow of a client is looked at, in some second.
    fn takes(initials: &mut Initials, client: u16, port: u16, second: u64) -> bool {
        let [high, low] = client.to_be_bytes();
        let (key, direction) =
            KeyV4::new(([198, 18, high, low], port), ([198, 19, 0, 1], 443), 0, 17);
        let sample = Sample::new(FlowKey::V4(key), direction, 0, &[]);
        initials.take(&sample, second * SECOND_NS)
    }

    #[test]
    fn one_sender_takes_little_from_others() {
        let mut initials = Initials::default();
        let flood = (0..10_000).filter(|port| takes(&mut initials, 1, *port, 1)).count();
        assert_eq!(flood, usize::from(OF_A_GROUP));
        // Some of them are of the same group as the sender.
        let others = (2..102).filter(|client| takes(&mut initials, *client, 1, 1)).count();
        assert!(others > 50, "{others}");
        assert!(takes(&mut initials, 1, 1, 2), "in the next second");
    }

    #[test]
    fn forged_senders_have_a_bound_together() {
        let mut initials = Initials::default();
        let mut taken =
            |second| (0..60_000).filter(|client| takes(&mut initials, *client, 1, second)).count();
        assert_eq!(taken(2), usize::from(OF_ALL));
        assert_eq!(taken(1), 0, "what comes late begins no second");
        assert_eq!(taken(3), usize::from(OF_ALL));
    }
}
