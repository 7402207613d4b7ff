//! What was seen by the end: flows by application and action.

use std::collections::HashMap;
use std::fmt;

use ndpi::{AppId, CategoryId};

use super::Volume;
use crate::flow::FlowEntry;
use crate::record::{Counters, Names};
use crate::verdict::Action;

/// Totals of one application under one action.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Row {
    category: CategoryId,
    flows: u64,
    packets: u64,
    bytes: u64,
    dropped: u64,
}

/// Totals by application and action.
#[derive(Clone, Debug, Default)]
pub struct Summary {
    rows: HashMap<(AppId, Option<Action>), Row>,
    leaks: Leaks,
}

/// What blocked flows got through before their verdicts stood.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Leaks {
    /// Blocked flows.
    blocked: u64,
    /// Those that got something through.
    leaking: u64,
    /// What they got through.
    passed: Volume,
}

impl Summary {
    /// Adds a flow that is over.
    pub fn add<F>(&mut self, flow: &FlowEntry<F>, counters: Counters) {
        let Some(decided) = flow.decided() else { return };
        let action = decided.verdict.map(|verdict| verdict.action);
        let row = self.rows.entry((decided.classification.app, action)).or_default();
        row.category = decided.classification.category;
        row.flows += 1;
        row.packets += counters.packets;
        row.bytes += counters.bytes;
        row.dropped += counters.dropped;
    }

    /// Adds a blocked flow of which `passed` got through.
    pub fn add_blocked(&mut self, passed: Volume) {
        let leaking = u64::from(passed.packets > 0);
        self.leaks.add(Leaks { blocked: 1, leaking, passed });
    }

    /// Adds what another worker saw.
    pub fn merge(&mut self, other: &Self) {
        self.leaks.add(other.leaks);
        for (key, theirs) in &other.rows {
            let ours = self.rows.entry(*key).or_default();
            ours.category = theirs.category;
            ours.flows += theirs.flows;
            ours.packets += theirs.packets;
            ours.bytes += theirs.bytes;
            ours.dropped += theirs.dropped;
        }
    }

    /// A line on what blocked flows got through; nothing where none was blocked.
    pub fn leaks(&self) -> impl fmt::Display {
        let Leaks { blocked, leaking, passed: Volume { packets, bytes } } = self.leaks;
        fmt::from_fn(move |f| {
            if blocked == 0 {
                return Ok(());
            }
            writeln!(
                f,
                "blocked flows: {blocked}; leaked before their verdicts stood: {packets} packets, \
                 {bytes} bytes of {leaking} flows"
            )
        })
    }

    /// As a table, the most packets first.
    pub fn table<'a>(&'a self, names: &'a Names) -> impl fmt::Display + 'a {
        fmt::from_fn(|f| {
            writeln!(
                f,
                "{:<28} {:<16} {:<7} {:>7} {:>10} {:>14} {:>9}",
                "application", "category", "action", "flows", "packets", "bytes", "dropped"
            )?;
            let mut rows: Vec<_> = self.rows.iter().collect();
            rows.sort_by_key(|((app, action), row)| {
                (std::cmp::Reverse(row.packets), *app, action.map(Action::name))
            });
            rows.into_iter().try_for_each(|((app, action), row)| {
                let action = action.map_or("-", Action::name);
                let (app, category) = (names.app(*app), names.category(row.category));
                let Row { flows, packets, bytes, dropped, .. } = row;
                writeln!(
                    f,
                    "{app:<28} {category:<16} {action:<7} {flows:>7} {packets:>10} {bytes:>14} {dropped:>9}"
                )
            })
        })
    }
}

impl Leaks {
    fn add(&mut self, other: Self) {
        self.blocked += other.blocked;
        self.leaking += other.leaking;
        self.passed = self.passed + other.passed;
    }
}
