//! Decided flows by application and by category, counted so that no count ever falls.
//!
//! Flows that are over were counted by their worker, living ones are in the kernel's maps. A flow that ends
//! between two looks would be in both, or in neither. So what is over is looked at first and what lives after
//! it: nothing is there twice, and what is missing comes with the next look. What was shown once is not taken
//! back: monitoring would take that for a start from 0.

use std::collections::BTreeMap;

use ndpi::{AppId, CategoryId};
use ndpi_common::{Action, VerdictEntry};
use ndpi_events::Word;

use super::model::Traffic;
use crate::record::Names;

/// Labels that are kept apart; flows of others are counted together.
const MOST: usize = 1024;

/// What flows of other labels are counted under.
const OTHERS: &str = "(others)";

/// Flows with one label and one action.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Volume {
    /// How many.
    pub flows: u64,
    /// Their packets.
    pub packets: u64,
    /// Their bytes.
    pub bytes: u64,
    /// Packets of theirs that were dropped.
    pub dropped: u64,
}

impl Volume {
    /// Adds others.
    pub fn add(&mut self, other: &Self) {
        self.flows += other.flows;
        self.packets += other.packets;
        self.bytes += other.bytes;
        self.dropped += other.dropped;
    }

    fn at_least(self, other: Self) -> Self {
        Self {
            flows: self.flows.max(other.flows),
            packets: self.packets.max(other.packets),
            bytes: self.bytes.max(other.bytes),
            dropped: self.dropped.max(other.dropped),
        }
    }
}

/// What a flow is counted under.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Class {
    /// Its application.
    pub app: AppId,
    /// Its category.
    pub category: CategoryId,
    /// What the policy does with it, as the kernel numbers it; 0 where it said nothing.
    pub action: u8,
}

/// Flows by what they are counted under.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Volumes(BTreeMap<Class, Volume>);

impl Volumes {
    /// Counts flows.
    pub fn count(&mut self, class: Class, volume: &Volume) {
        self.0.entry(class).or_default().add(volume);
    }

    /// Counts a flow that has this entry in the maps.
    pub fn count_entry(&mut self, entry: &VerdictEntry) {
        let class = Class {
            app: AppId { master: entry.master, app: entry.app },
            category: CategoryId(entry.category),
            action: entry.action,
        };
        let (lower, upper) = (entry.lower(), entry.upper());
        let volume = Volume {
            flows: 1,
            packets: lower.packets + upper.packets,
            bytes: lower.bytes + upper.bytes,
            dropped: entry.dropped().packets,
        };
        self.count(class, &volume);
    }

    /// Adds flows of another account.
    pub fn add(&mut self, other: &Self) {
        other.0.iter().for_each(|(class, volume)| self.count(*class, volume));
    }
}

/// One label and one action.
type Row = (u16, u8);

/// What was shown of one kind of labels.
#[derive(Clone, Debug, Default)]
struct Shown {
    rows: BTreeMap<Row, Volume>,
    others: Volume,
}

impl Shown {
    /// Takes in what there is now.
    fn take(&mut self, volumes: &Volumes, label: impl Fn(&Class) -> u16) {
        let (mut now, mut others) = (BTreeMap::<Row, Volume>::new(), Volume::default());
        for (class, volume) in &volumes.0 {
            now.entry((label(class), class.action)).or_default().add(volume);
        }
        for (row, volume) in now {
            if self.rows.len() < MOST || self.rows.contains_key(&row) {
                let shown = self.rows.entry(row).or_default();
                *shown = shown.at_least(volume);
            } else {
                others.add(&volume);
            }
        }
        self.others = self.others.at_least(others);
    }

    fn named<'n>(&self, name: impl Fn(u16) -> std::borrow::Cow<'n, str>) -> Vec<Traffic> {
        let rows = self.rows.iter();
        let mut all: Vec<_> = rows
            .map(|(&(label, action), volume)| {
                traffic(name(label).into_owned(), action_name(action), *volume)
            })
            .collect();
        if self.others.flows > 0 {
            all.push(traffic(OTHERS.into(), "any".into(), self.others));
        }
        all
    }
}

fn traffic(name: String, action: Word, volume: Volume) -> Traffic {
    let Volume { flows, packets, bytes, dropped } = volume;
    Traffic { name, action, flows, packets, bytes, dropped }
}

fn action_name(action: u8) -> Word {
    Action::from_byte(action).map_or("none", Action::name).into()
}

/// Decided flows, as they were shown last.
#[derive(Clone, Debug, Default)]
pub struct Ledger {
    apps: Shown,
    categories: Shown,
}

impl Ledger {
    /// Takes in what is over, which was looked at first, and what lives.
    pub fn take(&mut self, mut over: Volumes, living: &Volumes) {
        over.add(living);
        // Of `TLS.Facebook`, Facebook.
        self.apps.take(&over, |it| if it.app.app == 0 { it.app.master } else { it.app.app });
        self.categories.take(&over, |it| it.category.0);
    }

    /// By application.
    pub fn apps(&self, names: &Names) -> Vec<Traffic> {
        self.apps.named(|app| names.app(AppId { master: 0, app }))
    }

    /// By category.
    pub fn categories(&self, names: &Names) -> Vec<Traffic> {
        self.categories.named(|category| names.category(CategoryId(category)).into())
    }
}

#[cfg(test)]
mod tests {
    use ndpi_common::Tally;

    use super::*;

    fn class(app: u16) -> Class {
        let app = AppId { master: 91, app };
        Class { app, category: CategoryId(6), action: Action::Drop as u8 }
    }

    fn volume(packets: u64) -> Volume {
        Volume { flows: 1, packets, bytes: packets * 100, dropped: packets / 2 }
    }

    fn of(class: Class, packets: u64) -> Volumes {
        let mut volumes = Volumes::default();
        volumes.count(class, &volume(packets));
        volumes
    }

    fn packets(ledger: &Ledger) -> Vec<u64> {
        ledger.apps(&Names::default()).iter().map(|it| it.packets).collect()
    }

    #[test]
    fn a_flow_counts_while_it_lives_and_when_it_is_over_and_never_twice() {
        let mut ledger = Ledger::default();
        ledger.take(Volumes::default(), &of(class(119), 10));
        assert_eq!(packets(&ledger), [10]);
        // It has ended since its worker was looked at, and is not in the maps any more.
        ledger.take(Volumes::default(), &Volumes::default());
        assert_eq!(packets(&ledger), [10], "what was shown is not taken back");
        ledger.take(of(class(119), 12), &Volumes::default());
        assert_eq!(packets(&ledger), [12]);
        ledger.take(of(class(119), 12), &of(class(119), 3));
        assert_eq!(packets(&ledger), [15]);
    }

    #[test]
    fn carriers_of_an_application_count_as_one() {
        let mut ledger = Ledger::default();
        let quic = Class { app: AppId { master: 188, app: 119 }, ..class(119) };
        let alone = Class { app: AppId { master: 188, app: 0 }, ..class(119) };
        let mut living = of(class(119), 1);
        living.count(quic, &volume(2));
        living.count(alone, &volume(4));
        ledger.take(Volumes::default(), &living);
        assert_eq!(packets(&ledger), [3, 4]);
        let categories = ledger.categories(&Names::default());
        assert_eq!((categories.len(), categories[0].packets), (1, 7));
        assert_eq!((categories[0].flows, &*categories[0].action), (3, "drop"));
    }

    #[test]
    fn beyond_the_bound_labels_are_counted_together() {
        let mut ledger = Ledger::default();
        let mut living = Volumes::default();
        (0..2000).for_each(|app| living.count(class(app + 1), &volume(2)));
        ledger.take(Volumes::default(), &living);
        let apps = ledger.apps(&Names::default());
        assert_eq!(apps.len(), MOST + 1);
        let others = apps.last().unwrap();
        assert_eq!((&*others.name, &*others.action), (OTHERS, "any"));
        assert_eq!(apps.iter().map(|it| it.packets).sum::<u64>(), 4000);
        // Whoever has a line of its own keeps it.
        ledger.take(Volumes::default(), &of(class(1999), 7));
        assert_eq!(ledger.apps(&Names::default()), apps);
    }

    #[test]
    fn an_entry_counts_all_that_met_it() {
        let entry = VerdictEntry {
            action: Action::Count as u8,
            app: 5,
            from_lower: Tally { packets: 3, bytes: 180 },
            from_upper: Tally { packets: 4, bytes: 400 },
            ..VerdictEntry::default()
        };
        let mut volumes = Volumes::default();
        volumes.count_entry(&entry);
        let expected = Volume { flows: 1, packets: 7, bytes: 580, dropped: 0 };
        assert_eq!(volumes.0.into_values().collect::<Vec<_>>(), [expected]);
    }
}
