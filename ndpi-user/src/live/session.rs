//! A session: all threads of the live pipeline, from the first sample to the last record.

use std::mem;
use std::sync::Arc;
use std::thread::{self, ScopedJoinHandle};
use std::time::{Duration, Instant};

use anyhow::{Result, anyhow};
use crossbeam::channel::{self, Receiver, RecvTimeoutError};
use ndpi_common::tick_of;
use ndpi_flow::{
    BlockedConnections, Classifier, Deferring, Detector, Fragments, Inherited, Settings, Shards,
    Shares, Timeouts, Unpacker,
};
use ndpi_kernel::{
    Clock, LostFrames, RingLosses, Rings, RuntimeConfig, Stats, VerdictMaps, Waker, ktime_ns,
};

use super::arrivals::Arrivals;
use super::backlog::Backlog;
use super::census::Census;
use super::controller::{Control, Controller};
use super::egress::EgressWatch;
use super::feed::RingFeed;
use super::initials::Initials;
use super::lookout::Lookout;
use super::losses::LossWatch;
use super::message::Message;
use super::outbox::Outbox;
use super::strain::StrainGauge;
use super::stuck::StuckWatch;
use super::summary::Summary;
use super::worker::Worker;
use super::worker_sink::{Shared, WorkerSink};
use crate::enforce::{ActivePolicy, KernelRules, KernelStore, PolicyInstaller};
use crate::memory;
use crate::snapshot::{Queue, Swept, Volumes};

/// Messages that may wait for a worker.
const WAITING_MESSAGES: usize = 128;

/// Messages that may wait for a worker when the sweeper sends it another: what a sweep finds can wait, what
/// decides a flow cannot.
const FEW: usize = 2;

/// How long the sweeper waits for that with each message: where samples never cease, flows end all the same.
const PATIENCE: Duration = Duration::from_millis(20);

/// How often it looks meanwhile.
const MOMENT: Duration = Duration::from_millis(1);

/// The kernel's side of a session.
#[derive(Debug)]
pub struct KernelParts {
    /// The rings of each worker.
    pub rings: Vec<Rings>,
    /// How the kernel divides flows among them.
    pub shards: Shards,
    /// The verdict maps.
    pub verdicts: VerdictMaps,
    /// For each worker, flows of an instance that is gone.
    pub adopted: Vec<Vec<Inherited>>,
    /// The statistics.
    pub stats: Stats,
    /// What the rings have lost.
    pub ring_losses: RingLosses,
    /// Frames that peer interfaces did not take.
    pub lost_frames: LostFrames,
    /// The same maps and the tracks, as the workers write them.
    pub store: KernelStore,
    /// The coarse clock.
    pub live: RuntimeConfig,
    /// Brings policies into force.
    pub installer: PolicyInstaller<KernelRules>,
    /// The kernel's clock as time of day.
    pub clock: Clock,
}

/// How a session works.
#[derive(Clone, Debug)]
pub struct Plan {
    /// How flows begin and end, for each worker.
    pub settings: Settings,
    /// What one client may have of each worker's table.
    pub shares: Shares,
    /// Notes of flows that had to go, for each worker.
    pub notes: usize,
    /// Idle times of decided flows.
    pub timeouts: Timeouts,
    /// Packets of a flow that are shown at most.
    pub budget: u32,
    /// How often the verdict maps are swept.
    pub sweep_every: Duration,
}

/// How a session ended.
#[derive(Debug)]
pub struct Ended {
    /// What was seen; without the part of a worker that did not come to its end.
    pub summary: Summary,
    /// For how long at most a record that was being written kept a worker from those behind it: of its common
    /// ring, and of the urgent one. 0 where that one did not come to its end.
    pub stalls: Vec<[Duration; 2]>,
    /// Why it ended, where nobody asked it to.
    pub result: Result<()>,
}

/// Runs until it is stopped, with one worker for each engine, or until a thread of its own has
/// ended before: then its share of the flows would pass unclassified. The parts' installer has brought
/// `policy` into force.
/// `stopping` is called first thing at the end: it detaches the programs, so that nothing new is shown.
pub fn run<E: Send>(
    parts: KernelParts,
    plan: &Plan,
    engines: Vec<E>,
    policy: ActivePolicy,
    shared: &Shared,
    (control, memory): (&Receiver<Control>, memory::Watch),
    stopping: impl FnOnce(),
) -> Ended
where
    for<'e> &'e E: Detector,
{
    let KernelParts { rings, shards, verdicts, adopted, stats, .. } = parts;
    let KernelParts { ring_losses, lost_frames, store, live, installer, clock, .. } = parts;
    let policy = Arc::new(policy);
    let (waking, lookout) = (Waking(rings.iter().map(Rings::waker).collect()), Lookout::new());
    let mut worked = Worked { summary: Summary::default(), stalls: Vec::new(), result: Ok(()) };
    let result = thread::scope(|scope| {
        // However this scope is left, the workers see at once that nobody sends any more.
        let waking = waking;
        let (mut outboxes, mut backlogs) = (Vec::new(), Vec::new());
        let mut workers = Vec::new();
        let shared_by_all = SharedByAll::default();
        let arrivals = Arrivals::default();
        let parts = engines.into_iter().zip(rings).zip(adopted);
        for (number, ((engine, rings), adopted)) in parts.enumerate() {
            let (outbox, inbox) = channel::bounded(WAITING_MESSAGES);
            let name = format!("worker-{number}");
            let (waker, backlog) = (rings.waker(), Arc::new(Backlog::of(rings.gauge())));
            backlogs.push(Arc::clone(&backlog));
            let sink = WorkerSink::new(store.clone(), Arc::clone(&policy), shared, &name);
            let queue = Arc::clone(&backlog) as Arc<dyn Queue>;
            let sink = sink.at(shared.board.enter(queue));
            let Plan { settings, notes, .. } = *plan;
            let (shares, shared_by_all) = (plan.shares.clone(), shared_by_all.clone());
            let allowance = shared.memory.allowance(number);
            let mut feed = feed(rings, plan.budget, &clock, (shared, &arrivals));
            workers.push(lookout.spawn(scope, &name, move || {
                let mut classifier =
                    Classifier::with_shares(Deferring(&engine), settings, &shares, notes);
                shared_by_all.give_to(&mut classifier);
                classifier.share_memory(allowance);
                let worker = Worker::new(classifier, sink, inbox, backlog).adopting(adopted);
                let sink = worker.run(&mut feed)?;
                Ok::<_, anyhow::Error>((sink.into_summary(), feed.rings.longest_stalls()))
            })?);
            outboxes.push(Outbox::new(outbox, Arc::clone(&backlogs[number]), waker));
        }
        let egress = EgressWatch::new(stats.clone(), clock.clone(), shared.bus.source("egress"));
        let gauges = (
            StrainGauge::new(stats.clone(), backlogs.clone(), shared.bus.source("load")),
            StuckWatch::new(&backlogs, shared.bus.source("workers")),
        );
        let sweeper = Sweeper {
            verdicts,
            shared: shared.clone(),
            clock: clock.clone(),
            losses: losses(ring_losses, lost_frames, shared),
            outboxes: outboxes.clone(),
            shards,
            timeouts: plan.timeouts,
            places: plan.settings.max_flows,
            since: vec![0; outboxes.len()],
        };
        let (stop_sweeper, stopped) = channel::bounded(0);
        let every = plan.sweep_every;
        let (interfaces, stop, stop_memory) =
            (shared.interfaces.clone(), stopped.clone(), stopped.clone());
        let watched = move || interfaces.indices();
        lookout.spawn(scope, "egress", move || egress.run(watched, &stop))?;
        lookout.spawn(scope, "memory", move || memory.run(&stop_memory))?;
        lookout.spawn(scope, "sweeper", move || sweeper.run(every, &stopped))?;

        let (servers, board) = (Arc::clone(&shared.servers), Arc::clone(&shared.board));
        let controller = Controller::new(
            live,
            clock.clone(),
            installer,
            policy,
            (servers, board),
            gauges,
            &outboxes,
        );
        let controlled = controller.run(control, lookout.ended());
        stopping();
        // The workers end when nobody can send to them: neither this thread nor the sweeper.
        drop((outboxes, stop_sweeper, waking));
        for worker in workers {
            worked.add(joined(worker).flatten());
        }
        worked.summary.add_left_out(backlogs.iter().map(|backlog| backlog.spared()).sum());
        worked.explain(controlled)
    });
    Ended { summary: worked.summary, stalls: worked.stalls, result }
}

/// What the classifiers of all workers share.
#[derive(Clone, Default)]
struct SharedByAll {
    connections: Arc<BlockedConnections>,
    fragments: Arc<Fragments>,
}

impl SharedByAll {
    fn give_to<D: Detector>(self, classifier: &mut Classifier<D>) {
        classifier.share_connections(self.connections);
        classifier.share_fragments(self.fragments);
    }
}

/// Who looks at what was lost.
fn losses(rings: RingLosses, frames: LostFrames, shared: &Shared) -> LossWatch {
    LossWatch::new(rings, frames, &shared.writers, shared.bus.source("losses"))
}

/// What the workers have done.
struct Worked {
    summary: Summary,
    stalls: Vec<[Duration; 2]>,
    /// Why the last one ended that did not come to its end.
    result: Result<()>,
}

impl Worked {
    /// How a session ended that was controlled until then: where a worker ended before its time, that is why.
    fn explain(&mut self, controlled: Result<()>) -> Result<()> {
        match (controlled, mem::replace(&mut self.result, Ok(()))) {
            (Err(ended), Err(why)) => Err(why.context(ended)),
            (controlled, worked) => controlled.and(worked),
        }
    }

    /// Adds how the next worker has ended.
    fn add(&mut self, worker: Result<(Summary, [Duration; 2])>) {
        match worker {
            Ok((summary, longest)) => {
                self.summary.merge(&summary);
                self.stalls.push(longest);
            }
            Err(error) => {
                self.stalls.push([Duration::ZERO; 2]);
                self.result = Err(error);
            }
        }
    }
}

/// The rings of a worker, as it reads them.
fn feed(
    rings: Rings,
    budget: u32,
    clock: &Clock,
    (shared, arrivals): (&Shared, &Arrivals),
) -> RingFeed {
    RingFeed {
        rings,
        unpacker: Unpacker::new(budget),
        clock: clock.clone(),
        interfaces: shared.interfaces.clone(),
        arrivals: arrivals.clone(),
        initials: Initials::default(),
    }
}

/// Ends the waits of all workers when it is dropped.
struct Waking(Vec<Waker>);

impl Drop for Waking {
    fn drop(&mut self) {
        self.0.iter().for_each(Waker::wake);
    }
}

/// Looks through the verdict maps for flows that are over, through what is remembered of servers, and
/// at what the rings have lost.
struct Sweeper {
    verdicts: VerdictMaps,
    shared: Shared,
    clock: Clock,
    losses: LossWatch,
    outboxes: Vec<Outbox>,
    shards: Shards,
    timeouts: Timeouts,
    /// Flows that each worker has room for.
    places: usize,
    /// For each worker, the last sweep that brought it its active flows, see [`Census`].
    since: Vec<u32>,
}

impl Sweeper {
    /// Sweeps every so often, until the other end of `stopped` is gone.
    fn run(mut self, every: Duration, stopped: &Receiver<()>) {
        while stopped.recv_timeout(every) == Err(RecvTimeoutError::Timeout) {
            let now = ktime_ns();
            self.sweep(tick_of(now), stopped);
            let now_ns = self.clock.epoch_ns(now);
            self.shared.servers.sweep(now_ns);
            self.shared.crowding.look(now_ns);
            self.shared.halves.look(now_ns);
            self.shared.suspects.look(now_ns);
            self.losses.look(now_ns);
        }
    }

    fn sweep(&mut self, now: u32, stopped: &Receiver<()>) {
        let began = Instant::now();
        let mut census = Census::new(now, self.shards, &self.since);
        // Before what lives is looked at, see `snapshot::Ledger`.
        let (over, mut living, mut swept) =
            (self.shared.board.over(), Volumes::default(), Swept::default());
        for entry in self.verdicts.entries() {
            match entry {
                Ok((key, verdict)) => {
                    swept.count(&key);
                    living.count_entry(&verdict);
                    census.add(key, &verdict, &self.timeouts, &self.clock);
                }
                Err(error) => return log::error!("cannot sweep the verdicts: {error}"),
            }
        }
        self.shared.board.set_swept(swept, over, &living);
        self.since = census.since(self.places);
        for (owner, message) in census.messages(self.places) {
            send_between_samples(&self.outboxes[owner], message, stopped);
        }
        self.shared.board.note_sweep(began.elapsed());
    }
}

/// Sends a message when few are waiting, or after a while; at once when the other end of `stopped` is gone.
fn send_between_samples(outbox: &Outbox, message: Message, stopped: &Receiver<()>) {
    let began = Instant::now();
    while is_to_wait(outbox.waiting(), began.elapsed())
        && !outbox.backlog().is_stuck()
        && stopped.recv_timeout(MOMENT) == Err(RecvTimeoutError::Timeout)
    {}
    // Where it comes back, the next sweep finds the same again; other workers are waiting for this one.
    drop(outbox.offer(message));
}

/// Whether a message of the sweeper is to wait longer, where so many do at the worker.
fn is_to_wait(waiting: usize, waited: Duration) -> bool {
    waiting >= FEW && waited < PATIENCE
}

fn joined<T>(thread: ScopedJoinHandle<'_, T>) -> Result<T> {
    thread.join().map_err(|_| anyhow!("a thread of the session panicked, see above"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_sweep_has_found_leaves_the_way_to_samples() {
        assert!(is_to_wait(FEW, Duration::ZERO) && !is_to_wait(FEW - 1, Duration::ZERO));
        assert!(!is_to_wait(WAITING_MESSAGES, PATIENCE), "samples never cease");
    }

    #[test]
    fn the_end_of_a_session_waits_for_no_sweep() {
        let (messages, inbox) = channel::unbounded();
        let outbox = Outbox::new(messages, Arc::default(), Waker::new().unwrap());
        let (stop, stopped) = channel::bounded(0);
        drop(stop);
        let began = Instant::now();
        for _ in 0..1000 {
            send_between_samples(&outbox, Message::Over(Vec::new()), &stopped);
        }
        assert!(began.elapsed() < 1000 * PATIENCE);
        assert_eq!(inbox.len(), 1000);
    }
}
