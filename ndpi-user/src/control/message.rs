//! Requests and replies of the control socket.

use ndpi_events::{Release, Released, ReloadResult, Time};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::snapshot::Snapshot;

/// The version of requests and replies.
pub const PROTOCOL: u32 = 1;

/// A request.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Request {
    /// [`PROTOCOL`] of who asks.
    pub protocol: u32,
    /// What is to be done.
    pub command: Command,
}

/// The commands that an instance takes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Command {
    /// Reload the policy.
    PolicyReload,
    /// Say how it is.
    Status,
    /// Name clients and hosts of decided flows, a line each.
    Hosts,
    /// Let something pass for so many seconds, whatever the policy says.
    Release {
        /// What.
        what: Released,
        /// For how long.
        seconds: u64,
    },
    /// End the release of this number.
    EndRelease(u32),
    /// Have `status` and `verdicts` count from zero again.
    ResetCounters,
    /// Say what verdicts had counted when that was done last, a line each.
    Counters,
}

/// A reply.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Reply {
    /// [`PROTOCOL`] of the instance.
    pub protocol: u32,
    /// What came of the request.
    #[serde(flatten)]
    pub outcome: Answer,
}

/// What came of a request.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Answer {
    /// The policy was read.
    PolicyReload(Reload),
    /// How the instance is.
    Status(Box<Snapshot>),
    /// A release was made or ended.
    Release(Box<ReleaseResult>),
    /// Counters are shown since then.
    CountersReset(Time),
    /// Lines follow, and then an empty one.
    Lines {},
    /// Nothing was done, and why.
    Refused(String),
}

/// The result of reloading the policy, for whoever asked.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Reload {
    /// The result, as events have it.
    #[serde(flatten)]
    pub result: ReloadResult,
    /// Mistakes and warnings found in the file, as `policy check --json` gives them.
    pub problems: Value,
    /// Why it was not taken, where the file is not to blame.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
    /// The problems for a person.
    pub text: String,
}

/// A release that was made or ended, for whoever asked.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ReleaseResult {
    /// The release.
    #[serde(flatten)]
    pub release: Release,
    /// Decided flows that were judged again.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub flows: Option<u64>,
    /// How many of them have another verdict now.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub changed: Option<u64>,
}

impl Request {
    /// A request of this version.
    pub fn new(command: Command) -> Self {
        Self { protocol: PROTOCOL, command }
    }
}

impl Reply {
    /// A reply of this version.
    pub fn new(outcome: Answer) -> Self {
        Self { protocol: PROTOCOL, outcome }
    }
}
