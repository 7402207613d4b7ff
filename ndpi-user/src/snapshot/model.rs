//! A snapshot of an instance: plain values, which may cross to another process and be kept there.
//!
//! Counts are since the start of the instance, and only rise. docs/records.md explains the fields.

use std::collections::BTreeMap;

use ndpi_events::{Attached, Release, RingFull, Time, Word};
use ndpi_kernel::LossOfRing;
use serde::{Deserialize, Serialize};

use super::buckets::Buckets;
use super::sweeps::Sweeps;

/// An instance at one moment.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Snapshot {
    /// When it was made.
    pub time: Time,
    /// The program's version.
    pub version: Word,
    /// nDPI's revision.
    pub ndpi: String,
    /// It decides and counts, but drops nothing.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub dry_run: bool,
    /// The process.
    pub pid: u32,
    /// When the instance began to enforce.
    pub since: Time,
    /// What keeps enforcement from being whole, and what else there is to know.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub problems: Vec<Problem>,
    /// Where the programs are attached.
    pub attached: Vec<Watched>,
    /// Interfaces and patterns that were asked for, on which nothing is enforced or not all, and why.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub unenforced: BTreeMap<String, String>,
    /// The policy in force.
    pub policy: PolicyState,
    /// What passes for a time, whatever it says.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub releases: Vec<Release>,
    /// The last few seconds; absent in the first one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rates: Option<Rates>,
    /// Packets by the way they left the programs; what never happened is left out.
    pub packets: Vec<Counted>,
    /// Tables and how full they are.
    pub tables: Vec<Fill>,
    /// How long sweeps over the verdict maps take; absent before the first.
    #[serde(default, skip_serializing_if = "Sweeps::is_none_yet")]
    pub sweeps: Sweeps,
    /// What user space takes of memory.
    #[serde(default)]
    pub memory: MemoryState,
    /// What was lost or left out.
    pub losses: LostSoFar,
    /// The threads that classify.
    pub workers: Vec<WorkerState>,
    /// How the process has fared that nDPI works in; absent where it has never ended.
    #[serde(default, skip_serializing_if = "NdpiProcess::has_never_ended")]
    pub ndpi_process: NdpiProcess,
    /// Living flows that an earlier instance decided, which this one took over.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub adopted: u64,
    /// Decided flows by what decided them: `content`, `first-packet`, `server`, …
    pub decided: BTreeMap<Word, u64>,
    /// How often there was a hint at the first packet of a flow.
    pub hints: Hints,
    /// Flows in which something was found, by what.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub findings: BTreeMap<Word, u64>,
    /// Decided flows by application.
    pub apps: Vec<Traffic>,
    /// The same by category.
    pub categories: Vec<Traffic>,
    /// From a packet with payload to the verdict that it led to.
    pub time_to_verdict: Buckets,
    /// How long workers were at each packet that was shown.
    pub inspection: Buckets,
    /// Those who write down what is reported.
    pub sinks: Vec<SinkState>,
    /// What was counted since counters were reset; absent where they never were.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub since_reset: Option<Box<Sums>>,
}

/// What was counted since some time.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Sums {
    /// Since when.
    pub since: Time,
    /// Packets by the way they left the programs; what never happened is left out.
    pub packets: Vec<Counted>,
    /// What was lost or left out.
    pub losses: LostSoFar,
    /// Decided flows by what decided them.
    pub decided: BTreeMap<Word, u64>,
    /// How often there was a hint at the first packet of a flow.
    pub hints: Hints,
    /// Flows in which something was found, by what.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub findings: BTreeMap<Word, u64>,
    /// Records and messages that were lost.
    pub lost_records: u64,
}

impl Snapshot {
    /// What a person is shown of its counts: since they were reset, else all.
    pub fn shown_counts(&self) -> Sums {
        self.since_reset.as_deref().cloned().unwrap_or_else(|| Sums::of(self))
    }

    /// Whether all that is to be enforced is.
    pub fn is_whole(&self) -> bool {
        !self.problems.iter().any(|problem| problem.breaks)
    }
}

/// Something that is not as it should be.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Problem {
    /// What, in a word that docs/operate.md explains.
    pub what: Word,
    /// Whether enforcement is not whole for it.
    pub breaks: bool,
    /// Since when, where that is known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub since: Option<Time>,
    /// In words.
    pub text: String,
}

/// An interface with the programs on it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Watched {
    /// How they are attached.
    #[serde(flatten)]
    pub attached: Attached,
    /// Since when.
    pub since: Time,
}

/// The policy in force.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct PolicyState {
    /// Its file; absent where everything is only counted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub file: Option<String>,
    /// Which of the instance's policies it is, from 1. A schedule does not change it.
    pub revision: u32,
    /// How many rules it has.
    pub rules: u64,
    /// Since when it is in force.
    pub since: Time,
    /// How often another was taken.
    pub taken: u64,
    /// How often one was refused.
    pub refused: u64,
    /// The last reload.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_reload: Option<LastReload>,
    /// The bucket that it is taken from; absent where it comes from its file alone.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub origin: Option<PolicyOrigin>,
}

/// How it stands with the bucket that policies come from.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PolicyOrigin {
    /// Which, on which server.
    pub bucket: String,
    /// Since when it is followed, or cannot be.
    pub since: Time,
    /// Why it cannot be; absent where it is followed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub failure: Option<String>,
}

/// How the last reload of the policy ended.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct LastReload {
    /// When.
    pub time: Time,
    /// Whether the policy was taken; if not, the one before is still in force.
    pub taken: bool,
    /// The first line of what is wrong with it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub problem: Option<String>,
}

/// What happened in the last few seconds, per second.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Rates {
    /// Over how many milliseconds.
    pub over_ms: u64,
    /// Packets seen at both hooks.
    pub packets: u64,
    /// Their bits, from the IP header on.
    pub bits: u64,
    /// Packets that were dropped.
    pub dropped: u64,
    /// Packets that were shown to user space.
    pub shown: u64,
    /// Packets that were not shown as a ring was full: not per second, but all of that time.
    pub ring_full: u64,
    /// The same of those for which the lock of a ring could not be had.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub ring_contended: u64,
}

/// Packets that left the programs of one hook in one way.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Counted {
    /// `ingress` or `egress`.
    pub hook: Word,
    /// `passed`, `dropped` or `redirected`.
    pub outcome: Word,
    /// Why, in the words of docs/operate.md.
    pub reason: Word,
    /// How many.
    pub packets: u64,
    /// Their bytes, from the IP header on.
    pub bytes: u64,
}

/// A table and how full it is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Fill {
    /// Which: `verdicts-v4`, `verdicts-v6`, `verdicts-tenant`, `flows`, `notes`, `servers`.
    pub table: Word,
    /// Entries in it. Verdicts are counted by each sweep.
    pub used: u64,
    /// Entries that it has room for.
    pub places: u64,
}

impl Fill {
    /// So many entries in a table with so many places.
    pub fn new(table: &'static str, used: u64, places: u64) -> Self {
        Self { table: table.into(), used, places }
    }
}

/// When something was lost, to the second.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LossSpan {
    /// For the first time.
    pub first: Time,
    /// For the last.
    pub last: Time,
}

/// What was lost or left out since the start.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct LostSoFar {
    /// Packets that were not shown as a ring was full; rings that lost nothing are left out.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub ring_full: Vec<RingLoss>,
    /// The same of those for which the lock of a ring could not be had.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub ring_contended: Vec<RingLoss>,
    /// Packets that were not shown as a ring was full, by the CPU they were on.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub cpus: Vec<RingFull>,
    /// Packets that the kernel did not show as user space was behind.
    pub held_back: u64,
    /// Packets that were shown, and that a worker left out as it was behind.
    pub left_out: u64,
    /// Frames that were to leave through a peer interface, and could not.
    pub lost_frames: u64,
    /// Flows and notes that were given up for want of memory.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub shed: u64,
    /// Events that the one who keeps this account missed: what is said of interfaces and problems may be
    /// out of date.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub events: u64,
    /// When, by the names of these fields, since the start or since counters were reset.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub when: BTreeMap<Word, LossSpan>,
}

impl LostSoFar {
    /// Those CPUs of all that found a ring full, with how many packets.
    pub fn by_cpu(all: Vec<u64>) -> Vec<RingFull> {
        let all = all.into_iter().enumerate().map(|(cpu, packets)| RingFull { cpu, packets });
        all.filter(|it| it.packets > 0).collect()
    }

    /// How many were lost in all, by the fields' names.
    pub(super) fn counts(&self) -> [(&'static str, u64); 7] {
        let of_rings = |rings: &[RingLoss]| rings.iter().map(|loss| loss.packets).sum();
        [
            ("ring_full", of_rings(&self.ring_full)),
            ("ring_contended", of_rings(&self.ring_contended)),
            ("held_back", self.held_back),
            ("left_out", self.left_out),
            ("lost_frames", self.lost_frames),
            ("shed", self.shed),
            ("events", self.events),
        ]
    }
}

/// What user space takes of memory, in bytes.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct MemoryState {
    /// The session's process.
    pub session: u64,
    /// nDPI's processes.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub ndpi: u64,
    /// What of it flows and notes take, as it is counted.
    pub flows: u64,
    /// What all of it may be at most.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub limit: Option<u64>,
    /// What was given up for want of it, by what that was.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub shed: BTreeMap<Word, u64>,
}

impl MemoryState {
    /// All of it.
    pub fn used(&self) -> u64 {
        self.session + self.ndpi
    }

    /// All that was given up for want of it.
    pub fn all_shed(&self) -> u64 {
        self.shed.values().sum()
    }
}

/// How the process has fared that nDPI works in.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct NdpiProcess {
    /// How often it has ended.
    pub ended: u64,
    /// Flows that it is shown no more, as a packet of theirs has ended it.
    pub set_aside: u64,
    /// Flows of which what it knew was lost, and which it has seen the rest of.
    pub states_lost: u64,
    /// It has ended too often, and is not there for a while.
    pub pausing: bool,
}

impl NdpiProcess {
    fn has_never_ended(&self) -> bool {
        self.ended == 0
    }
}

/// Packets that one ring did not take.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RingLoss {
    /// The ring's number: its place in `RINGS`.
    pub ring: usize,
    /// The worker that reads it.
    pub worker: usize,
    /// Which of that worker's rings it is: `common` or `urgent`.
    pub kind: Word,
    /// How many.
    pub packets: u64,
}

impl RingLoss {
    /// Those of the rings that have lost something, by `count`.
    pub fn of(rings: &[LossOfRing], count: fn(&ndpi_common::RingLoss) -> u64) -> Vec<Self> {
        let all = rings.iter().map(|&LossOfRing { ring, worker, lane, loss }| Self {
            ring,
            worker,
            kind: lane.name().into(),
            packets: count(&loss),
        });
        all.filter(|loss| loss.packets > 0).collect()
    }
}

/// A thread that classifies.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct WorkerState {
    /// Bytes that wait in its rings now: samples with their headers.
    pub waiting_bytes: u64,
    /// Whether it does not go on.
    pub stuck: bool,
    /// Flows in its table.
    pub flows: u64,
    /// Flows of which the kernel lacks a verdict that its maps have refused; they are tried again.
    pub pending: u64,
    /// Packets that it was shown and has taken.
    pub taken: u64,
    /// When it last said so.
    pub time: Time,
}

/// Hints at first packets.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Hints {
    /// Flows at whose first packet somebody asked for a hint: none where no rule has `first_packet`.
    pub asked: u64,
    /// Flows of them for which there was one.
    pub given: u64,
}

/// Decided flows with one label and one action.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Traffic {
    /// The application or the category.
    pub name: String,
    /// What the policy does with them; `none` where it said nothing.
    pub action: Word,
    /// How many there were.
    pub flows: u64,
    /// Their packets, since they were decided and once they are over all of them.
    pub packets: u64,
    /// The bytes of these, from the IP header on.
    pub bytes: u64,
    /// Packets of theirs that were dropped.
    pub dropped: u64,
}

/// Who writes down what is reported.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct SinkState {
    /// Which: `records`, `messages`.
    pub sink: Word,
    /// Events that wait to be written.
    pub waiting: u64,
    /// Events that were lost.
    pub lost: u64,
    /// Nobody reads any more.
    pub closed: bool,
    /// What it cannot do at present, in words: why no record is written, or the next file cannot be had.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub failure: Option<String>,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde passes fields by reference")]
fn is_zero(number: &u64) -> bool {
    *number == 0
}
