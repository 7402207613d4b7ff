//! Sums over flows.

use std::hash::Hash;

use hashbrown::HashMap;
use ndpi::{AppId, CategoryId};
use ndpi_flow::{End, FlowEntry, Verdict, Volume};
use ndpi_labels::Finding;
use serde::{Deserialize, Serialize};

use super::Slowest;
use crate::record::Counters;

/// Flows with their packets and bytes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Tally {
    /// How many flows.
    pub flows: u64,
    /// Their packets.
    pub packets: u64,
    /// Their bytes, from the IP header on.
    pub bytes: u64,
}

impl Tally {
    /// Adds another to it.
    pub fn add(&mut self, other: Self) {
        self.flows += other.flows;
        self.packets += other.packets;
        self.bytes += other.bytes;
    }
}

/// What a rule did, or would have done.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Ruled {
    /// The flows it decided.
    pub tally: Tally,
    /// Their packets that it dropped.
    pub dropped: u64,
}

/// Sums over finished flows.
#[derive(Clone, Debug, Default)]
pub struct Summary {
    /// All flows.
    pub total: Tally,
    /// By master and application protocol.
    pub apps: HashMap<AppId, Tally>,
    /// By category.
    pub categories: HashMap<CategoryId, Tally>,
    /// By risk.
    pub risks: HashMap<u8, Tally>,
    /// By what was found in them besides.
    pub findings: HashMap<Finding, Tally>,
    /// By verdict, where there is a policy.
    pub rules: HashMap<Verdict, Ruled>,
    /// Flows that ended before nDPI was done with them.
    pub given_up: u64,
    /// Flows whose application is a guess from ports or addresses.
    pub guessed: u64,
    /// Flows that ended early because the table was full.
    pub evicted: u64,
    /// The flows that took nDPI longest.
    pub slowest: Slowest,
}

impl Summary {
    /// Adds a finished flow. One that is not decided does not count.
    pub fn flow<F>(&mut self, flow: &FlowEntry<F>, end: End, counters: Counters) {
        let Some(decided) = flow.decided() else { return };
        let Volume { packets, bytes } = counters.total();
        let tally = Tally { flows: 1, packets, bytes };
        let classification = &decided.classification;
        self.total.add(tally);
        self.apps.entry(classification.app).or_default().add(tally);
        self.categories.entry(classification.category).or_default().add(tally);
        for risk in classification.risks.iter() {
            self.risks.entry(risk).or_default().add(tally);
        }
        for finding in flow.findings.iter() {
            self.findings.entry(finding).or_default().add(tally);
        }
        if let Some(verdict) = decided.verdict {
            let ruled = self.rules.entry(verdict).or_default();
            ruled.tally.add(tally);
            ruled.dropped += counters.dropped;
        }
        self.given_up += u64::from(decided.given_up);
        self.guessed += u64::from(classification.guessed);
        self.evicted += u64::from(end == End::Evicted);
    }

    /// Adds the sums over other flows.
    pub fn add(&mut self, other: Self) {
        self.total.add(other.total);
        merge(&mut self.apps, other.apps, Tally::add);
        merge(&mut self.categories, other.categories, Tally::add);
        merge(&mut self.risks, other.risks, Tally::add);
        merge(&mut self.findings, other.findings, Tally::add);
        merge(&mut self.rules, other.rules, |ruled, other| {
            ruled.tally.add(other.tally);
            ruled.dropped += other.dropped;
        });
        self.given_up += other.given_up;
        self.guessed += other.guessed;
        self.evicted += other.evicted;
        self.slowest.add(other.slowest);
    }
}

fn merge<K: Eq + Hash, V: Default>(
    into: &mut HashMap<K, V>,
    from: HashMap<K, V>,
    add: impl Fn(&mut V, V),
) {
    for (key, value) in from {
        add(into.entry(key).or_default(), value);
    }
}
