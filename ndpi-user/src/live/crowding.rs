//! Tables that have no room: said when it begins and when it ends, however often it happens between.

use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use ndpi_events::{self as events, Event, Source, Status, Time};

use ndpi_flow::{Cause, Client, Held, Pool, Worth};

use crate::locked::locked;

/// What has no room.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Crowded {
    /// The table of flows; entries of this pool go.
    Flows(Pool),
    /// A client's share.
    Share(Held),
    /// Memory: flows that are worth this go.
    Memory(Worth),
    /// The notes of flows that had to go.
    Notes,
    /// The kernel's tracks of undecided flows.
    Tracks,
}

impl Crowded {
    const ALL: [Self; 12] = [
        Self::Flows(Pool::Unanswered),
        Self::Flows(Pool::Answered),
        Self::Share(Held::Undecided),
        Self::Share(Held::Blocked),
        Self::Memory(Worth::Unanswered),
        Self::Memory(Worth::Undecided),
        Self::Memory(Worth::PassingNotes),
        Self::Memory(Worth::Passing),
        Self::Memory(Worth::Blocked),
        Self::Memory(Worth::BlockedNotes),
        Self::Notes,
        Self::Tracks,
    ];

    /// The table, in the words of records.
    fn table(self) -> &'static str {
        match self {
            Self::Flows(_) | Self::Share(_) => "flows",
            Self::Memory(_) => "memory",
            Self::Notes => "notes",
            Self::Tracks => "tracks",
        }
    }

    fn pool(self) -> Option<&'static str> {
        match self {
            Self::Flows(pool) => Some(pool.name()),
            Self::Memory(worth) => Some(worth.name()),
            Self::Share(_) | Self::Notes | Self::Tracks => None,
        }
    }

    fn share(self) -> Option<&'static str> {
        match self {
            Self::Share(held) => Some(held.name()),
            _ => None,
        }
    }
}

impl From<Cause> for Crowded {
    fn from(cause: Cause) -> Self {
        match cause {
            Cause::Full(pool) => Self::Flows(pool),
            Cause::Share(held) => Self::Share(held),
            Cause::Memory(worth) => Self::Memory(worth),
        }
    }
}

/// A time in which something has no room.
#[derive(Debug, Default)]
struct Spell {
    is_on: AtomicBool,
    /// Entries that had to go since it began.
    displaced: AtomicU64,
    /// How many there were at the last look.
    seen: AtomicU64,
}

/// What has no room now; shared by all threads.
#[derive(Debug)]
pub struct Crowding {
    spells: [Spell; Crowded::ALL.len()],
    source: Mutex<Source>,
}

impl Crowding {
    /// Nothing is crowded yet. What is reported comes from `source`.
    pub fn new(source: Source) -> Self {
        Self { spells: Default::default(), source: Mutex::new(source) }
    }

    /// Notes that `entries` had to go at `now_ns` (since the Unix epoch), of a client where that is
    /// one's own doing; says so where it begins.
    pub fn displaced(&self, what: Crowded, entries: u64, client: Option<Client>, now_ns: u64) {
        let spell = self.spell(what);
        spell.displaced.fetch_add(entries, Ordering::Relaxed);
        if spell.is_on.load(Ordering::Relaxed) || spell.is_on.swap(true, Ordering::Relaxed) {
            return;
        }
        self.report(Status::Crowded, what, client, None, now_ns);
    }

    /// Says of what had no room that it has some again, where nothing had to go since the last call.
    pub fn look(&self, now_ns: u64) {
        for what in Crowded::ALL {
            let spell = self.spell(what);
            let displaced = spell.displaced.load(Ordering::Relaxed);
            let before = spell.seen.swap(displaced, Ordering::Relaxed);
            if displaced != before || !spell.is_on.swap(false, Ordering::Relaxed) {
                continue;
            }
            spell.displaced.fetch_sub(displaced, Ordering::Relaxed);
            spell.seen.store(0, Ordering::Relaxed);
            self.report(Status::Eased, what, None, Some(displaced), now_ns);
        }
    }

    fn spell(&self, what: Crowded) -> &Spell {
        let place = Crowded::ALL.iter().position(|it| *it == what).unwrap_or_default();
        &self.spells[place]
    }

    fn report(
        &self,
        state: fn(events::Crowding) -> Status,
        what: Crowded,
        client: Option<Client>,
        displaced: Option<u64>,
        now_ns: u64,
    ) {
        let time = Time::from_ns(now_ns);
        let crowding = events::Crowding {
            time,
            table: what.table().into(),
            pool: what.pool().map(Into::into),
            share: what.share().map(Into::into),
            client: client.map(|client| client.to_string()),
            displaced,
        };
        // What begins and ends is rare: nobody waits here for long.
        let mut source = locked(&self.source);
        source.publish(time, Event::Status(state(crowding)));
    }
}

#[cfg(test)]
mod tests {
    use ndpi_common::{Direction, Key, KeyV4};
    use ndpi_flow::{Client, Held, Pool};
    use serde_json::Value;

    use super::{Crowded, Crowding};
    use crate::testing::bus;

    /// The records of what `run` does.
    fn records(run: impl FnOnce(&Crowding)) -> Vec<Value> {
        let (bus, reported) = bus();
        run(&Crowding::new(bus.source("tables")));
        reported.events()
    }

    #[test]
    fn the_begin_and_the_end_are_said_once() {
        let flows = Crowded::Flows(Pool::Unanswered);
        let records = records(|crowding| {
            (0..5).for_each(|_| crowding.displaced(flows, 1, None, 0));
            crowding.look(1);
            crowding.displaced(flows, 1, None, 2);
            (0..3).for_each(|_| crowding.look(3));
            crowding.displaced(flows, 2, None, 4);
        });
        let said: Vec<_> = records.iter().map(|it| (&it["state"], &it["displaced"])).collect();
        let (crowded, eased) = ("crowded".into(), "eased".into());
        assert_eq!(said, [(&crowded, &Value::Null), (&eased, &6.into()), (&crowded, &Value::Null)]);
        assert_eq!(
            (&records[0]["table"], &records[0]["pool"]),
            (&"flows".into(), &"unanswered".into())
        );
    }

    #[test]
    fn the_first_client_beyond_its_share_is_named() {
        let (key, direction) = KeyV4::new(([198, 18, 0, 1], 5), ([198, 18, 0, 2], 53), 0, 17);
        let client = Client::of(&Key::V4(key), direction);
        assert_eq!(direction, Direction::FromLower);
        let what = Crowded::Share(Held::Blocked);
        let records = records(|crowding| crowding.displaced(what, 1, Some(client), 0));
        assert_eq!(records[0]["client"], "198.18.0.1");
        assert_eq!((&records[0]["share"], &records[0]["pool"]), (&"blocked".into(), &Value::Null));
    }
}
