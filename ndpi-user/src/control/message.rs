//! Requests and replies of the control socket.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::Value;

/// The version of requests and replies.
pub const PROTOCOL: u32 = 1;

/// A request.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Request {
    /// [`PROTOCOL`] of who asks.
    pub protocol: u32,
    /// What is to be done.
    pub command: Command,
}

/// The commands that an instance takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Command {
    /// Reload the policy.
    PolicyReload,
}

/// A reply.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Reply {
    /// [`PROTOCOL`] of the instance.
    pub protocol: u32,
    /// What came of the request.
    #[serde(flatten)]
    pub outcome: Answer,
}

/// What came of a request.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Answer {
    /// The policy was read.
    PolicyReload(Reload),
    /// Nothing was done, and why.
    Refused(String),
}

/// The result of reloading the policy.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Reload {
    /// Whether it is in force now; if not, the one before still is.
    pub taken: bool,
    /// The policy's file.
    pub policy: String,
    /// How many rules it has; absent where it was not taken, as the next two.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rules: Option<usize>,
    /// Decided flows that were judged again.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub flows: Option<u64>,
    /// How many of them have another verdict now.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub changed: Option<u64>,
    /// Interfaces on which nothing is enforced now, or not all, and why: it was taken all the same.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub unenforced: BTreeMap<String, String>,
    /// Mistakes and warnings found in the file, as `policy check --json` gives them.
    pub problems: Value,
    /// Why it was not taken, where the file is not to blame.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
    /// The problems for a person.
    pub text: String,
}

impl Reload {
    /// Where nothing is enforced, in words; `None` where everything is.
    pub fn where_not(&self) -> Option<String> {
        ndpi_events::where_not(&self.unenforced)
    }
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
