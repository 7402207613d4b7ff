//! The closing summary: flows by application and action.

use std::collections::{BTreeMap, HashMap};
use std::fmt;

use ndpi::{AppId, CategoryId};
use ndpi_flow::{Action, DecidedBy, FlowEntry, Volume};

use super::timing::TimeToVerdict;
use crate::record::{Counters, Found, Names};
use crate::report::table::{Align, Table};
use crate::report::units;
use crate::snapshot::{Class, Volume as Total, Volumes};

/// Columns that the closing report has room for.
const WIDTH: usize = 80;

const COLUMNS: [(&str, Align); 7] = [
    ("application", Align::Left),
    ("category", Align::Left),
    ("action", Align::Left),
    ("flows", Align::Right),
    ("packets", Align::Right),
    ("bytes", Align::Right),
    ("dropped", Align::Right),
];

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
    /// Flows by what decided them, and packets of theirs that were dropped.
    by: BTreeMap<DecidedBy, (u64, u64)>,
    leaks: Leaks,
    /// Flows whose start was not seen and that have no name.
    incomplete: u64,
    /// What was found in flows besides.
    found: Found,
    /// Packets that were shown, and came here.
    samples: u64,
    /// Packets that were shown, and that no worker was given as it was behind.
    left_out: u64,
    times: TimeToVerdict,
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
        let crossed = counters.total();
        row.packets += crossed.packets;
        row.bytes += crossed.bytes;
        row.dropped += counters.dropped;
        self.incomplete += u64::from(flow.is_incomplete());
        self.found.add(flow.findings);
        let (flows, dropped) = self.by.entry(decided.by).or_default();
        *flows += 1;
        *dropped += counters.dropped;
    }

    /// The flows that are over, for snapshots.
    pub fn volumes(&self) -> Volumes {
        let mut volumes = Volumes::default();
        for ((app, action), row) in &self.rows {
            let Row { category, flows, packets, bytes, dropped } = *row;
            let action = action.map_or(0, |action| action as u8);
            let class = Class { app: *app, category, action };
            volumes.count(class, &Total { flows, packets, bytes, dropped });
        }
        volumes
    }

    /// Adds a blocked flow of which `passed` got through.
    pub fn add_blocked(&mut self, passed: Volume) {
        let leaking = u64::from(passed.packets > 0);
        self.leaks.add(Leaks { blocked: 1, leaking, passed });
    }

    /// Adds samples that were taken from the rings.
    pub fn add_samples(&mut self, taken: u64) {
        self.samples += taken;
    }

    /// Adds packets that were shown and not given to a worker, as it was behind.
    pub fn add_left_out(&mut self, packets: u64) {
        self.left_out += packets;
    }

    /// Packets that were shown and not given to a worker, as it was behind.
    pub fn left_out(&self) -> u64 {
        self.left_out
    }

    /// Adds how long decisions took.
    pub fn add_times(&mut self, times: &TimeToVerdict) {
        self.times.merge(times);
    }

    /// How long decisions took.
    pub fn times(&self) -> &TimeToVerdict {
        &self.times
    }

    /// What was found in flows besides their labels.
    pub fn found(&self) -> &Found {
        &self.found
    }

    /// Adds what another worker saw.
    pub fn merge(&mut self, other: &Self) {
        self.leaks.add(other.leaks);
        self.incomplete += other.incomplete;
        self.found.merge(&other.found);
        self.add_samples(other.samples);
        self.add_left_out(other.left_out);
        self.add_times(&other.times);
        for (key, theirs) in &other.rows {
            let ours = self.rows.entry(*key).or_default();
            ours.category = theirs.category;
            ours.flows += theirs.flows;
            ours.packets += theirs.packets;
            ours.bytes += theirs.bytes;
            ours.dropped += theirs.dropped;
        }
        for (by, theirs) in &other.by {
            let (flows, dropped) = self.by.entry(*by).or_default();
            *flows += theirs.0;
            *dropped += theirs.1;
        }
    }

    /// A line on the packets that were shown: as many as the kernel says, where nothing was lost on
    /// the way.
    pub fn samples(&self) -> impl fmt::Display {
        let Self { samples, left_out, .. } = *self;
        fmt::from_fn(move |f| {
            writeln!(f, "shown to nDPI: {} packets", units::grouped(samples))?;
            if left_out > 0 {
                let left_out = units::grouped(left_out);
                writeln!(f, "left out, as more came than could be looked at: {left_out} packets")?;
            }
            Ok(())
        })
    }

    /// A line on what blocked flows got through; nothing where none was blocked.
    pub fn leaks(&self) -> impl fmt::Display {
        let Leaks { blocked, leaking, passed: Volume { packets, bytes } } = self.leaks;
        fmt::from_fn(move |f| {
            if blocked == 0 {
                return Ok(());
            }
            let [blocked, packets, leaking] = [blocked, packets, leaking].map(units::grouped);
            let bytes = units::bytes(bytes);
            writeln!(f, "blocked flows: {blocked}")?;
            writeln!(
                f,
                "leaked before their verdicts stood: {packets} packets, {bytes}, of {leaking} flows"
            )
        })
    }

    /// As a table, the most packets first.
    pub fn table<'a>(&'a self, names: &'a Names) -> impl fmt::Display + 'a {
        fmt::from_fn(|f| {
            let mut table = Table::new(&COLUMNS);
            let mut rows: Vec<_> = self.rows.iter().collect();
            rows.sort_by_key(|((app, action), row)| {
                (std::cmp::Reverse(row.packets), *app, action.map(Action::name))
            });
            for ((app, action), row) in rows {
                let Row { category, flows, packets, bytes, dropped } = row;
                table.row([
                    names.app(*app).into_owned(),
                    names.category(*category).to_owned(),
                    action.map_or("-", Action::name).to_owned(),
                    units::grouped(*flows),
                    units::grouped(*packets),
                    units::bytes(*bytes),
                    units::grouped(*dropped),
                ]);
            }
            table.fit(WIDTH, &["category"]);
            write!(f, "{table}")?;
            if self.incomplete > 0 {
                writeln!(f, "incomplete: {} flows, whose start was not seen", self.incomplete)?;
            }
            write!(f, "{}", self.found)?;
            self.hurried(f)
        })
    }

    /// The flows that were decided before anything of them was understood, if there are any.
    fn hurried(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let of = |by| self.by.get(&by).copied().unwrap_or_default();
        let ((first, first_dropped), (server, server_dropped)) =
            (of(DecidedBy::FirstPacket), of(DecidedBy::Server));
        if first + server > 0 {
            writeln!(
                f,
                "decided early: {first} by their first packet ({first_dropped} packets dropped)"
            )?;
            writeln!(
                f,
                "decided early: {server} by earlier flows of their server ({server_dropped} packets dropped)"
            )?;
        }
        let (found, dropped) = of(DecidedBy::Finding);
        if found > 0 {
            writeln!(
                f,
                "decided early: {found} by what was found in them ({dropped} packets dropped)"
            )?;
        }
        Ok(())
    }
}

impl Leaks {
    fn add(&mut self, other: Self) {
        self.blocked += other.blocked;
        self.leaking += other.leaking;
        self.passed = self.passed + other.passed;
    }
}

#[cfg(test)]
mod tests {
    use ndpi::Classification;
    use ndpi_common::{Direction, Key, KeyV4};
    use ndpi_flow::{
        Action, Decided, DecidedBy, Details, FlowEntry, Sample, Stage, Verdict, Volume,
    };

    use super::Summary;
    use crate::record::{Counters, Names};

    fn flow(by: DecidedBy) -> FlowEntry<()> {
        let (key, direction) = KeyV4::new(([198, 18, 0, 1], 1), ([198, 18, 0, 2], 2), 0, 6);
        let sample = Sample { bytes: 40, ..Sample::new(Key::V4(key), direction, 0, &[]) };
        assert_eq!(direction, Direction::FromLower);
        let (classification, details) = (Classification::default(), Details::default());
        let verdict = Some(Verdict { action: Action::Drop, rule: Some(0) });
        let mut flow = FlowEntry::new(&sample, ());
        flow.stage =
            Stage::Decided(Decided { classification, details, verdict, given_up: false, by });
        flow
    }

    #[test]
    fn samples_of_all_workers_add_up() {
        let mut all = Summary::default();
        all.add_samples(7);
        assert_eq!(all.samples().to_string(), "shown to nDPI: 7 packets\n");
        let mut other = Summary::default();
        other.add_samples(5);
        all.merge(&other);
        let line = all.samples().to_string();
        assert_eq!(line, "shown to nDPI: 12 packets\n");
        other.add_left_out(3);
        all.merge(&other);
        let line = all.samples().to_string();
        let left_out = "left out, as more came than could be looked at: 3 packets";
        assert_eq!(line, format!("shown to nDPI: 17 packets\n{left_out}\n"));
    }

    #[test]
    fn flows_decided_early_are_told_apart() {
        let to_server = Volume { packets: 5, bytes: 500 };
        let counters = Counters { to_server, dropped: 3, ..Counters::default() };
        let (mut one, mut other) = (Summary::default(), Summary::default());
        one.add(&flow(DecidedBy::Content), counters);
        assert!(!one.table(&Names::default()).to_string().contains("early"));
        one.add(&flow(DecidedBy::FirstPacket), counters);
        other.add(&flow(DecidedBy::Server), counters);
        other.add(&flow(DecidedBy::Server), counters);
        one.add(&flow(DecidedBy::Finding), counters);
        one.merge(&other);
        let table = one.table(&Names::default()).to_string();
        let lines: Vec<_> = table.lines().rev().take(3).collect();
        assert_eq!(lines[0], "decided early: 1 by what was found in them (3 packets dropped)");
        let by_server = "decided early: 2 by earlier flows of their server (6 packets dropped)";
        assert_eq!(lines[1], by_server);
        assert_eq!(lines[2], "decided early: 1 by their first packet (3 packets dropped)");
    }
}
