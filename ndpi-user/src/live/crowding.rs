//! Tables that have no room: said when it begins and when it ends, however often it happens between.

use std::fmt;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use ndpi_flow::{Cause, Client, Held, Pool};

use super::Output;
use crate::record::{CrowdingRecord, Time};

/// What has no room.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Crowded {
    /// The table of flows; entries of this pool go.
    Flows(Pool),
    /// A client's share.
    Share(Held),
    /// The notes of flows that had to go.
    Notes,
    /// The kernel's tracks of undecided flows.
    Tracks,
}

impl Crowded {
    const ALL: [Self; 6] = [
        Self::Flows(Pool::Unanswered),
        Self::Flows(Pool::Answered),
        Self::Share(Held::Undecided),
        Self::Share(Held::Blocked),
        Self::Notes,
        Self::Tracks,
    ];

    /// The table, in the words of records.
    fn table(self) -> &'static str {
        match self {
            Self::Flows(_) | Self::Share(_) => "flows",
            Self::Notes => "notes",
            Self::Tracks => "tracks",
        }
    }

    fn pool(self) -> Option<&'static str> {
        match self {
            Self::Flows(pool) => Some(pool.name()),
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
        }
    }
}

/// What is to be done about it, after `the table of flows is full: ` and the like.
impl fmt::Display for Crowded {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Flows(Pool::Unanswered) => write!(
                f,
                "the table of flows is full: flows that nobody has answered make room for each other, \
                 the others keep their places; made-up senders look like this"
            ),
            Self::Flows(_) => write!(
                f,
                "the table of flows is full: those that were silent for longest make room; \
                 --max-flows allows for more"
            ),
            Self::Share(held) => write!(
                f,
                "a client has its share of {} flows: its own oldest make room; --client-share allows \
                 for more, --exempt-client takes gateways and resolvers out of it",
                held.name()
            ),
            Self::Notes => write!(
                f,
                "there is no room for more notes of blocked flows, or a client has its share of them: the \
                 oldest go, and what they blocked is inspected again when it goes on; --max-notes allows \
                 for more"
            ),
            Self::Tracks => write!(
                f,
                "the kernel has no room for more undecided flows: those that were silent for longest are \
                 shown again from the start; --max-undecided allows for more"
            ),
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
    output: Output,
}

impl Crowding {
    /// Nothing is crowded yet. Records go to `output`.
    pub fn new(output: Output) -> Self {
        Self { spells: Default::default(), output }
    }

    /// Notes that `entries` had to go at `now_ns` (since the Unix epoch), of a client where that is
    /// one's own doing; says so where it begins.
    pub fn displaced(&self, what: Crowded, entries: u64, client: Option<Client>, now_ns: u64) {
        let spell = self.spell(what);
        spell.displaced.fetch_add(entries, Ordering::Relaxed);
        if spell.is_on.load(Ordering::Relaxed) || spell.is_on.swap(true, Ordering::Relaxed) {
            return;
        }
        match client {
            Some(client) => log::warn!("{what} (the first: {client})"),
            None => log::warn!("{what}"),
        }
        self.record("crowded", what, client, None, now_ns);
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
            let of = what.share().map_or(String::new(), |share| format!(" of {share} flows"));
            let (table, pool) = (what.table(), what.pool().unwrap_or("all"));
            match what {
                Crowded::Share(_) => {
                    log::warn!(
                        "clients are within their shares{of} again; {displaced} entries went"
                    );
                }
                _ => log::warn!("there is room again ({table}, {pool}); {displaced} entries went"),
            }
            self.record("eased", what, None, Some(displaced), now_ns);
        }
    }

    fn spell(&self, what: Crowded) -> &Spell {
        let place = Crowded::ALL.iter().position(|it| *it == what).unwrap_or_default();
        &self.spells[place]
    }

    fn record(
        &self,
        state: &'static str,
        what: Crowded,
        client: Option<Client>,
        displaced: Option<u64>,
        now_ns: u64,
    ) {
        self.output.crowding(&CrowdingRecord {
            kind: "status",
            state,
            time: Time(now_ns),
            table: what.table(),
            pool: what.pool(),
            share: what.share(),
            client: client.map(|client| client.to_string()),
            displaced,
        });
    }
}

#[cfg(test)]
mod tests {
    use ndpi_common::{Direction, Key, KeyV4};
    use ndpi_flow::{Client, Held, Pool};
    use serde_json::Value;

    use super::{Crowded, Crowding};
    use crate::live::{Format, Output};
    use testkit::lines::Lines;

    /// The records of what `run` does.
    fn records(run: impl FnOnce(&Crowding)) -> Vec<Value> {
        let lines = Lines::default();
        let (output, writer) = Output::start(Format::Json, lines.clone());
        let crowding = Crowding::new(output);
        run(&crowding);
        drop(crowding);
        writer.finish();
        let bytes = lines.bytes();
        let lines = bytes.split(|&byte| byte == b'\n').filter(|line| !line.is_empty());
        lines.map(|line| serde_json::from_slice(line).unwrap()).collect()
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
