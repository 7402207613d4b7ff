//! Makes snapshots of a session: from the kernel's maps, from what its threads have left on the board, and
//! from what was reported. It waits for none of them.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::{Duration, Instant};

use crossbeam::channel::{Receiver, RecvTimeoutError};
use ndpi_common::{MAX_SERVERS, TICK_NS, tick_of};
use ndpi_events::{BusBuilder, Kind, Kinds, Losses, Subscription, Time};
use ndpi_kernel::{LostFrames, MapError, RingLosses, RuntimeConfig, Statistics, Stats, ktime_ns};

use super::board::{Board, Sum, Swept};
use super::conditions::Conditions;
use super::counted::counted;
use super::health::{self, Signs};
use super::loss_times::LossTimes;
use super::model::{Fill, LostSoFar, PolicyState, RingLoss, SinkState, Snapshot, Sums};
use super::rates::{Counts, Readings};
use crate::apart::Gauge;
use crate::fleet::Link;
use crate::interfaces::Roster;
use crate::locked::locked;
use crate::memory::Account;
use crate::record::Names;

/// Events that may wait for the next look, of which there is one a second: they are few.
const WAITING_EVENTS: usize = 4096;

/// How often it looks without being asked.
const EVERY: Duration = Duration::from_secs(1);

/// What does not change while an instance runs.
#[derive(Clone, Debug, Default)]
pub struct Facts {
    /// nDPI's revision.
    pub ndpi: String,
    /// The policy's file.
    pub policy: Option<String>,
    /// It drops nothing.
    pub dry_run: bool,
    /// Entries that the verdict map of each family has room for.
    pub verdicts: u64,
    /// Tunnels are opened, so that there is a map of tenants, with as many.
    pub opens_tunnels: bool,
    /// Flows that all workers together have room for.
    pub flows: u64,
    /// Notes that they have room for.
    pub notes: u64,
}

/// The parts of the kernel side that are looked at.
#[derive(Clone, Debug)]
pub struct Maps {
    /// The statistics.
    pub stats: Stats,
    /// What the rings have lost.
    pub ring_losses: RingLosses,
    /// Frames that peer interfaces did not take.
    pub lost_frames: LostFrames,
    /// The heartbeat.
    pub live: RuntimeConfig,
}

/// What is looked at besides.
#[derive(Clone, Debug)]
pub struct Sources {
    /// What the session's threads have left.
    pub board: Arc<Board>,
    /// Where nothing is enforced.
    pub interfaces: Roster,
    /// nDPI's names.
    pub names: Arc<Names>,
    /// Those who write down what is reported.
    pub sinks: Vec<(String, Losses)>,
    /// What is taken of memory.
    pub memory: Arc<Account>,
    /// The process that nDPI works in; `None` where it works in this one.
    pub(crate) ndpi_process: Option<Gauge>,
    /// The bucket that policies come from, where they do.
    pub(crate) policy_origin: Option<Link>,
}

/// Makes snapshots.
#[derive(Debug)]
pub struct Observer {
    facts: Facts,
    maps: Maps,
    sources: Sources,
    since: Time,
    began: Instant,
    events: Subscription,
    reported: Mutex<Conditions>,
    readings: Mutex<Readings>,
    loss_times: Mutex<LossTimes>,
    /// What had been counted when counters were reset.
    reset: Mutex<Option<Arc<Sums>>>,
}

/// The events that an observer is to see; to be subscribed to before any is published.
pub fn subscribe(bus: &mut BusBuilder) -> Subscription {
    bus.subscribe(Kinds::of(&[Kind::Status, Kind::Reloaded]), |_| true, WAITING_EVENTS)
}

impl Observer {
    /// Observes the session that begins now.
    pub fn new(facts: Facts, maps: Maps, sources: Sources, events: Subscription) -> Self {
        let (since, began) = (Time::now(), Instant::now());
        let (reported, readings, loss_times, reset) = Default::default();
        Self { facts, maps, sources, since, began, events, reported, readings, loss_times, reset }
    }

    /// Looks every second, so that rates are of the last few seconds, until the other end of `stopped` is
    /// gone.
    ///
    /// # Errors
    ///
    /// The thread cannot be started.
    pub fn look_every_second(self: &Arc<Self>, stopped: Receiver<()>) -> std::io::Result<()> {
        let observer = Arc::clone(self);
        let looking = thread::Builder::new().name("snapshots".into());
        let look = move || {
            observer.look();
            while stopped.recv_timeout(EVERY) == Err(RecvTimeoutError::Timeout) {
                observer.look();
            }
        };
        looking.spawn(look).map(drop)
    }

    fn look(&self) {
        self.take_events();
        if let Ok(statistics) = self.maps.stats.read() {
            locked(&self.readings).keep(self.now_ms(), Counts::of(&statistics));
        }
        // So that it is known to the second, whoever asks and when.
        self.losses(&self.sources.board.sum(), &mut Signs::default());
    }

    /// The session as it is now.
    pub fn snapshot(&self) -> Snapshot {
        let conditions = self.take_events();
        let (sum, mut signs) = (self.sources.board.sum(), Signs::default());
        let statistics = self.read("the statistics", &mut signs, |it| it.stats.read());
        let (apps, categories) = self.sources.board.traffic(&self.sources.names);
        signs.standing = conditions.standing().cloned().collect();
        // Until it is first said, nobody has been silent for longer than the session lasts.
        let live = self.read("the heartbeat", &mut signs, |it| it.live.read());
        signs.heartbeat_ms = live.map(|live| age(live).min(self.now_ms()));
        let mut snapshot = Snapshot {
            time: Time::now(),
            version: env!("CARGO_PKG_VERSION").into(),
            ndpi: self.facts.ndpi.clone(),
            dry_run: self.facts.dry_run,
            pid: std::process::id(),
            since: self.since,
            problems: Vec::new(),
            attached: conditions.attached().cloned().collect(),
            unenforced: self.sources.interfaces.unenforced(),
            policy: conditions.reloads(self.policy()),
            releases: self.sources.board.releases(),
            rates: self.rates(statistics.as_ref()),
            packets: statistics.as_ref().map(counted).unwrap_or_default(),
            tables: self.tables(&sum, live.unwrap_or_default().servers),
            sweeps: self.sources.board.sweeps(),
            memory: self.sources.memory.state(),
            losses: self.losses(&sum, &mut signs),
            workers: sum.workers,
            ndpi_process: self.sources.ndpi_process.as_ref().map(Gauge::read).unwrap_or_default(),
            adopted: sum.adopted,
            decided: sum
                .decided
                .iter()
                .map(|(by, n)| (by.name().unwrap_or("content").into(), *n))
                .collect(),
            hints: sum.hints,
            findings: sum.found.by_name(),
            apps,
            categories,
            time_to_verdict: sum.time_to_verdict,
            inspection: sum.inspection,
            sinks: self.sinks(),
            since_reset: None,
        };
        let before = locked(&self.reset).clone();
        snapshot.since_reset = before.map(|before| Box::new(Sums::of(&snapshot).since(&before)));
        snapshot.problems = health::problems(&snapshot, &signs);
        snapshot
    }

    /// Has those who show counts to a person begin at zero; says when that was.
    pub fn reset(&self) -> Time {
        let snapshot = self.snapshot();
        let before = Sums { since: snapshot.time, ..Sums::of(&snapshot) };
        *locked(&self.reset) = Some(Arc::new(before));
        locked(&self.loss_times).forget();
        snapshot.time
    }

    /// Takes in what was reported since the last call; what holds then.
    fn take_events(&self) -> Conditions {
        let mut conditions = locked(&self.reported);
        let mut taken = 0;
        for envelope in self.events.waiting() {
            conditions.take(&envelope.event);
            taken += 1;
        }
        self.events.losses().handle(taken);
        conditions.clone()
    }

    /// Reads one of the maps; where that fails, it is among the signs.
    fn read<T>(
        &self,
        what: &str,
        signs: &mut Signs,
        read: impl FnOnce(&Maps) -> Result<T, MapError>,
    ) -> Option<T> {
        let failed = |error| signs.unread.push(format!("cannot read {what}: {error}"));
        read(&self.maps).map_err(failed).ok()
    }

    fn now_ms(&self) -> u64 {
        u64::try_from(self.began.elapsed().as_millis()).unwrap_or(u64::MAX)
    }

    fn rates(&self, statistics: Option<&Statistics>) -> Option<super::model::Rates> {
        locked(&self.readings).rates(self.now_ms(), Counts::of(statistics?))
    }

    fn policy(&self) -> PolicyState {
        let in_force = self.sources.board.policy();
        PolicyState {
            file: self.facts.policy.clone(),
            revision: in_force.revision,
            rules: in_force.rules,
            since: in_force.since,
            origin: self.sources.policy_origin.as_ref().map(Link::read),
            ..PolicyState::default()
        }
    }

    fn tables(&self, sum: &Sum, servers: u32) -> Vec<Fill> {
        let Swept { v4, v6, tenant } = self.sources.board.swept();
        let Facts { verdicts, opens_tunnels, flows, notes, .. } = self.facts;
        let families =
            [Fill::new("verdicts-v4", v4, verdicts), Fill::new("verdicts-v6", v6, verdicts)];
        let tenants = opens_tunnels.then(|| Fill::new("verdicts-tenant", tenant, verdicts));
        let rest = [
            Fill::new("flows", sum.workers.iter().map(|worker| worker.flows).sum(), flows),
            Fill::new("notes", sum.notes, notes),
            Fill::new("servers", servers.into(), MAX_SERVERS.into()),
        ];
        families.into_iter().chain(tenants).chain(rest).collect()
    }

    fn losses(&self, sum: &Sum, signs: &mut Signs) -> LostSoFar {
        let rings = self.read("what rings lost", signs, |it| it.ring_losses.read());
        let rings = rings.unwrap_or_default();
        let by_cpu = self.read("which CPUs found full rings", signs, |it| it.stats.ring_full());
        let held_back = self.read("what was held back", signs, |it| it.stats.held_back());
        let lost_frames = self.read("lost frames", signs, |it| it.lost_frames.read());
        let mut lost = LostSoFar {
            ring_full: RingLoss::of(&rings, |loss| loss.full),
            ring_contended: RingLoss::of(&rings, |loss| loss.contended),
            cpus: LostSoFar::by_cpu(by_cpu.unwrap_or_default()),
            held_back: held_back.unwrap_or_default(),
            left_out: sum.left_out,
            lost_frames: lost_frames.unwrap_or_default(),
            shed: self.sources.memory.state().all_shed(),
            events: self.events.losses().lost(),
            when: BTreeMap::new(),
        };
        let mut times = locked(&self.loss_times);
        times.note(Time::now(), &lost);
        lost.when = times.spans();
        lost
    }

    fn sinks(&self) -> Vec<SinkState> {
        let state = |(sink, losses): &(String, Losses)| SinkState {
            sink: sink.clone().into(),
            waiting: losses.waiting(),
            lost: losses.lost(),
            closed: losses.is_closed(),
            failure: losses.failure(),
        };
        self.sources.sinks.iter().map(state).collect()
    }
}

/// How many milliseconds ago user space last said that it is there.
fn age(live: ndpi_common::Live) -> u64 {
    let ticks = tick_of(ktime_ns()).wrapping_sub(live.heartbeat);
    u64::from(ticks) * (TICK_NS / 1_000_000)
}
