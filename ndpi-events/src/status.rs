//! Events about enforcement itself. docs/records.md explains all fields.

use std::collections::BTreeMap;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::{ReleaseChange, Time, Word, is_zero};

/// Something changed about what is enforced, where, and how well, with the tag `state`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "state", rename_all = "kebab-case")]
pub enum Status {
    /// The programs are attached, and packets are looked at.
    Running(Running),
    /// The programs are detached: the last event of a session.
    Stopped(Stopped),
    /// Enforced on this interface from here on.
    Attached(Interface),
    /// Not enforced on this interface, or not all.
    Detached(Interface),
    /// An interface has another name, and stays attached.
    Renamed(Interface),
    /// Others see what leaves through an interface before the programs.
    EgressBehind(EgressOrder),
    /// Most of what left through an interface was not seen.
    EgressBlind(EgressOrder),
    /// None is before the programs any more.
    EgressFirst(EgressOrder),
    /// A table has no room for more.
    Crowded(Crowding),
    /// It has room again.
    Eased(Crowding),
    /// Connections of an interface are seen in one direction only.
    OneDirectional(Directions),
    /// They are seen in both directions again.
    BothDirections(Directions),
    /// Classification does not keep up.
    Behind(Load),
    /// It does again.
    CaughtUp(Load),
    /// A worker does not go on.
    WorkerStuck(StuckWorker),
    /// It goes on.
    WorkerResumed(StuckWorker),
    /// Something passes for a time, whatever the policy says.
    Released(ReleaseChange),
    /// The policy holds for it again.
    ReleaseEnded(ReleaseChange),
}

impl Status {
    /// Its state.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Running(_) => "running",
            Self::Stopped(_) => "stopped",
            Self::Attached(_) => "attached",
            Self::Detached(_) => "detached",
            Self::Renamed(_) => "renamed",
            Self::EgressBehind(_) => "egress-behind",
            Self::EgressBlind(_) => "egress-blind",
            Self::EgressFirst(_) => "egress-first",
            Self::Crowded(_) => "crowded",
            Self::Eased(_) => "eased",
            Self::OneDirectional(_) => "one-directional",
            Self::BothDirections(_) => "both-directions",
            Self::Behind(_) => "behind",
            Self::CaughtUp(_) => "caught-up",
            Self::WorkerStuck(_) => "worker-stuck",
            Self::WorkerResumed(_) => "worker-resumed",
            Self::Released(_) => "released",
            Self::ReleaseEnded(_) => "release-ended",
        }
    }

    /// The interface that it is about, if it is about one.
    pub fn interface(&self) -> Option<&str> {
        match self {
            Self::Attached(it) | Self::Detached(it) | Self::Renamed(it) => Some(&it.iface),
            Self::EgressBehind(it) | Self::EgressBlind(it) | Self::EgressFirst(it) => {
                Some(&it.iface)
            }
            Self::OneDirectional(it) | Self::BothDirections(it) => Some(&it.iface),
            _ => None,
        }
    }
}

/// A session begins.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[expect(missing_docs, reason = "the fields are explained in docs/records.md")]
pub struct Running {
    pub time: Time,
    pub version: Word,
    pub ndpi: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub policy: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub instance: Option<String>,
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub dry_run: bool,
    pub attached: Vec<Attached>,
}

/// How the programs are on one interface.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[expect(missing_docs, reason = "the fields are explained in docs/records.md")]
pub struct Attached {
    pub iface: String,
    pub ifindex: u32,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ingress: Option<Word>,
    pub egress: Word,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub peer: Option<String>,
}

/// A session ended: sums over all of it.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[expect(missing_docs, reason = "the fields are explained in docs/records.md")]
pub struct Stopped {
    pub time: Time,
    pub seen: u64,
    pub passed: u64,
    pub dropped: u64,
    pub redirected: u64,
    #[serde(default, skip_serializing_if = "is_zero")]
    pub lost_frames: u64,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub ring_full: Vec<RingFull>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub rings: Vec<Ring>,
    #[serde(default, skip_serializing_if = "is_zero")]
    pub left_out: u64,
    #[serde(default, skip_serializing_if = "is_zero")]
    pub lost_records: u64,
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub findings: BTreeMap<Word, u64>,
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub time_to_verdict: BTreeMap<Word, Times>,
}

/// How long one stage of decisions took.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[expect(missing_docs, reason = "the fields are explained in docs/records.md")]
pub struct Times {
    pub count: u64,
    pub p50_us: f64,
    pub p90_us: f64,
    pub p99_us: f64,
    pub max_us: f64,
}

impl Times {
    /// Of `count` decisions, half, nine tenths, and 99 of 100 took no longer than `shares`.
    pub fn new(count: u64, shares: [Duration; 3], longest: Duration) -> Self {
        // To a tenth of a microsecond.
        let micros = |it: Duration| (it.as_secs_f64() * 1e7).round() / 10.0;
        let [p50_us, p90_us, p99_us] = shares.map(micros);
        Self { count, p50_us, p90_us, p99_us, max_us: micros(longest) }
    }
}

/// Packets that one CPU could not show.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[expect(missing_docs, reason = "the fields are explained in docs/records.md")]
pub struct RingFull {
    pub cpu: usize,
    pub packets: u64,
}

/// What happened to one ring of a worker.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[expect(missing_docs, reason = "the fields are explained in docs/records.md")]
pub struct Ring {
    pub ring: usize,
    pub worker: usize,
    pub kind: Word,
    pub full: u64,
    pub contended: u64,
    pub longest_stall_us: u64,
}

/// Something happened to an interface.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[expect(missing_docs, reason = "the fields are explained in docs/records.md")]
pub struct Interface {
    pub time: Time,
    pub iface: String,
    pub ifindex: u32,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub why: Option<Word>,
    pub text: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub attached: Option<Attached>,
}

/// Who sees packets at egress first.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[expect(missing_docs, reason = "the fields are explained in docs/records.md")]
pub struct EgressOrder {
    pub time: Time,
    pub iface: String,
    pub ifindex: u32,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub before: Vec<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sent: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub seen: Option<u64>,
}

/// A table without room, or with room again.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[expect(missing_docs, reason = "the fields are explained in docs/records.md")]
pub struct Crowding {
    pub time: Time,
    pub table: Word,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub pool: Option<Word>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub share: Option<Word>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub client: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub displaced: Option<u64>,
}

/// How many connections of an interface were seen in one direction only.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[expect(missing_docs, reason = "the fields are explained in docs/records.md")]
pub struct Directions {
    pub time: Time,
    pub iface: String,
    pub flows: u64,
    pub halves: u64,
}

/// How far classification is behind.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[expect(missing_docs, reason = "the fields are explained in docs/records.md")]
pub struct Load {
    pub time: Time,
    pub longest_us: u64,
    pub left_out: u64,
}

/// A worker at one message.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[expect(missing_docs, reason = "the fields are explained in docs/records.md")]
pub struct StuckWorker {
    pub time: Time,
    pub worker: usize,
    pub workers: usize,
    pub seconds: u64,
}
