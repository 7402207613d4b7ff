//! The event of a policy that was reloaded.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::Time;

/// A policy was read again while another was in force.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Reloaded {
    /// When.
    pub time: Time,
    /// The result.
    #[serde(flatten)]
    pub result: ReloadResult,
    /// Mistakes and warnings in the file, and why it was not taken, in words.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub problems: String,
    /// The same problems were reported with the last event of this kind.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub repeated: bool,
    /// From where it came, where somebody else than this machine's owner keeps it.
    #[serde(flatten)]
    pub offered: Option<Offered>,
    /// How often a policy was not taken so far.
    #[serde(default, skip_serializing_if = "crate::is_zero")]
    pub failures: u64,
}

/// The place of a policy in the bucket of a fleet.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Offered {
    /// Its key.
    pub fleet_key: String,
    /// Its revision there, which grows with each value of any key.
    pub fleet_revision: u64,
}

/// The result of a reload, as an event and whoever asked for it have it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ReloadResult {
    /// Whether the policy is in force; if not, the one before still is.
    pub taken: bool,
    /// The file.
    pub policy: String,
    /// How many rules it has; absent where it was not taken, as the next two.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rules: Option<u64>,
    /// Decided flows that were judged again.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub flows: Option<u64>,
    /// How many of them have another verdict now.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub changed: Option<u64>,
    /// Interfaces on which it is not enforced, or not all of it, each with the reason: it was taken all
    /// the same.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub unenforced: BTreeMap<String, String>,
}

impl ReloadResult {
    /// The interfaces on which nothing is enforced, or not all, and why, in words; `None` where there are
    /// none.
    pub fn where_not(&self) -> Option<String> {
        let each = |(name, why): (&String, &String)| format!("{name} ({why})");
        let places: Vec<_> = self.unenforced.iter().map(each).collect();
        (!places.is_empty()).then(|| format!("not enforced on {}", places.join(", ")))
    }
}
