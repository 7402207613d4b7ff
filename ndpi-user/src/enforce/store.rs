//! The kernel's maps, as the classifier uses them.

use ndpi::Classification;
use ndpi_common::parse::{proto, tcp};
use ndpi_common::reopen::Opening;
use ndpi_common::{Direction, EntryNote};
use ndpi_common::{SequenceNumbers, VerdictEntry as Entry};
use ndpi_flow::{Action, End, FlowEntry, FlowKey, Traffic, Verdict, Volume};

use super::active_policy::{ActivePolicy, Allowance};
use super::note::note_of;

/// A verdict as it is to stand in the kernel.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DesiredVerdict {
    /// The flow.
    pub key: FlowKey,
    /// Action and rule.
    pub verdict: Verdict,
    /// The [revision](ActivePolicy::revision) of the policy that made them; 0 where none did.
    pub revision: u32,
    /// What they were made from.
    pub classification: Classification,
    /// The TCP flags seen until now from the lower and from the upper endpoint.
    pub tcp_seen: [u8; 2],
    /// Bits of [`State`]: whose packets XDP has seen, and whether all came by at one place. It goes on to set
    /// the first, but what is between XDP and the way out when the verdict comes to stand must not count twice.
    ///
    /// [`State`]: ndpi_common::State
    pub state: u8,
    /// The SYN that opened the flow's connection, if it is known.
    pub opening: Option<Opening>,
    /// With the action `limit`, what the flow takes from.
    pub allowance: Option<Allowance>,
    /// Whose packets are to be shown though they pass, from which sequence number on.
    pub followed: Option<(Direction, u32)>,
    /// What whoever takes the entry over is to know.
    pub note: EntryNote,
}

impl DesiredVerdict {
    /// What has more packets of an undecided flow shown.
    pub fn inspecting<F>(flow: &FlowEntry<F>) -> Self {
        let verdict = Verdict { action: Action::Inspect, rule: None };
        Self::without_policy(flow, verdict, Classification::default())
    }

    /// A verdict on `flow` that no policy has made.
    pub fn without_policy<F>(
        flow: &FlowEntry<F>,
        verdict: Verdict,
        classification: Classification,
    ) -> Self {
        Self {
            key: flow.key,
            verdict,
            revision: 0,
            classification,
            tcp_seen: flow.tcp_seen,
            state: flow.state(),
            opening: flow.opening,
            allowance: None,
            followed: None,
            note: EntryNote { proven: flow.proof.is_given(), ..EntryNote::default() },
        }
    }

    /// The verdict of `flow` by the policy `in_force`; `None` while it has none.
    pub fn of<F>(flow: &FlowEntry<F>, in_force: &ActivePolicy) -> Option<Self> {
        let decided = flow.decided()?;
        let classification = decided.classification;
        let (verdict, revision, allowance) = made_by(flow, decided.verdict?, in_force);
        let (key, tcp_seen, opening) = (flow.key, flow.tcp_seen, flow.opening);
        let state = flow.state();
        let (followed, note) = (flow.followed(), note_of(flow, in_force.policy()));
        Some(Self {
            key,
            verdict,
            revision,
            classification,
            tcp_seen,
            state,
            opening,
            allowance,
            followed,
            note,
        })
    }
}

/// The verdict as the kernel has it, the policy that made it and what it takes from: one that is kept is of an
/// earlier instance, and so is its bucket.
fn made_by<F>(
    flow: &FlowEntry<F>,
    verdict: Verdict,
    in_force: &ActivePolicy,
) -> (Verdict, u32, Option<Allowance>) {
    match flow.kept_rule() {
        Some(rule) => {
            let verdict = Verdict { rule: rule.place, ..verdict };
            (verdict, rule.revision, rule.bucket.map(Allowance::Shared))
        }
        None => (verdict, in_force.revision(), in_force.allowance(verdict.rule)),
    }
}

/// What the kernel counted of a flow by the time it is over.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct KernelCounts {
    /// What passed without a verdict and was not taken before; zero where the kernel had to forget
    /// its track.
    pub undecided: Traffic,
    /// What met the verdict.
    pub decided: Traffic,
    /// What of both was dropped.
    pub dropped: Volume,
    /// When the last packet met the verdict, nanoseconds since the Unix epoch; `None` if none did.
    pub last_seen_ns: Option<u64>,
}

impl KernelCounts {
    /// Adds what was counted of the same flow at another time.
    pub fn add(&mut self, other: &Self) {
        self.undecided += other.undecided;
        self.decided += other.decided;
        self.dropped = self.dropped + other.dropped;
        self.last_seen_ns = self.last_seen_ns.max(other.last_seen_ns);
    }
}

/// What the kernel has seen of a flow under the verdict that made place to look at it again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Suspended {
    /// What passed.
    pub passed: Volume,
    /// The TCP flags from the lower and from the upper endpoint.
    pub tcp_seen: [u8; 2],
    /// When the last packet met it, nanoseconds since the Unix epoch.
    pub last_seen_ns: u64,
}

/// What the kernel has seen of a flow since its verdict.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Activity {
    /// The tick of the coarse clock at the last packet.
    pub last_seen: u32,
    /// Whether the lower and the upper endpoint have sent something that would answer the other.
    pub answers: [bool; 2],
}

impl Activity {
    /// What an entry says.
    pub fn of(key: &FlowKey, entry: &Entry) -> Self {
        let answers = if key.proto() == proto::TCP {
            [entry.tcp_flags_lower, entry.tcp_flags_upper].map(tcp::answers)
        } else {
            [entry.lower(), entry.upper()].map(|sent| sent.packets > 0)
        };
        Self { last_seen: entry.last_seen, answers }
    }
}

/// Where verdicts stand: the kernel's maps, or a table in a test.
pub trait VerdictStore {
    /// Makes a verdict stand, and takes what the kernel counted of the flow until then. Where a
    /// verdict of the flow stands already, it stays as it is, unless the flow is inspected.
    ///
    /// # Errors
    ///
    /// When the map refuses it: the kernel then goes on as if nothing had been decided.
    fn write(&self, desired: &DesiredVerdict) -> anyhow::Result<Traffic>;

    /// Replaces the verdict that stands, without a moment in which none does; its counters go on.
    /// Returns what passed under it, if it was one that blocks nothing.
    /// In the kernel, packets of the few microseconds between reading and replacing them are counted
    /// in the statistics alone; a connection that begins in them is noticed all the same
    /// ([`is_over`](Self::is_over)), and a SYN in them is sent again.
    ///
    /// # Errors
    ///
    /// As [`write`](Self::write).
    fn replace(&self, desired: &DesiredVerdict) -> anyhow::Result<Volume>;

    /// Has a flow that passes inspected in the place of its verdict, and keeps what was counted until it is over:
    /// `before`, and what met the verdict. Packets pass and are shown, as far as a budget goes, until
    /// [`write`](Self::write) makes another verdict stand. `None` where the verdict stays, since no packet has met it lately,
    /// or another connection has begun with its key.
    ///
    /// # Errors
    ///
    /// As [`take`](Self::take).
    fn suspend(&self, key: &FlowKey, before: Traffic) -> anyhow::Result<Option<Suspended>>;

    /// What the kernel has seen of a flow since its verdict; `None` where none stands.
    ///
    /// # Errors
    ///
    /// When the map cannot be read.
    fn activity(&self, key: &FlowKey) -> anyhow::Result<Option<Activity>>;

    /// Whether the kernel notes of a flow without a verdict that its client was answered.
    ///
    /// # Errors
    ///
    /// When the map cannot be read.
    fn is_track_answered(&self, key: &FlowKey) -> anyhow::Result<bool>;

    /// What the kernel has seen of the sequence numbers of a flow without a verdict; `None` where it knows nothing of it.
    ///
    /// # Errors
    ///
    /// When a map cannot be read.
    fn numbers(&self, key: &FlowKey) -> anyhow::Result<Option<SequenceNumbers>>;

    /// What the kernel counted of a flow until now, which goes on: as [`take`](Self::take) would give it.
    ///
    /// # Errors
    ///
    /// When a map cannot be read.
    fn peek(&self, key: &FlowKey) -> anyhow::Result<KernelCounts>;

    /// Whether the flow has no verdict any more, or it is over: another connection has begun with its
    /// key, as a packet of `seen_ns` (nanoseconds since the Unix epoch) says.
    ///
    /// # Errors
    ///
    /// When the map cannot be read.
    fn is_over(&self, key: &FlowKey, seen_ns: u64) -> anyhow::Result<bool>;

    /// Has packets of a flow shown that its verdict lets through: what it says of whose, and from which sequence
    /// number on, or none any more.
    ///
    /// # Errors
    ///
    /// When a map cannot be read or written.
    fn follow(&self, key: &FlowKey, followed: Option<(Direction, u32)>) -> anyhow::Result<()>;

    /// Takes a flow out of the maps, with what the kernel counted.
    ///
    /// # Errors
    ///
    /// When a map cannot be read or written.
    fn take(&self, key: &FlowKey) -> anyhow::Result<KernelCounts>;

    /// Takes a flow's verdict out of the maps, with what was counted under it, and leaves what the
    /// kernel notes of packets without a verdict.
    ///
    /// # Errors
    ///
    /// As [`take`](Self::take).
    fn take_verdict(&self, key: &FlowKey) -> anyhow::Result<KernelCounts>;

    /// Takes a flow that is over out of the maps. Where a new connection took its key, what the
    /// kernel notes without a verdict is of that one, and stays.
    ///
    /// # Errors
    ///
    /// As [`take`](Self::take).
    fn take_ended(&self, key: &FlowKey, end: End) -> anyhow::Result<KernelCounts> {
        match end {
            End::Reused => self.take_verdict(key),
            End::Idle | End::Closed | End::Evicted | End::SourceEnded => self.take(key),
        }
    }
}
