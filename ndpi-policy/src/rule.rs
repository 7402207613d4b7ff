//! A rule with its names resolved.

use std::ops::RangeInclusive;
use std::sync::Arc;

use ndpi_labels::{BreedId, CategoryId, Findings};
use serde::{Deserialize, Serialize};

use crate::action::Action;
use crate::app_pattern::AppPattern;
use crate::confidence::Rank;
use crate::diagnose::Place;
use crate::group::Group;
use crate::host::HostPattern;
use crate::net::Net;
use crate::schedule::Schedule;

/// Most rules of a policy: the width of a decision's sets (and far from what a person can keep in
/// mind).
pub(crate) const MAX_RULES: usize = 4096;

/// What takes every finding.
pub(crate) const ANY_FINDING: &str = "any";

/// A value and where it was written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct At<T> {
    /// The value.
    pub value: T,
    /// Where it was written.
    pub place: Place,
}

/// One `[[rule]]`.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Rule {
    /// `name`, or `rule N` counted from 1.
    pub name: String,
    /// The rule's `[[rule]]` header.
    pub place: Place,
    /// Where its name is written, or else its header.
    pub named: Place,
    /// What is done to its flows.
    pub action: Action,
    /// `state = "partial"`: it acts before nDPI's final word.
    pub partial: bool,
    /// `first_packet = true`: nDPI's first-packet classification may decide.
    pub first_packet: bool,
    /// What must hold, each of them.
    pub matchers: Matchers,
    /// What must not hold, each of them.
    pub not: Matchers,
}

/// What a rule asks of a flow. `None` asks nothing. A list holds when one of its entries does, so an
/// empty list (from an empty file) never holds.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[expect(missing_docs, reason = "named after the keys of the policy file, described there")]
pub struct Matchers {
    pub app: Option<Vec<At<AppPattern>>>,
    pub category: Option<Vec<At<CategoryId>>>,
    pub flow_category: Option<Vec<At<CategoryId>>>,
    pub group: Option<Vec<At<Arc<Group>>>>,
    pub breed: Option<Vec<At<BreedId>>>,
    pub risk: Option<Vec<At<u8>>>,
    pub risk_score: Option<At<u16>>,
    pub host: Option<Vec<At<HostPattern>>>,
    pub ja4: Option<Vec<At<String>>>,
    pub alpn: Option<Vec<At<String>>>,
    pub src: Option<Vec<At<Net>>>,
    pub dst: Option<Vec<At<Net>>>,
    pub any: Option<Vec<At<Net>>>,
    pub port: Option<Vec<At<RangeInclusive<u16>>>>,
    pub proto: Option<Vec<At<u8>>>,
    pub vlan: Option<Vec<At<RangeInclusive<u16>>>>,
    pub iface: Option<Vec<At<String>>>,
    pub confidence: Option<At<Rank>>,
    pub guessed: Option<At<bool>>,
    pub incomplete: Option<At<bool>>,
    pub evasion: Option<Vec<At<Findings>>>,
    pub schedule: Option<At<Schedule>>,
}

impl Rule {
    /// Whether it asks for the host that a flow is for, or what follows from that.
    pub(crate) fn asks_for_host(&self) -> bool {
        [&self.matchers, &self.not].into_iter().any(|asked| {
            let Matchers { app, category, flow_category, group, breed, host, .. } = asked;
            app.is_some()
                || category.is_some()
                || flow_category.is_some()
                || group.is_some()
                || breed.is_some()
                || host.is_some()
        })
    }
}
