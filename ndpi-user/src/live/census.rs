//! The result of a sweep over the verdict maps: flows that are over, and flows that are active.
//!
//! Of flows that the kernel keeps, workers see no packets. So that those that were silent for longest
//! are known when room is needed, each sweep of a table that is more than half full brings its worker
//! the flows that were active since the last one that did, in the order of their last packets.

use ndpi_common::{Key, TICK_NS, VerdictEntry};
use ndpi_flow::{Shards, Timeouts};
use ndpi_kernel::Clock;

use super::message::{Active, Message, Over};
use crate::enforce::{Activity, end_of};

/// Active flows in one message: workers look at samples in between.
const ACTIVE_PER_MESSAGE: usize = 512;

/// Flows in one message that are over. To end one takes several system calls, and a table may be full of
/// flows that were silent for equally long.
const OVER_PER_MESSAGE: usize = 128;

/// What was found, by the worker that owns it.
#[derive(Debug)]
pub(super) struct Census {
    /// The tick of this sweep.
    now: u32,
    shards: Shards,
    workers: Vec<Found>,
}

#[derive(Debug, Default)]
struct Found {
    /// The tick of the last sweep that brought the worker its active flows.
    since: u32,
    entries: usize,
    over: Vec<Over>,
    active: Vec<(u32, Active)>,
}

impl Census {
    /// Nothing was found yet at the tick `now`; the workers own flows by `shards`, and `since` has for each
    /// worker the tick of the last sweep that brought it its active flows, 0 where the one before did not.
    pub(super) fn new(now: u32, shards: Shards, since: &[u32]) -> Self {
        let workers = since.iter().map(|&since| Found { since, ..Found::default() }).collect();
        Self { now, shards, workers }
    }

    /// Adds an entry.
    pub(super) fn add(
        &mut self,
        key: Key,
        entry: &VerdictEntry,
        timeouts: &Timeouts,
        clock: &Clock,
    ) {
        let found = &mut self.workers[self.shards.owner(&key)];
        found.entries += 1;
        let last_seen = entry.last_seen;
        if let Some(end) = end_of(&key, entry, self.now, timeouts) {
            let last_seen_ns = clock.epoch_ns(u64::from(last_seen) * TICK_NS);
            found.over.push(Over { key, end, last_seen, last_seen_ns });
        } else if last_seen >= found.since {
            let answers = Activity::of(&key, entry).answers;
            found.active.push((last_seen, Active { key, answers }));
        }
    }

    /// The ticks that the next census begins with, where workers' tables have `places`.
    pub(super) fn since(&self, places: usize) -> Vec<u32> {
        self.workers.iter().map(|it| if it.is_crowded(places) { self.now } else { 0 }).collect()
    }

    /// What to send to each worker, whose table has `places`.
    pub(super) fn messages(self, places: usize) -> impl Iterator<Item = (usize, Message)> {
        let workers = self.workers.into_iter().enumerate();
        workers.flat_map(move |(owner, found)| {
            let messages = found.messages(places);
            messages.into_iter().map(move |message| (owner, message))
        })
    }
}

impl Found {
    /// Whether the worker is to know which of its flows are active.
    fn is_crowded(&self, places: usize) -> bool {
        self.entries > places / 2
    }

    fn messages(mut self, places: usize) -> Vec<Message> {
        let mut messages = Vec::new();
        if self.is_crowded(places) {
            self.active.sort_unstable_by_key(|(last_seen, _)| *last_seen);
            messages.extend(
                self.active.chunks(ACTIVE_PER_MESSAGE).map(|flows| {
                    Message::Active(flows.iter().map(|(_, active)| *active).collect())
                }),
            );
        }
        let over = self.over.chunks(OVER_PER_MESSAGE);
        messages.extend(over.map(|flows| Message::Over(flows.to_vec())));
        messages
    }
}

#[cfg(test)]
mod tests {
    use ndpi_common::{Action, KeyV4, Tally};
    use ndpi_flow::End;

    use super::*;

    fn key(port: u16) -> Key {
        Key::V4(KeyV4::new(([198, 18, 0, 1], port), ([198, 18, 0, 2], 53), 0, 17).0)
    }

    fn entry(last_seen: u32) -> VerdictEntry {
        let from_upper = Tally { packets: 1, bytes: 100 };
        VerdictEntry {
            action: Action::Drop as u8,
            last_seen,
            from_upper,
            ..VerdictEntry::default()
        }
    }

    /// The ports of flows that one worker is sent as over and as active.
    fn found(places: usize, entries: &[(u16, u32)]) -> (Vec<u16>, Vec<u16>) {
        let (mut census, clock) =
            (Census::new(10_000, Shards::seeded(1), &[9950]), Clock::by_hand());
        for (port, last_seen) in entries {
            census.add(key(*port), &entry(*last_seen), &Timeouts::default(), &clock);
        }
        let (mut over, mut active) = (Vec::new(), Vec::new());
        for (owner, message) in census.messages(places) {
            assert_eq!(owner, 0);
            match message {
                Message::Over(flows) => over.extend(flows.iter().map(|it| (it.key, it.end))),
                Message::Active(flows) => active.extend(flows),
                other @ Message::Policy(..) => panic!("{other:?}"),
            }
        }
        assert!(active.iter().all(|it| it.answers == [false, true]));
        assert!(over.iter().all(|(_, end)| *end == End::Idle));
        let ports = |keys: Vec<Key>| keys.iter().map(|key| key.ports().0).collect();
        (
            ports(over.into_iter().map(|(key, _)| key).collect()),
            ports(active.into_iter().map(|it| it.key).collect()),
        )
    }

    #[test]
    fn the_last_active_comes_last() {
        let entries = [(1, 9999), (2, 9960), (3, 9000), (4, 100), (5, 9970)];
        assert_eq!(found(9, &entries), (vec![4], vec![2, 5, 1]));
    }

    #[test]
    fn a_table_that_is_half_empty_needs_no_order() {
        assert_eq!(found(10, &[(1, 9999), (4, 100)]), (vec![4], vec![]));
    }

    #[test]
    fn no_message_is_long() {
        let entries: Vec<_> = (1..=1300).map(|port| (port, 9999)).collect();
        let over: Vec<_> = (1..=300).map(|port| (port, 100)).collect();
        assert_eq!((found(1, &entries).1.len(), found(1, &over).0.len()), (1300, 300));
        let mut census = Census::new(10_000, Shards::seeded(1), &[9950]);
        for (port, last_seen) in over {
            census.add(key(port), &entry(last_seen), &Timeouts::default(), &Clock::by_hand());
        }
        assert_eq!(census.messages(9999).count(), 3);
        let mut census = Census::new(10_000, Shards::seeded(1), &[9950]);
        for (port, last_seen) in entries {
            census.add(key(port), &entry(last_seen), &Timeouts::default(), &Clock::by_hand());
        }
        assert_eq!((census.since(1), census.since(9999)), (vec![10_000], vec![0]));
        assert_eq!(census.messages(1).count(), 3);
    }
}
