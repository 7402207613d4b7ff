//! The report on classified captures that a person reads.

use std::collections::BTreeMap;
use std::fmt;
use std::hash::Hash;
use std::time::Duration;

use hashbrown::HashMap;
use ndpi_capture::Others;
use ndpi_capture::link::Skips;
use ndpi_flow::Verdict;
use serde::{Deserialize, Serialize};

use super::table::{Align, Table};
use super::units::{bar, bytes, carrier, duration, grouped};
use super::{SlowFlow, Summary, Tally};
use crate::record::Names;

/// Cells of the longest bar.
const BAR: usize = 24;

/// What was read of one capture.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct CaptureReport {
    /// Its path.
    pub name: String,
    /// What it is called in records.
    pub short: String,
    /// Packets in it.
    pub packets: u64,
    /// Those that belong to a flow.
    pub read: u64,
    /// Those that belong to no flow, by reason.
    pub skips: Skips,
    /// When the first and the last packet were seen, nanoseconds since the Unix epoch.
    pub span_ns: Option<(u64, u64)>,
    /// Captures that begin inside of its file.
    pub others: Others,
    /// Packets in tunnels that the programs in the kernel do not open, by the kind of tunnel; of a
    /// replay alone.
    #[serde(skip)]
    pub unopened: BTreeMap<&'static str, u64>,
    /// Packets in tunnels that nothing opens, by the kind of tunnel, where tunnels are looked into.
    pub closed: BTreeMap<String, u64>,
    /// Why it could not be read to its end.
    pub error: Option<String>,
}

impl CaptureReport {
    /// Notes that it was not read to its end, for a signal.
    pub fn stopped_by(&mut self, signal: &str) {
        let Self { name, packets, .. } = self;
        self.error = Some(format!("{name}: stopped by {signal} after {packets} packets"));
    }

    /// Counts a packet in a tunnel that nothing opens.
    pub fn closed(&mut self, kind: String) {
        *self.closed.entry(kind).or_default() += 1;
    }

    /// Counts a packet seen at `time_ns`.
    #[inline]
    pub fn packet(&mut self, time_ns: u64) {
        self.packets += 1;
        let (first, last) = self.span_ns.unwrap_or((time_ns, time_ns));
        self.span_ns = Some((first.min(time_ns), last.max(time_ns)));
    }
}

/// The report on some captures. Its `Display` is what is printed.
pub struct Report<'a> {
    /// The captures.
    pub captures: &'a [CaptureReport],
    /// Sums over their flows.
    pub summary: &'a Summary,
    /// nDPI's names.
    pub names: &'a Names,
    /// Names the rule that a verdict comes from.
    pub rule_name: &'a dyn Fn(Verdict) -> String,
    /// How many rows a table has at most.
    pub rows: usize,
}

impl fmt::Display for Report<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.head(f)?;
        let summary = self.summary;
        let apps = summary.apps.iter().map(|(id, tally)| (self.names.app(*id).into(), *tally));
        self.shares(f, "Applications", "application", apps.collect())?;
        let category = |(id, tally): (&ndpi::CategoryId, &Tally)| {
            (self.names.category(*id).to_owned(), *tally)
        };
        let categories = summary.categories.iter().map(category).collect();
        self.shares(f, "Categories", "category", categories)?;
        self.risks(f)?;
        self.findings(f)?;
        self.rules(f)?;
        self.slowest(f)?;
        self.skipped(f)
    }
}

impl Report<'_> {
    fn head(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let packets: u64 = self.captures.iter().map(|capture| capture.packets).sum();
        let Summary { total, given_up, guessed, evicted, .. } = self.summary;
        match self.captures {
            [one] => write!(f, "{}", one.name)?,
            many => write!(f, "{} captures", many.len())?,
        }
        writeln!(
            f,
            ": {} packets, {} flows with {} in {}",
            grouped(packets),
            grouped(total.flows),
            bytes(total.bytes),
            duration(self.time_covered())
        )?;
        writeln!(
            f,
            "{} flows ended before nDPI was done with them, {} were classified by port or address alone",
            grouped(*given_up),
            grouped(*guessed)
        )?;
        if *evicted > 0 {
            writeln!(f, "{} flows were ended early to make room", grouped(*evicted))?;
        }
        Ok(())
    }

    /// The time that packets cover, summed over captures.
    fn time_covered(&self) -> Duration {
        let spans = self.captures.iter().filter_map(|capture| capture.span_ns);
        spans.map(|(first, last)| Duration::from_nanos(last - first)).sum()
    }

    /// A table of tallies with shares of all bytes, the largest first.
    fn shares(
        &self,
        f: &mut fmt::Formatter<'_>,
        title: &str,
        column: &'static str,
        tallies: Vec<(String, Tally)>,
    ) -> fmt::Result {
        let tallies = self.largest(tallies);
        let all = self.summary.total.bytes.max(1) as f64;
        let most = tallies.iter().map(|(_, tally)| tally.bytes).max().unwrap_or(0).max(1) as f64;
        let mut table = Table::new(&[
            (column, Align::Left),
            ("flows", Align::Right),
            ("packets", Align::Right),
            ("bytes", Align::Right),
            ("share", Align::Right),
            ("", Align::Left),
        ]);
        for (name, tally) in tallies {
            let share = tally.bytes as f64;
            table.row([
                name,
                grouped(tally.flows),
                grouped(tally.packets),
                bytes(tally.bytes),
                format!("{:.1} %", share / all * 100.0),
                bar(share / most, BAR),
            ]);
        }
        section(f, title, &table)
    }

    /// The first rows by bytes; what is left becomes one more row.
    fn largest(&self, mut tallies: Vec<(String, Tally)>) -> Vec<(String, Tally)> {
        tallies.sort_by(|(a, x), (b, y)| y.bytes.cmp(&x.bytes).then_with(|| a.cmp(b)));
        if tallies.len() > self.rows {
            let rest = tallies.split_off(self.rows.saturating_sub(1));
            let mut sum = Tally::default();
            for (_, tally) in &rest {
                sum.add(*tally);
            }
            tallies.push((format!("({} more)", rest.len()), sum));
        }
        tallies
    }

    fn risks(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let risks = by_flows(&self.summary.risks).into_iter();
        let name = |risk: u8| self.names.risks(ndpi::Risks(1 << risk)).collect();
        self.shares_of_flows(f, ("Risks", "risk"), risks.map(|(risk, tally)| (name(risk), tally)))
    }

    fn findings(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let findings = by_flows(&self.summary.findings).into_iter();
        let named = findings.map(|(finding, tally)| (finding.name().to_owned(), tally));
        self.shares_of_flows(f, ("Findings", "finding"), named)
    }

    /// A table of tallies with shares of all flows.
    fn shares_of_flows(
        &self,
        f: &mut fmt::Formatter<'_>,
        (title, column): (&str, &'static str),
        tallies: impl Iterator<Item = (String, Tally)>,
    ) -> fmt::Result {
        let mut table = Table::new(&[
            (column, Align::Left),
            ("flows", Align::Right),
            ("share", Align::Right),
            ("", Align::Left),
        ]);
        let all = self.summary.total.flows.max(1) as f64;
        for (name, tally) in tallies.take(self.rows) {
            let share = tally.flows as f64 / all;
            table.row([
                name,
                grouped(tally.flows),
                format!("{:.1} %", share * 100.0),
                bar(share, BAR),
            ]);
        }
        section(f, title, &table)
    }

    fn rules(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut table = Table::new(&[
            ("action", Align::Left),
            ("rule", Align::Left),
            ("flows", Align::Right),
            ("packets", Align::Right),
            ("bytes", Align::Right),
            ("dropped", Align::Right),
            ("leaked", Align::Right),
        ]);
        let mut rules: Vec<_> = self.summary.rules.iter().collect();
        rules.sort_by_key(|(verdict, _)| (verdict.rule.is_none(), verdict.rule));
        for (verdict, ruled) in rules {
            let drops = verdict.action.drops();
            let if_drops = |packets| if drops { grouped(packets) } else { String::new() };
            table.row([
                verdict.action.name().to_owned(),
                (self.rule_name)(*verdict),
                grouped(ruled.tally.flows),
                grouped(ruled.tally.packets),
                bytes(ruled.tally.bytes),
                if_drops(ruled.dropped),
                if_drops(ruled.tally.packets - ruled.dropped),
            ]);
        }
        section(f, "Verdicts (packets that the policy would have dropped, or let through)", &table)
    }

    fn slowest(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut table = Table::new(&[
            ("packets", Align::Right),
            ("time", Align::Right),
            ("application", Align::Left),
            ("flow", Align::Left),
            ("capture", Align::Left),
        ]);
        for flow in self.summary.slowest.flows() {
            table.row([
                flow.inspected.to_string(),
                duration(flow.took),
                self.names.app(flow.app).into(),
                ends(flow),
                if self.captures.len() > 1 { flow.capture.to_string() } else { String::new() },
            ]);
        }
        section(f, "Slowest to classify", &table)
    }

    fn skipped(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut skips = Skips::default();
        for capture in self.captures {
            skips.add(&capture.skips);
        }
        let mut table = Table::new(&[("reason", Align::Left), ("packets", Align::Right)]);
        for (reason, packets) in skips.iter() {
            table.row([reason.to_owned(), grouped(packets)]);
        }
        section(f, "Packets without a flow", &table)
    }
}

/// A heading and a table, if the table has rows.
fn section(f: &mut fmt::Formatter<'_>, title: &str, table: &Table) -> fmt::Result {
    if table.is_empty() { Ok(()) } else { write!(f, "\n{title}\n{table}") }
}

/// The entries with most flows first.
fn by_flows<K: Copy + Ord + Hash>(tallies: &HashMap<K, Tally>) -> Vec<(K, Tally)> {
    let mut list: Vec<_> = tallies.iter().map(|(key, tally)| (*key, *tally)).collect();
    list.sort_by_key(|(key, tally)| (std::cmp::Reverse(tally.flows), *key));
    list
}

fn ends(flow: &SlowFlow) -> String {
    let ((src, sport), (dst, dport)) = flow.ends;
    let carrier = carrier(flow.proto);
    format!("{carrier} {src}:{sport} → {dst}:{dport}")
}

#[cfg(test)]
mod tests;
