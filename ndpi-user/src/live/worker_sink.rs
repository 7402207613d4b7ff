//! The sink of one worker: its decisions are enforced, reported and summed up.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;
use std::time::Duration;

use ndpi_events::{Bus, Losses, Time};
use ndpi_flow::{
    Cause, Client, DecidedBy, End, Enforcement, FlowEntry, FlowKey, Judge, Sample, Servers, Sink,
    Taken, Verdict, Volume, Worth,
};
use ndpi_kernel::ktime_ns;
use ndpi_reject::Rejecter;

use super::crowding::{Crowded, Crowding};
use super::halves::Halves;
use super::interim::{Interim, next_report};
use super::judge::{LiveJudge, LiveScene};
use super::reporter::Reporter;
use super::summary::Summary;
use super::suspects::Suspects;
use super::timing::Stopwatch;
use crate::clock::now_ns;
use crate::enforce::{ActivePolicy, Enforcer, KernelCounts, Pending, VerdictStore};
use crate::interfaces::Roster;
use crate::memory::Account;
use crate::record::{Counters, Found, Names, SessionFacts};
use crate::snapshot::{Board, Buckets, Hints, OF_PACKETS, OF_VERDICTS, Place, WorkerShare};

/// What all workers share.
#[derive(Clone, Debug)]
pub struct Shared {
    /// nDPI's names.
    pub names: Arc<Names>,
    /// The interfaces that are watched.
    pub interfaces: Roster,
    /// Where what is reported goes.
    pub bus: Bus,
    /// Those who write records: what they are called, and what each has lost.
    pub writers: Vec<(String, Losses)>,
    /// Who answers the ends of rejected flows; `None` where nobody can.
    pub rejecter: Option<Arc<Rejecter>>,
    /// What the instance is called.
    pub instance: Arc<str>,
    /// It drops nothing.
    pub dry_run: bool,
    /// How long a flow goes on without a record; zero for ever.
    pub active_timeout: Duration,
    /// What is remembered of servers.
    pub servers: Arc<Servers>,
    /// What has no room.
    pub crowding: Arc<Crowding>,
    /// What is taken of memory.
    pub memory: Arc<Account>,
    /// Interfaces that see one direction of flows only.
    pub halves: Arc<Halves>,
    /// Clients in whose flows something was found.
    pub suspects: Arc<Suspects>,
    /// Where each leaves what it has done, for snapshots.
    pub board: Arc<Board>,
}

/// The sink of one worker.
#[derive(Debug)]
pub(super) struct WorkerSink<S> {
    judge: LiveJudge,
    pub(super) enforcer: Enforcer<S>,
    reporter: Reporter,
    interim: Interim,
    crowding: Arc<Crowding>,
    halves: Arc<Halves>,
    suspects: Arc<Suspects>,
    summary: Summary,
    /// Verdicts of living flows that a change of policy changed.
    changed: u64,
    /// Notes that were lost so far: for want of room, and of memory.
    lost_notes: [u64; 3],
    /// Flows by what decided them.
    decided: BTreeMap<DecidedBy, u64>,
    /// What was found in flows.
    found: Found,
    /// Flows of an earlier instance that live.
    adopted: u64,
    /// Those of them that were not reported yet, with the verdicts before where these are others now.
    unannounced: VecDeque<(FlowKey, Option<Verdict>)>,
    /// Where it says what it has done.
    place: Option<Place>,
}

impl<S: VerdictStore> WorkerSink<S> {
    /// The sink of the worker `name`, which writes verdicts of `policy` to `store`.
    pub(super) fn new(store: S, policy: Arc<ActivePolicy>, shared: &Shared, name: &str) -> Self {
        let Shared { names, interfaces, bus, rejecter, servers, crowding, halves, .. } = shared;
        let suspects = Arc::clone(&shared.suspects);
        let (rules, scene) = (Arc::clone(policy.policy()), LiveScene::new(interfaces.clone()));
        let judge = LiveJudge::new(rules, Arc::clone(servers), scene);
        let session = SessionFacts {
            instance: Arc::clone(&shared.instance),
            revision: policy.revision(),
            dry_run: shared.dry_run,
        };
        let (source, names) = (bus.source(name), Arc::clone(names));
        Self {
            judge,
            enforcer: Enforcer::new(store, policy, rejecter.clone()),
            reporter: Reporter::new(source, names, interfaces.clone(), session),
            interim: Interim::every(shared.active_timeout),
            crowding: Arc::clone(crowding),
            halves: Arc::clone(halves),
            suspects,
            summary: Summary::default(),
            changed: 0,
            lost_notes: [0; 3],
            decided: BTreeMap::new(),
            found: Found::default(),
            adopted: 0,
            unannounced: VecDeque::new(),
            place: None,
        }
    }

    /// The same, which leaves what it has done at this place.
    pub(super) fn at(self, place: Place) -> Self {
        Self { place: Some(place), ..self }
    }

    /// Measures what this worker's decisions take.
    pub(super) fn stopwatch(&mut self) -> &mut Stopwatch {
        &mut self.judge.scene.stopwatch
    }

    /// From now on, `policy` judges. All flows are to be judged again at once
    /// ([`ndpi_flow::Classifier::judge_again`]), or verdicts of the one before stay.
    pub(super) fn set_policy(&mut self, policy: Arc<ActivePolicy>) {
        self.judge.set_policy(Arc::clone(policy.policy()));
        self.reporter.set_revision(policy.revision());
        self.enforcer.set_policy(policy);
    }

    /// How many verdicts of living flows have changed with the policy so far.
    pub(super) fn changed(&self) -> u64 {
        self.changed
    }

    /// Tries again to give the kernel what it lacks of a flow.
    pub(super) fn retry<F>(&mut self, flow: &mut FlowEntry<F>, pending: Pending) {
        if self.enforcer.retry(flow, pending) {
            let times = (flow.last_seen_ns, now_ns());
            self.reporter.decided(flow, self.judge.rule_of(flow), times);
        }
    }

    /// Reports what the maps have refused, and what the tables have lost for want of room: tracks of the
    /// kernel's, and notes, of which so many were lost since the beginning, and given up for want of memory: of flows
    /// that may pass, and of blocked ones.
    pub(super) fn report_lost(&mut self, (notes, [passing, blocked]): (u64, [u64; 2])) {
        if let Some(refusal) = self.enforcer.take_refusal() {
            self.reporter.refused(refusal);
        }
        let tracks = self.enforcer.take_lost_tracks();
        let all = [notes, passing, blocked];
        let before = std::mem::replace(&mut self.lost_notes, all);
        let mut since = before.into_iter().zip(all).map(|(before, now)| now - before);
        let kinds = [
            Crowded::Notes,
            Crowded::Memory(Worth::PassingNotes),
            Crowded::Memory(Worth::BlockedNotes),
        ];
        let lost = kinds.map(|kind| (kind, since.next().unwrap_or_default()));
        for (what, lost) in lost.into_iter().chain([(Crowded::Tracks, tracks)]) {
            if lost > 0 {
                self.crowding.displaced(what, lost, None, now_ns());
            }
        }
    }

    /// Leaves on the board what was done until `now_ns` (since the Unix epoch), with so many flows in the table,
    /// so many notes, and so many packets taken.
    pub(super) fn put_share(&self, now_ns: u64, (flows, notes): (usize, usize), taken: u64) {
        let Some(place) = &self.place else { return };
        let stopwatch = &self.judge.scene.stopwatch;
        let hints = self.judge.hints();
        place.put(WorkerShare {
            time: Time::from_ns(now_ns),
            flows: flows as u64,
            notes: notes as u64,
            pending: self.enforcer.pending() as u64,
            adopted: self.adopted,
            taken,
            over: self.summary.volumes(),
            decided: self.decided.clone(),
            hints: Hints { asked: hints.asked, given: hints.given },
            found: self.found.clone(),
            time_to_verdict: Buckets::of(stopwatch.times().payload().total(), &OF_VERDICTS),
            inspection: Buckets::of(stopwatch.samples(), &OF_PACKETS),
        });
    }

    /// The next flow that was taken over and not reported yet, with its verdict before where it is another now.
    pub(super) fn next_unannounced(&mut self) -> Option<(FlowKey, Option<Verdict>)> {
        self.unannounced.pop_front()
    }

    /// Reports a flow that was taken over.
    pub(super) fn announce<F>(&mut self, flow: &FlowEntry<F>, before: Option<Verdict>) {
        let rule = self.judge.rule_of(flow);
        if before.is_some() {
            self.reporter.rejudged(flow, rule, before);
        }
        self.reporter.adopted(flow, rule);
    }

    /// Counts samples that were taken.
    pub(super) fn count_samples(&mut self, taken: u64) {
        self.summary.add_samples(taken);
    }

    /// What was seen, by application and action.
    pub(super) fn into_summary(mut self) -> Summary {
        self.summary.add_times(&self.judge.scene.stopwatch.into_times());
        self.summary
    }

    /// Counts what was found in a flow since the last time.
    fn count_findings<F>(&mut self, flow: &mut FlowEntry<F>) {
        let more = flow.uncounted_findings();
        if !more.is_empty() {
            self.suspects.count(Client::of(&flow.key, flow.client), more, now_ns());
            self.found.add(more);
        }
    }

    fn sum_up<F>(&mut self, flow: &FlowEntry<F>, counters: Counters, kernel: &KernelCounts) {
        self.summary.add(flow, counters);
        if flow.decided().and_then(|decided| decided.verdict).is_some_and(|it| it.action.drops()) {
            let (packets, bytes) = flow.allowed;
            let passed = counters.total().beyond(kernel.dropped);
            self.summary.add_blocked(passed.beyond(Volume { packets, bytes }));
        }
    }
}

impl<S: VerdictStore, F> Sink<F> for WorkerSink<S> {
    fn rules(&mut self) -> &mut impl Judge<F> {
        &mut self.judge
    }

    fn enforcement(&mut self) -> &mut impl Enforcement<F> {
        &mut self.enforcer
    }

    fn puts_off(&mut self) -> Option<Taken> {
        self.stopwatch().put_off()
    }

    fn resumes(&mut self, taken: Option<Taken>) {
        self.stopwatch().go_on(taken, ktime_ns());
    }

    fn decided(&mut self, flow: &mut FlowEntry<F>, sample: &Sample) {
        let decided = ktime_ns();
        // One that was forgotten meanwhile; where its verdict was refused before, it was counted then.
        if flow.adopted.is_some() && Enforcement::<F>::stands(&self.enforcer, flow) {
            self.adopted += 1;
        }
        if let Some(it) = flow.decided() {
            *self.decided.entry(it.by).or_default() += 1;
        }
        if !self.enforcer.write(flow) {
            return self.count_findings(flow);
        }
        // Before anything else is done: this is the time by which the verdict stood.
        let stands_ns = now_ns();
        let total_ns = stands_ns.saturating_sub(sample.time_ns);
        self.judge.scene.stopwatch.stands((decided, ktime_ns()), total_ns, sample.empty);
        self.count_findings(flow);
        self.judge.remember(flow, stands_ns);
        self.enforcer.answer(flow, sample);
        self.reporter.decided(flow, self.judge.rule_of(flow), (sample.time_ns, stands_ns));
    }

    fn judged_again(&mut self, flow: &mut FlowEntry<F>, before: Option<Verdict>) {
        if self.enforcer.rejudge(flow, before) {
            self.changed += 1;
            self.reporter.rejudged(flow, self.judge.rule_of(flow), before);
        }
    }

    fn decided_again(&mut self, flow: &mut FlowEntry<F>, before: Option<Verdict>, sample: &Sample) {
        if self.enforcer.rejudge(flow, before) {
            let stands_ns = now_ns();
            self.enforcer.answer(flow, sample);
            let rule = self.judge.rule_of(flow);
            self.reporter.decided(flow, rule, (sample.time_ns, stands_ns));
        }
    }

    fn found(&mut self, flow: &mut FlowEntry<F>) {
        self.count_findings(flow);
    }

    fn adopted(&mut self, flow: &mut FlowEntry<F>, before: Verdict) {
        self.adopted += 1;
        let changed = self.enforcer.adopt(flow, before);
        self.changed += u64::from(changed);
        self.unannounced.push_back((flow.key, changed.then_some(before)));
    }

    fn goes_on(&mut self, flow: &mut FlowEntry<F>, now_ns: u64) {
        if !self.interim.is_due(flow, now_ns) || !self.reporter.wants_active() {
            return;
        }
        let counted = self.enforcer.counted(flow);
        if let Some(report) = next_report(flow, counted, now_ns) {
            self.reporter.active(flow, self.judge.rule_of(flow), report, now_ns);
            flow.reported = Some(Box::new(report));
        } else if let Some(reported) = &mut flow.reported {
            reported.at_ns = now_ns;
        }
    }

    fn displaced(&mut self, flow: &FlowEntry<F>, cause: Cause) {
        let client = match cause {
            Cause::Share(_) => Some(Client::of(&flow.key, flow.client)),
            Cause::Full(_) | Cause::Memory(_) => None,
        };
        self.crowding.displaced(cause.into(), 1, client, now_ns());
    }

    fn finished(&mut self, mut flow: FlowEntry<F>, end: End) {
        let (counters, kernel) = self.enforcer.finish(&mut flow, end);
        if flow.adopted.is_some() {
            self.adopted = self.adopted.saturating_sub(1);
        }
        self.sum_up(&flow, counters, &kernel);
        self.halves.count(&flow);
        self.count_findings(&mut flow);
        self.reporter.ended(&flow, self.judge.rule_of(&flow), end, counters);
    }
}

#[cfg(test)]
mod tests;
