//! Workers, policies and packets around the model, and what must hold.

use std::collections::{HashMap, VecDeque};
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use crossbeam::channel::{self, Receiver, Sender};
use ndpi::{AppId, Classification, State};
use ndpi_common::{Direction, KeyV4};
use ndpi_events::Bus;
use ndpi_flow::{
    Accounting, Action, Classifier, Details, Detector, End, FlowKey, NoBlocklist, RuleTexts,
    Sample, Servers, Settings, Shares, Timeouts, Verdict,
};
use ndpi_labels::Findings;
use ndpi_policy::{Facts, Policy, Support, Vocabulary};

use super::model::{BUDGET, BYTES, Handling, Model};
use super::{FLOWS, WORKERS};
use crate::enforce::{ActivePolicy, DesiredVerdict, PolicyInstaller};
use crate::interfaces::Roster;
use crate::live::backlog::Backlog;
use crate::live::crowding::Crowding;
use crate::live::feed::{Fed, Feed};
use crate::live::halves::Halves;
use crate::live::message::{Message, Over, Rejudged};
use crate::live::suspects::Suspects;
use crate::live::worker::Worker;
use crate::live::worker_sink::{Shared, WorkerSink};
use crate::record::Names;
use crate::testing::{Reported, bus};

/// The time of every packet, nanoseconds since the Unix epoch.
const NOW_NS: u64 = 1_700_000_000_000_000_000;

/// Finds what [`nature`] says of the flow that a packet names by its first byte.
struct Script;

/// The application of a flow and the packet, from 1, that it is found at.
fn nature(flow: u8) -> (u16, u8) {
    [(1, 1), (2, 2), (1, 3), (2, 4), (0, u8::MAX)][usize::from(flow)]
}

fn classification(app: u16, state: State) -> Classification {
    Classification { state, app: AppId { master: 0, app }, ..Classification::default() }
}

impl Detector for Script {
    /// The flow's number and how many packets of it were seen.
    type Flow = (u8, u8);

    fn open(&self) -> (u8, u8) {
        (0, 0)
    }

    fn inspect(&self, flow: &mut (u8, u8), l3: &[u8], _time_ms: u64) -> Classification {
        *flow = (l3[0], flow.1 + 1);
        self.classification(flow)
    }

    fn classification(&self, &(flow, seen): &(u8, u8)) -> Classification {
        let (app, at) = nature(flow);
        if seen >= at {
            classification(app, State::Classified)
        } else {
            classification(0, State::Inspecting)
        }
    }

    fn give_up(&self, flow: &mut (u8, u8)) -> Classification {
        self.classification(flow)
    }

    fn rule_texts<'f>(&self, _flow: &'f (u8, u8)) -> RuleTexts<'f> {
        RuleTexts::default()
    }

    fn details(&self, _flow: &(u8, u8)) -> Details {
        Details::default()
    }
}

/// What waits for a worker.
enum Waiting {
    /// A packet of a flow, the last that is shown or not.
    Packet {
        flow: u8,
        last: bool,
    },
    Message(Message),
}

/// No samples.
struct Silence;

impl Feed for Silence {
    fn poll(&mut self, timeout: Duration, _each: impl FnMut(Fed<'_>)) -> anyhow::Result<usize> {
        // Messages end no wait here.
        std::thread::sleep(timeout.min(Duration::from_millis(1)));
        Ok(0)
    }
}

/// A change of policy under way.
struct Change {
    before: Arc<ActivePolicy>,
    done: Receiver<Rejudged>,
}

pub(super) struct Run {
    model: Model,
    installer: PolicyInstaller<Model>,
    in_force: Arc<ActivePolicy>,
    change: Option<Change>,
    waiting: VecDeque<Arc<Policy>>,
    workers: Vec<Worker<Script, Model>>,
    inboxes: Vec<VecDeque<Waiting>>,
    /// Flows whose verdict has stood since they began, and what they are.
    decided: HashMap<u8, Classification>,
    /// Flows whose verdict had to go, and what they are: a packet brings it back.
    forgotten: HashMap<u8, Classification>,
    /// Packets of each flow that were counted, and how many of them were dropped.
    counted: HashMap<u8, (u64, u64)>,
    reported: Reported,
    /// When a worker last looked again.
    now_ns: u64,
}

/// The port of a flow's client, which has the lower address.
fn port(flow: u8) -> u16 {
    u16::from(flow) + 1
}

fn key(flow: u8) -> FlowKey {
    let ends = (([198, 18, 0, 1], port(flow)), ([198, 18, 0, 2], 443));
    FlowKey::V4(KeyV4::new(ends.0, ends.1, 0, 17).0)
}

fn sample(flow: u8, last: bool) -> (Sample<'static>, [u8; 1]) {
    let sample = Sample {
        bytes: BYTES.try_into().unwrap(),
        last,
        // What is never found may have begun with what was lost.
        loss: nature(flow).0 == 0,
        ..Sample::new(key(flow), Direction::FromLower, NOW_NS, &[])
    };
    (sample, [flow])
}

fn owner(flow: u8) -> usize {
    usize::from(flow) % WORKERS
}

fn parse(text: &str) -> Arc<Policy> {
    let none = || std::iter::empty::<(u16, &str)>().collect();
    let vocabulary = Vocabulary {
        apps: [(0, "Unknown"), (1, "One"), (2, "Two")].into_iter().collect(),
        categories: none(),
        breeds: none(),
        risks: none(),
        ..Vocabulary::default()
    };
    let path = Path::new("p.toml");
    let policy = ndpi_policy::parse(path, text, &vocabulary, Support::ALL, &|_| unreachable!());
    Arc::new(policy.unwrap_or_else(|problems| panic!("{problems}\n{text}")))
}

/// What a policy makes of a flow that was classified like this.
fn judge(in_force: &ActivePolicy, classification: &Classification) -> Verdict {
    let facts = Facts {
        classification,
        hostname: None,
        ja4: None,
        alpn: None,
        client: ([198, 18, 0, 1].into(), 1),
        server: ([198, 18, 0, 2].into(), 443),
        proto: 17,
        vlan: 0,
        iface: None,
        findings: Findings::NONE,
        incomplete: false,
        time: jiff::Timestamp::UNIX_EPOCH,
    };
    in_force.policy().decide_now(&facts).into()
}

/// What workers share that judge by this policy.
fn shared(bus: &Bus, in_force: &ActivePolicy) -> Shared {
    Shared {
        memory: Arc::default(),
        names: Arc::new(Names::default()),
        interfaces: Roster::default(),
        crowding: Arc::new(Crowding::new(bus.source("tables"))),
        suspects: Arc::new(Suspects::new(bus.source("suspects"))),
        halves: Arc::new(Halves::new(Roster::default(), bus.source("directions"))),
        bus: bus.clone(),
        writers: Vec::new(),
        board: Arc::default(),
        rejecter: None,
        instance: "here".into(),
        dry_run: false,
        active_timeout: Duration::ZERO,
        servers: Arc::new(Servers::new(Arc::clone(in_force.policy()), Box::new(NoBlocklist))),
    }
}

fn worker(
    sink: WorkerSink<Model>,
    max_flows: usize,
    inbox: Receiver<Message>,
    backlog: Arc<Backlog>,
) -> Worker<Script, Model> {
    let settings = Settings {
        timeouts: Some(Timeouts::default()),
        accounting: Accounting::Kernel,
        max_flows,
        normalise: true,
    };
    let classifier = Classifier::with_shares(Script, settings, &Shares::default(), 9);
    Worker::new(classifier, sink, inbox, backlog)
}

/// Runs a worker that is alone, until nobody sends to it any more. `begin` is given the policy
/// that it judges by.
pub(in crate::live) fn run_alone(
    inbox: Receiver<Message>,
    backlog: Arc<Backlog>,
    begin: impl FnOnce(Arc<ActivePolicy>),
) {
    let model = Model::default();
    let in_force = Arc::new(PolicyInstaller::new(model.clone()).install(parse(""), 0).unwrap());
    let (bus, _) = bus();
    let shared = shared(&bus, &in_force);
    let sink = WorkerSink::new(model, Arc::clone(&in_force), &shared, "worker-0");
    begin(in_force);
    worker(sink, 9, inbox, backlog).run(&mut Silence).unwrap();
}

impl Run {
    pub(super) fn new(policy: &str, max_flows: usize) -> Self {
        let model = Model::default();
        let mut installer = PolicyInstaller::new(model.clone());
        let in_force = Arc::new(installer.install(parse(policy), 0).unwrap());
        let (bus, reported) = bus();
        let shared = shared(&bus, &in_force);
        let worker = |number: usize| {
            let name = format!("worker-{number}");
            let sink = WorkerSink::new(model.clone(), Arc::clone(&in_force), &shared, &name);
            // Messages are handed over one by one; `run` is for the end, when nobody sends any more.
            let (_, inbox) = channel::bounded(0);
            worker(sink, max_flows, inbox, Arc::default())
        };
        let workers = (0..WORKERS).map(worker).collect();
        Self {
            model,
            installer,
            in_force,
            change: None,
            waiting: VecDeque::new(),
            workers,
            inboxes: (0..WORKERS).map(|_| VecDeque::new()).collect(),
            decided: HashMap::new(),
            forgotten: HashMap::new(),
            counted: HashMap::new(),
            reported,
            now_ns: NOW_NS,
        }
    }

    /// A packet comes by.
    pub(super) fn packet(&mut self, flow: u8) {
        let handling = self.model.packet(&key(flow));
        self.check(flow, handling);
        if let Handling::Shown { last } = handling {
            self.inboxes[owner(flow)].push_back(Waiting::Packet { flow, last });
        }
    }

    /// A packet of a decided flow passes only if a policy that may be in force lets it, and is
    /// dropped only if one blocks it.
    fn check(&mut self, flow: u8, handling: Handling) {
        let maps = self.model.maps();
        let standing = maps.verdicts.get(&key(flow)).map(|entry| entry.standing);
        if standing.is_none_or(|standing| standing.verdict.action != Action::Bypass) {
            let (packets, dropped) = self.counted.entry(flow).or_default();
            *packets += 1;
            *dropped += u64::from(handling == Handling::Dropped);
        }
        let Some(classification) = self.decided.get(&flow) else { return };
        let blocks = |by: &ActivePolicy| judge(by, classification).action.drops();
        let before = self.change.as_ref().map(|change| blocks(&change.before));
        match (blocks(&self.in_force), before) {
            (true, None | Some(true)) => {
                assert_eq!(handling, Handling::Dropped, "flow {flow} is blocked");
            }
            (false, None | Some(false)) => {
                assert_eq!(handling, Handling::Passed, "flow {flow} is free");
            }
            _ => {}
        }
    }

    /// A worker looks at its next message.
    pub(super) fn work(&mut self, worker: usize) {
        let before: Vec<_> = (0..FLOWS).map(|flow| self.standing(flow)).collect();
        let Some(next) = self.inboxes[worker].pop_front() else { return self.finish_change() };
        let (mut over, mut seen) = (None, None);
        match next {
            Waiting::Packet { flow, last } => {
                seen = Some(key(flow));
                let (sample, content) = sample(flow, last);
                let sample = Sample { l3: &content, ..sample };
                let fed = Fed { sample, is_spared: false, seen_ns: 0, read_ns: 0 };
                self.workers[worker].take_sample(&fed);
            }
            Waiting::Message(message) => {
                if let Message::Over(flows) = &message {
                    over = Some(flows[0].key);
                }
                self.workers[worker].take(message);
            }
        }
        for (flow, before) in (0..).zip(before) {
            let has_passed = before.is_some_and(|it| !it.verdict.action.drops());
            if let Some(now) = self.standing(flow) {
                let was = self.forgotten.remove(&flow);
                assert!(was.is_none_or(|was| was == now.classification), "flow {flow} is another");
                self.decided.insert(flow, now.classification);
            } else if let Some(classification) = self.decided.remove(&flow)
                && !(over == Some(key(flow)) && has_passed)
            {
                self.forgotten.insert(flow, classification);
            }
            let is_back = seen != Some(key(flow)) || self.model.maps().full;
            assert!(is_back || !self.forgotten.contains_key(&flow), "flow {flow} is not back");
        }
        self.finish_change();
    }

    /// A worker looks again at flows that it knows too little of: only such as pass.
    pub(super) fn look_again(&mut self, worker: usize) {
        let before: Vec<_> = (0..FLOWS).map(|flow| self.standing(flow)).collect();
        self.now_ns += 100_000_000_000;
        self.workers[worker].look_again(self.now_ns);
        for (flow, before) in (0..).zip(before) {
            match (before, self.standing(flow)) {
                (Some(before), None) => {
                    assert_eq!((before.verdict.action, nature(flow).0), (Action::Count, 0));
                    self.decided.remove(&flow);
                }
                (None, Some(now)) => drop(self.decided.insert(flow, now.classification)),
                _ => {}
            }
        }
        self.finish_change();
    }

    /// The verdict of a flow as it stands.
    fn standing(&self, flow: u8) -> Option<DesiredVerdict> {
        self.model.maps().verdicts.get(&key(flow)).map(|entry| entry.standing)
    }

    /// Ends a change that all workers are done with, and begins the next.
    fn finish_change(&mut self) {
        if self.change.as_ref().is_some_and(|change| change.done.len() < WORKERS) {
            return;
        }
        if self.change.take().is_some() {
            self.installer.remove_unused(&self.in_force);
            self.check_verdicts();
        }
        if let Some(policy) = self.waiting.pop_front() {
            let next = Arc::new(self.installer.install(policy, 0).unwrap());
            let (judged, done): (Sender<Rejudged>, _) = channel::bounded(WORKERS);
            for inbox in &mut self.inboxes {
                inbox.push_back(Waiting::Message(Message::Policy(
                    Arc::clone(&next),
                    judged.clone(),
                )));
            }
            let before = std::mem::replace(&mut self.in_force, next);
            self.change = Some(Change { before, done });
        }
    }

    /// Every verdict that stands is what the policy in force says, its limit included.
    fn check_verdicts(&self) {
        for entry in self.model.maps().verdicts.values() {
            let verdict = judge(&self.in_force, &entry.standing.classification);
            assert_eq!(entry.standing.verdict, verdict);
            assert_eq!(entry.standing.allowance, self.in_force.allowance(verdict.rule));
        }
    }

    pub(super) fn change(&mut self, policy: &str) {
        self.waiting.push_back(parse(policy));
        self.finish_change();
    }

    /// Whether there is no room for another verdict.
    pub(super) fn set_full(&mut self, full: bool) {
        self.model.set_full(full);
        for worker in &mut self.workers {
            worker.retry();
        }
    }

    pub(super) fn over(&mut self, flow: u8) {
        let last_seen = self.model.maps().verdicts.get(&key(flow)).map(|entry| entry.last_seen);
        if let Some(last_seen) = last_seen {
            let over = Over { key: key(flow), end: End::Idle, last_seen, last_seen_ns: NOW_NS };
            self.inboxes[owner(flow)].push_back(Waiting::Message(Message::Over(vec![over])));
        }
    }

    /// Everything comes to its end: no packet was lost or counted twice, and no bucket is left of
    /// a policy that is gone.
    pub(super) fn end(mut self) {
        self.set_full(false);
        self.drain();
        assert!(self.workers.iter_mut().all(|worker| worker.retry() == 0));
        self.check_verdicts();
        let shared: Vec<u32> = self.in_force.shared().collect();
        assert!(self.model.maps().buckets.keys().all(|number| shared.contains(number)));
        for worker in self.workers {
            worker.run(&mut Silence).unwrap();
        }
        assert!(self.model.maps().verdicts.is_empty() && self.model.maps().tracks.is_empty());
        let mut recorded = HashMap::<u8, (u64, u64)>::new();
        let mut in_flight = HashMap::<u8, u64>::new();
        for record in self.reported.of_type("flow") {
            let flow = u8::try_from(record["sport"].as_u64().unwrap() - 1).unwrap();
            let (packets, dropped) = recorded.entry(flow).or_default();
            *packets += record["packets"].as_u64().unwrap();
            if record["end"] == "evicted" {
                *in_flight.entry(flow).or_default() += u64::from(BUDGET);
            }
            *dropped += record["dropped"].as_u64().unwrap_or_default();
        }
        for (flow, (packets, dropped)) in self.counted {
            let (recorded, known_dropped) = recorded.get(&flow).copied().unwrap_or_default();
            // Samples that were on their way when their flow had to go are taken for its next packets.
            let most = packets + in_flight.get(&flow).copied().unwrap_or_default();
            assert!((packets..=most).contains(&recorded), "{recorded} of {packets}, flow {flow}");
            // A flow that passes in the end does not tell what was dropped before.
            assert!(known_dropped <= dropped, "dropped of flow {flow}");
        }
    }

    fn drain(&mut self) {
        while self.inboxes.iter().any(|inbox| !inbox.is_empty()) {
            (0..WORKERS).for_each(|worker| self.work(worker));
        }
    }
}
