//! Sums as one process hands them to another.

use std::sync::Arc;
use std::time::Duration;

use ndpi::{AppId, CategoryId};
use ndpi_flow::{Action, Endpoint, Verdict};
use ndpi_labels::Finding;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::{Ruled, SlowFlow, Slowest, Summary, Tally};

/// A [`Summary`] in types that can be written.
#[derive(Debug, Serialize, Deserialize)]
struct Transfer {
    total: Tally,
    apps: Vec<(u16, u16, Tally)>,
    categories: Vec<(u16, Tally)>,
    risks: Vec<(u8, Tally)>,
    findings: Vec<(String, Tally)>,
    rules: Vec<(u8, Option<u16>, Ruled)>,
    given_up: u64,
    guessed: u64,
    evicted: u64,
    slowest: Vec<Slow>,
}

/// A [`SlowFlow`].
#[derive(Debug, Serialize, Deserialize)]
struct Slow {
    inspected: u16,
    took: Duration,
    app: (u16, u16),
    proto: u8,
    ends: (Endpoint, Endpoint),
    capture: String,
}

impl Serialize for Summary {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        Transfer::from(self).serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for Summary {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Transfer::deserialize(deserializer).map(Self::from)
    }
}

impl From<&Summary> for Transfer {
    fn from(summary: &Summary) -> Self {
        let rule =
            |(verdict, ruled): (&Verdict, &Ruled)| (verdict.action as u8, verdict.rule, *ruled);
        let named = |(finding, sum): (&Finding, &Tally)| (finding.name().to_owned(), *sum);
        let flows = summary.slowest.flows().iter();
        Self {
            total: summary.total,
            apps: summary.apps.iter().map(|(id, sum)| (id.master, id.app, *sum)).collect(),
            categories: summary.categories.iter().map(|(id, sum)| (id.0, *sum)).collect(),
            risks: summary.risks.iter().map(|(id, sum)| (*id, *sum)).collect(),
            findings: summary.findings.iter().map(named).collect(),
            rules: summary.rules.iter().map(rule).collect(),
            given_up: summary.given_up,
            guessed: summary.guessed,
            evicted: summary.evicted,
            slowest: flows.map(Slow::of).collect(),
        }
    }
}

impl From<Transfer> for Summary {
    fn from(sums: Transfer) -> Self {
        // A number that is no action comes from nobody: both ends are this program.
        let action = |byte| Action::from_byte(byte).unwrap_or(Action::None);
        let verdict = |byte, rule| Verdict { action: action(byte), rule };
        let finding = |(name, sum): (String, Tally)| Some((Finding::from_name(&name)?, sum));
        let app = |(master, app, sum)| (AppId { master, app }, sum);
        let mut slowest = Slowest::default();
        sums.slowest.into_iter().for_each(|slow| slowest.insert(slow.into()));
        Self {
            total: sums.total,
            apps: sums.apps.into_iter().map(app).collect(),
            categories: sums
                .categories
                .into_iter()
                .map(|(id, sum)| (CategoryId(id), sum))
                .collect(),
            risks: sums.risks.into_iter().collect(),
            findings: sums.findings.into_iter().filter_map(finding).collect(),
            rules: sums
                .rules
                .into_iter()
                .map(|(byte, rule, sum)| (verdict(byte, rule), sum))
                .collect(),
            given_up: sums.given_up,
            guessed: sums.guessed,
            evicted: sums.evicted,
            slowest,
        }
    }
}

impl Slow {
    fn of(flow: &SlowFlow) -> Self {
        Self {
            inspected: flow.inspected,
            took: flow.took,
            app: (flow.app.master, flow.app.app),
            proto: flow.proto,
            ends: flow.ends,
            capture: flow.capture.to_string(),
        }
    }
}

impl From<Slow> for SlowFlow {
    fn from(slow: Slow) -> Self {
        Self {
            inspected: slow.inspected,
            took: slow.took,
            app: AppId { master: slow.app.0, app: slow.app.1 },
            proto: slow.proto,
            ends: slow.ends,
            capture: Arc::from(slow.capture),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use ndpi::{AppId, CategoryId};
    use ndpi_flow::{Action, Verdict};
    use ndpi_labels::Finding;

    use crate::report::{Ruled, SlowFlow, Summary, Tally};

    #[test]
    fn sums_arrive_as_they_were() {
        let tally = Tally { flows: 1, packets: 2, bytes: 3 };
        let mut summary =
            Summary { total: tally, evicted: 4, guessed: 5, given_up: 6, ..Default::default() };
        summary.apps.insert(AppId { master: 91, app: 119 }, tally);
        summary.categories.insert(CategoryId(6), tally);
        summary.risks.insert(46, tally);
        summary.findings.insert(Finding::Ambiguous, tally);
        for rule in [None, Some(0), Some(7)] {
            let verdict = Verdict { action: Action::Reject, rule };
            summary.rules.insert(verdict, Ruled { tally, dropped: 1 });
        }
        let end = |address: &str, port| (address.parse().unwrap(), port);
        summary.slowest.insert(SlowFlow {
            inspected: 9,
            took: Duration::from_nanos(1_234_567_891),
            app: AppId { master: 1, app: 2 },
            proto: 17,
            ends: (end("198.18.0.1", 1), end("2001:db8::1", 2)),
            capture: "a.pcap".into(),
        });
        let text = serde_json::to_string(&summary).unwrap();
        let arrived: Summary = serde_json::from_str(&text).unwrap();
        assert_eq!(arrived.slowest.flows(), summary.slowest.flows());
        assert_eq!((arrived.apps, arrived.categories), (summary.apps, summary.categories));
        assert_eq!((arrived.risks, arrived.rules), (summary.risks, summary.rules));
        assert_eq!((arrived.findings, arrived.total), (summary.findings, summary.total));
        assert_eq!((arrived.evicted, arrived.guessed, arrived.given_up), (4, 5, 6));
    }
}
