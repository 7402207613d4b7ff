//! How long it takes from a packet to the verdict that it leads to, by what the time goes to.

use std::fmt;

use super::Histogram;
use crate::report::table::{Align, Table};
use crate::report::units;

const COLUMNS: [(&str, Align); 5] = [
    ("stage", Align::Left),
    ("median", Align::Right),
    ("90 %", Align::Right),
    ("99 %", Align::Right),
    ("longest", Align::Right),
];

/// What a packet waits for, in turn, and what that is.
const STAGES: [(&str, &str); 5] = [
    ("ring", "in the ring, waking the worker"),
    ("queue", "samples before it"),
    ("inspect", "flow table and nDPI"),
    ("policy", "rules"),
    ("write", "writing the verdict"),
];

/// The nanoseconds of one decision.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Decision {
    /// From the packet to the verdict that stands.
    pub total_ns: u64,
    /// By stage: from the kernel's look at the packet until its batch is sent to a worker, until the worker
    /// begins with it, in the flow table and nDPI, in the rules, and until the verdict stands in the map.
    /// Together the total.
    pub stages_ns: [u64; 5],
}

/// All decisions by packets of one kind.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Durations {
    total: Histogram,
    stages: [Histogram; 5],
}

impl Durations {
    fn add(&mut self, decision: &Decision) {
        self.total.add(decision.total_ns);
        for (histogram, ns) in self.stages.iter_mut().zip(decision.stages_ns) {
            histogram.add(ns);
        }
    }

    fn merge(&mut self, other: &Self) {
        self.total.merge(&other.total);
        for (ours, theirs) in self.stages.iter_mut().zip(&other.stages) {
            ours.merge(theirs);
        }
    }

    /// From the packet to the verdict that stands.
    pub fn total(&self) -> &Histogram {
        &self.total
    }

    /// Stages by name, in their order, and then all of it.
    pub fn by_name(&self) -> impl Iterator<Item = (&'static str, &Histogram)> {
        let stages = STAGES.iter().map(|(name, _)| *name).zip(&self.stages);
        stages.chain([("all", &self.total)])
    }
}

/// How long decisions took.
///
/// Those by packets with payload are kept apart: a flood of connections that are only opened would drown
/// them, and what it brings about matters to nobody.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TimeToVerdict {
    payload: Durations,
    empty: Durations,
}

impl TimeToVerdict {
    /// Adds a decision by a packet with payload, or an `empty` one.
    pub fn add(&mut self, decision: &Decision, empty: bool) {
        if empty { &mut self.empty } else { &mut self.payload }.add(decision);
    }

    /// Adds those of another worker.
    pub fn merge(&mut self, other: &Self) {
        self.payload.merge(&other.payload);
        self.empty.merge(&other.empty);
    }

    /// Decisions by packets with payload.
    pub fn payload(&self) -> &Durations {
        &self.payload
    }

    /// Decisions by packets without.
    pub fn empty(&self) -> &Durations {
        &self.empty
    }
}

/// As a table for a person; nothing where nothing was decided.
impl fmt::Display for TimeToVerdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (durations, by) in [(&self.payload, "with"), (&self.empty, "without")] {
            let verdicts = durations.total.count();
            if verdicts == 0 {
                continue;
            }
            writeln!(f, "time to verdict, by packets {by} payload: {}", units::grouped(verdicts))?;
            let mut table = Table::new(&COLUMNS);
            let all = durations.by_name();
            // Of packets that matter less, a line is enough.
            for (name, times) in all.filter(|(name, _)| by == "with" || *name == "all") {
                let row = [times.at(500), times.at(900), times.at(990), times.longest()];
                let row = row.map(units::duration).into_iter();
                table.row([meaning(name).to_owned()].into_iter().chain(row));
            }
            write!(f, "{table}")?;
        }
        Ok(())
    }
}

/// What a stage's time goes to.
fn meaning(stage: &str) -> &'static str {
    let found = STAGES.iter().find(|(name, _)| *name == stage);
    found.map_or("packet to verdict, in all", |(_, meaning)| meaning)
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    fn decision(us: u64) -> Decision {
        Decision {
            total_ns: us * 1000,
            stages_ns: [us * 600, us * 100, us * 200, us * 50, us * 50],
        }
    }

    #[test]
    fn the_table_has_a_line_for_each_stage() {
        let mut times = TimeToVerdict::default();
        assert_eq!(times.to_string(), "");
        times.add(&decision(100), false);
        let text = times.to_string();
        let lines: Vec<_> = text.lines().collect();
        assert_eq!(lines.len(), 8, "{text}");
        assert_eq!(lines[0], "time to verdict, by packets with payload: 1", "{text}");
        let last = lines[7].split_whitespace().rev().take(8).filter(|word| *word != "µs");
        assert_eq!(last.collect::<Vec<_>>(), ["100"; 4], "{text}");
        let long = Decision { total_ns: 200_000_000_000, stages_ns: [40_000_000_000; 5] };
        times.add(&long, false);
        assert!(times.to_string().lines().all(|line| line.chars().count() <= 80), "{times}");
    }

    #[test]
    fn a_flood_of_openings_drowns_nothing() {
        let (mut times, mut other) = <(TimeToVerdict, TimeToVerdict)>::default();
        (0..1000).for_each(|_| times.add(&decision(1), true));
        other.add(&decision(7000), false);
        times.merge(&other);
        let total = times.payload().total();
        assert_eq!((total.count(), total.at(500)), (1, Duration::from_millis(7)));
        assert_eq!(times.to_string().lines().count(), 8 + 3, "{times}");
    }
}
