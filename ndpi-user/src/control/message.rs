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

/// A reply cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum ReplyError {
    /// It is no reply.
    #[error(transparent)]
    Malformed(#[from] serde_json::Error),
    /// It is of this version.
    #[error("it is of version {0}")]
    Version(u32),
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

    /// The command in a request.
    ///
    /// # Errors
    ///
    /// Why there is none, for whoever asked.
    pub fn read(request: &[u8]) -> Result<Command, String> {
        #[derive(Deserialize)]
        struct Versioned {
            protocol: u32,
        }
        let unknown = |error| format!("this request is not understood: {error}");
        let Versioned { protocol } = serde_json::from_slice(request).map_err(unknown)?;
        if protocol != PROTOCOL {
            return Err(format!(
                "the request is of version {protocol}, this instance understands version {PROTOCOL}: \
                 use the ndpi-xdp that it is"
            ));
        }
        serde_json::from_slice(request).map(|Self { command, .. }| command).map_err(unknown)
    }
}

impl Reply {
    /// A reply of this version.
    pub fn new(outcome: Answer) -> Self {
        Self { protocol: PROTOCOL, outcome }
    }

    /// The answer in a reply.
    ///
    /// # Errors
    ///
    /// It is none, or of another version.
    pub fn read(reply: &[u8]) -> Result<Answer, ReplyError> {
        let Self { protocol, outcome } = serde_json::from_slice(reply)?;
        if protocol == PROTOCOL { Ok(outcome) } else { Err(ReplyError::Version(protocol)) }
    }
}
