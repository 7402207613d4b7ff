//! Exceptions to the policy for a time.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::{Time, Word};

/// An exception to the policy for a time. docs/records.md explains all fields.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Release {
    /// Its number.
    pub release: u32,
    /// What passes.
    #[serde(flatten)]
    pub what: Released,
    /// When it began.
    pub since: Time,
    /// When it ends.
    pub until: Time,
}

/// What a release lets pass.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Released {
    /// A host, and those below it.
    Host(String),
    /// An application.
    App(String),
    /// A flow, as a person names it.
    Flow(String),
}

impl fmt::Display for Released {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (kind, name) = match self {
            Self::Host(name) => ("host", name),
            Self::App(name) => ("app", name),
            Self::Flow(name) => ("flow", name),
        };
        write!(f, "{kind} {name}")
    }
}

/// A release began or ended.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ReleaseChange {
    /// When.
    pub time: Time,
    /// The release.
    #[serde(flatten)]
    pub release: Release,
    /// Why it ended: `time` or `command`; absent where it began.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub why: Option<Word>,
    /// Decided flows that were judged again; absent where another change of the policy has done so.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub flows: Option<u64>,
    /// How many of them have another verdict now; absent as above.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub changed: Option<u64>,
}
