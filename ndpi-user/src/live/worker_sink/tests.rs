//! The sink with a table in place of the kernel's maps.

use std::cell::RefCell;
use std::collections::{HashMap, HashSet};
use std::path::Path;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use ndpi::{AppId, CategoryId, Classification, State};
use ndpi_common::{Bucket, Direction, Key, KeyV4, RuleKey, SequenceNumbers};
use ndpi_events::Bus;
use ndpi_flow::{
    Action, Adopted, Decided, DecidedBy, Details, EarlierRule, End, Enforcement as _, FlowEntry,
    FlowKey, Judge as _, Moment, NoBlocklist, RuleTexts, Sample, Servers, Sink, Stage, Traffic,
    Verdict, Volume,
};
use ndpi_labels::Finding;
use ndpi_policy::{Support, Vocabulary};
use serde_json::Value;

use super::{Shared, WorkerSink};
use crate::enforce::{
    ActivePolicy, Activity, Allowance, DesiredVerdict, KernelCounts, PolicyInstaller, RuleStore,
    Suspended, VerdictStore,
};
use crate::interfaces::Roster;
use crate::live::crowding::Crowding;
use crate::live::halves::Halves;
use crate::live::suspects::Suspects;
use crate::record::Names;
use crate::testing::bus;

/// Verdicts by flow, and what `write` and `take` are to find in the kernel.
#[derive(Clone, Default)]
struct Table {
    standing: Rc<RefCell<HashMap<FlowKey, DesiredVerdict>>>,
    /// Flows without a verdict whose clients were answered.
    answered: Rc<RefCell<HashSet<FlowKey>>>,
    before: Traffic,
    taken: KernelCounts,
    /// What passes under each verdict that blocks nothing.
    allowed: Volume,
    full: bool,
}

impl VerdictStore for Table {
    fn write(&self, standing: &DesiredVerdict) -> anyhow::Result<Traffic> {
        anyhow::ensure!(!self.full, "the map is full");
        self.standing.borrow_mut().entry(standing.key).or_insert(*standing);
        Ok(self.before)
    }

    fn replace(&self, standing: &DesiredVerdict) -> anyhow::Result<Volume> {
        let before = self.standing.borrow_mut().insert(standing.key, *standing);
        let allowed = before.is_some_and(|before| !before.verdict.action.drops());
        Ok(if allowed { self.allowed } else { Volume::default() })
    }

    fn suspend(&self, key: &FlowKey, _before: Traffic) -> anyhow::Result<Option<Suspended>> {
        let gone = self.standing.borrow_mut().remove(key);
        Ok(gone.map(|_| Suspended { passed: self.allowed, tcp_seen: [0; 2], last_seen_ns: 0 }))
    }

    fn activity(&self, _key: &FlowKey) -> anyhow::Result<Option<Activity>> {
        Ok(None)
    }

    fn is_track_answered(&self, key: &FlowKey) -> anyhow::Result<bool> {
        Ok(self.answered.borrow().contains(key))
    }

    fn numbers(&self, _key: &FlowKey) -> anyhow::Result<Option<SequenceNumbers>> {
        Ok(None)
    }

    fn peek(&self, _key: &FlowKey) -> anyhow::Result<KernelCounts> {
        Ok(self.taken)
    }

    fn is_over(&self, key: &FlowKey, _seen_ns: u64) -> anyhow::Result<bool> {
        Ok(!self.standing.borrow().contains_key(key))
    }

    fn follow(&self, _key: &FlowKey, _followed: Option<(Direction, u32)>) -> anyhow::Result<()> {
        Ok(())
    }

    fn take(&self, key: &FlowKey) -> anyhow::Result<KernelCounts> {
        self.standing.borrow_mut().remove(key);
        Ok(self.taken)
    }

    fn take_verdict(&self, key: &FlowKey) -> anyhow::Result<KernelCounts> {
        Ok(KernelCounts { undecided: Traffic::default(), ..self.take(key)? })
    }
}

impl RuleStore for Table {
    fn set_bucket(&self, _number: u32, _bucket: &Bucket) -> anyhow::Result<()> {
        Ok(())
    }

    fn bucket(&self, _number: u32) -> anyhow::Result<Option<Bucket>> {
        Ok(None)
    }

    fn remove_bucket(&self, _number: u32) -> anyhow::Result<()> {
        Ok(())
    }

    fn set_switches(&self, _switches: u32) -> anyhow::Result<()> {
        Ok(())
    }

    fn set_rule_name(&self, _key: RuleKey, _name: &str) -> anyhow::Result<()> {
        Ok(())
    }

    fn remove_rule_name(&self, _key: RuleKey) -> anyhow::Result<()> {
        Ok(())
    }

    fn remove_watch(&self, _number: u32) -> anyhow::Result<()> {
        Ok(())
    }

    fn retain_rule_names(&self, _revisions: &HashSet<u32>) -> anyhow::Result<()> {
        Ok(())
    }
}

/// A policy in force with this rule on video.
fn policy(rule: &str) -> Arc<ActivePolicy> {
    let text = format!("[[rule]]\nname = \"no video\"\ncategory = [\"Video\"]\n{rule}\n");
    let vocabulary = Vocabulary {
        apps: [(91, "TLS"), (133, "NetFlix")].into_iter().collect(),
        categories: [(26, "Video")].into_iter().collect(),
        breeds: std::iter::empty::<(u16, &str)>().collect(),
        risks: std::iter::empty::<(u16, &str)>().collect(),
        ..Vocabulary::default()
    };
    let path = Path::new("p.toml");
    let policy = ndpi_policy::parse(path, &text, &vocabulary, Support::ALL, &|_| unreachable!());
    let mut installer = PolicyInstaller::new(Table::default());
    Arc::new(installer.install(Arc::new(policy.unwrap()), 0).unwrap())
}

fn sample() -> Sample<'static> {
    let (key, direction) = KeyV4::new(([198, 18, 0, 1], 40000), ([198, 18, 0, 2], 443), 0, 6);
    assert_eq!(direction, Direction::FromLower);
    Sample {
        bytes: 100,
        tcp_flags: 0x18,
        ifindex: 3,
        ..Sample::new(Key::V4(key), direction, 1_700_000_000_000_000_000, &[])
    }
}

fn classification() -> Classification {
    Classification {
        state: State::Classified,
        app: AppId { master: 91, app: 133 },
        category: CategoryId(26),
        ..Classification::default()
    }
}

fn shared(bus: &Bus, policy: &ActivePolicy) -> Shared {
    Shared {
        memory: Arc::default(),
        names: Arc::new(Names::default()),
        interfaces: Roster::new([(3, "eth7")]),
        crowding: Arc::new(Crowding::new(bus.source("tables"))),
        suspects: Arc::new(Suspects::new(bus.source("suspects"))),
        halves: Arc::new(Halves::new(Roster::default(), bus.source("directions"))),
        bus: bus.clone(),
        writers: Vec::new(),
        board: Arc::default(),
        rejecter: None,
        instance: "here".into(),
        dry_run: false,
        active_timeout: Duration::from_mins(5),
        servers: Arc::new(Servers::new(Arc::clone(policy.policy()), Box::new(NoBlocklist))),
    }
}

/// Takes a flow with four packets through `sink` until it is idle, and returns the records, and what
/// the summary says of leaks.
fn life(table: Table, given_up: bool) -> (Vec<Value>, String) {
    life_until(End::Idle, table, given_up)
}

/// The same for a flow that ends so.
fn life_until(end: End, table: Table, given_up: bool) -> (Vec<Value>, String) {
    let (bus, reported) = bus();
    let policy = policy("action = \"drop\"");
    let shared = shared(&bus, &policy);
    let standing = Rc::clone(&table.standing);
    let mut sink = WorkerSink::new(table, policy, &shared, "worker-0");
    let mut flow = FlowEntry::new(&sample(), ());
    (0..4).for_each(|_| flow.count(&sample()));
    let details = Details::new("www.netflix.com", "", "");
    let verdict =
        sink.judge.judge(&flow, &classification(), &RuleTexts::from(&details), Moment::Final);
    assert_eq!(verdict, Some(Verdict { action: Action::Drop, rule: Some(0) }));
    let classification = classification();
    flow.stage = Stage::Decided(Decided {
        classification,
        details,
        verdict,
        given_up,
        by: DecidedBy::Content,
    });
    if !given_up {
        sink.decided(&mut flow, &sample());
    }
    sink.finished(flow, end);
    assert!(standing.borrow().is_empty(), "nothing stands when the flow is over");
    let leaks = sink.into_summary().leaks().to_string();
    let mut events = reported.events();
    events.retain(|event| event["type"] != "status");
    (events, leaks)
}

fn traffic(packets: u64) -> Traffic {
    Traffic { lower: volume(packets), ..Traffic::default() }
}

fn volume(packets: u64) -> Volume {
    Volume { packets, bytes: packets * 100 }
}

#[test]
fn what_the_kernel_counted_before_and_after_the_verdict_adds_up() {
    let taken = KernelCounts {
        undecided: traffic(1),
        decided: traffic(20),
        dropped: volume(20),
        last_seen_ns: Some(1_700_000_009_000_000_000),
    };
    // Two more packets passed than were shown: on their way when the verdict was written.
    let (records, leaks) = life(Table { before: traffic(6), taken, ..Table::default() }, false);
    let [verdict, flow] = &records[..] else { panic!("{records:?}") };
    assert_eq!(verdict["type"], "verdict");
    assert_eq!((&verdict["action"], &verdict["rule"]), (&"drop".into(), &"no video".into()));
    assert!(verdict["latency_us"].is_u64());
    assert_eq!((&flow["packets"], &flow["bytes"]), (&27.into(), &2700.into()));
    assert_eq!((&flow["leaked"], &flow["dropped"]), (&7.into(), &20.into()));
    assert_eq!((&flow["iface"], &flow["hostname"]), (&"eth7".into(), &"www.netflix.com".into()));
    assert_eq!(flow["last_seen"], "2023-11-14T22:13:29.000000Z");
    assert_eq!(flow.get("capture"), None);
    assert!(leaks.ends_with("before their verdicts stood: 7 packets, 700 B, of 1 flows\n"));
}

#[test]
fn what_a_new_connection_sent_without_a_verdict_is_its_own() {
    let taken =
        KernelCounts { undecided: traffic(3), decided: traffic(20), ..KernelCounts::default() };
    for (end, packets) in [(End::Idle, 27), (End::Reused, 24)] {
        let (records, _) = life_until(end, Table { taken, ..Table::default() }, false);
        assert_eq!(records[1]["packets"], packets, "{end:?}");
    }
}

#[test]
fn a_flow_that_was_over_first_has_leaked_altogether() {
    let taken = KernelCounts { undecided: traffic(5), ..KernelCounts::default() };
    let (records, leaks) = life(Table { taken, ..Table::default() }, true);
    let [flow] = &records[..] else { panic!("{records:?}") };
    assert_eq!((&flow["packets"], &flow["leaked"]), (&5.into(), &5.into()));
    assert_eq!(flow["dropped"], 0);
    assert!(leaks.starts_with("blocked flows: 1\n") && leaks.contains(" 5 packets"), "{leaks}");
}

#[test]
fn a_forgotten_track_falls_back_to_what_was_shown() {
    let (records, _) = life(Table::default(), true);
    assert_eq!((&records[0]["packets"], &records[0]["bytes"]), (&4.into(), &400.into()));
}

#[test]
fn a_verdict_that_the_map_refused_is_not_reported() {
    let (records, _) = life(Table { full: true, ..Table::default() }, false);
    assert_eq!(records.iter().map(|record| &record["type"]).collect::<Vec<_>>(), ["flow"]);
}

#[test]
fn what_an_earlier_policy_let_through_has_not_leaked() {
    // Before the first verdict 6 packets pass, under each that lets them pass 10, and 5 are dropped.
    for (actions, packets, leaked) in [
        (&["count", "drop"][..], 21, 0),
        (&["drop", "count", "drop"], 21, 6),
        (&["drop", "reject"], 11, 6),
        (&["count", "bypass", "drop"], 31, 0),
    ] {
        let passed = (packets - 6 - 5) / 10 * 10;
        let taken = KernelCounts {
            decided: traffic(passed + 5),
            dropped: volume(5),
            ..KernelCounts::default()
        };
        let table = Table { before: traffic(6), taken, allowed: volume(10), ..Table::default() };
        let (bus, reported) = bus();
        let first = policy(&format!("action = \"{}\"", actions[0]));
        let shared = shared(&bus, &first);
        let mut sink = WorkerSink::new(table, first, &shared, "worker-0");
        let verdict = |sink: &mut WorkerSink<Table>| {
            let details = Details::default();
            sink.judge.judge(
                &flow_with(None),
                &classification(),
                &RuleTexts::from(&details),
                Moment::Final,
            )
        };
        let mut flow = flow_with(verdict(&mut sink));
        sink.decided(&mut flow, &sample());
        for action in &actions[1..] {
            sink.set_policy(policy(&format!("action = \"{action}\"")));
            let now = verdict(&mut sink);
            let Stage::Decided(decided) = &mut flow.stage else { panic!() };
            let before = std::mem::replace(&mut decided.verdict, now);
            sink.judged_again(&mut flow, before);
        }
        sink.finished(flow, End::Idle);
        let leaks = sink.into_summary().leaks().to_string();
        assert!(leaks.contains(&format!(": {leaked} packets, {} B, of", leaked * 100)), "{leaks}");
        let events = reported.events();
        let updates = events.iter().filter(|event| event["type"] == "flow-update");
        let text = |value: &Value| value.as_str().unwrap().to_owned();
        let updates: Vec<_> =
            updates.map(|it| [text(&it["previous_action"]), text(&it["action"])]).collect();
        assert!(updates.iter().eq(actions.windows(2)), "{updates:?} of {actions:?}");
        let record = events.iter().rfind(|event| event["type"] == "flow").unwrap();
        assert_eq!((&record["packets"], &record["leaked"]), (&packets.into(), &leaked.into()));
    }
}

/// A flow that is decided, with the verdict `verdict`.
fn flow_with(verdict: Option<Verdict>) -> FlowEntry<()> {
    let mut flow = FlowEntry::new(&sample(), ());
    let (classification, details) = (classification(), Details::default());
    flow.stage = Stage::Decided(Decided {
        classification,
        details,
        verdict,
        given_up: false,
        by: DecidedBy::Content,
    });
    flow
}

#[test]
fn only_what_changes_is_written_anew() {
    let (bus, _reported) = bus();
    let first = policy("action = \"drop\"");
    let shared = shared(&bus, &first);
    let table = Table::default();
    let standing = Rc::clone(&table.standing);
    let mut sink = WorkerSink::new(table, first, &shared, "worker-0");
    let own = |burst| format!("limit = \"1 MB/s\"\nburst = \"{burst} kB\"\nper = \"flow\"");
    let verdict = |action| Some(Verdict { action, rule: Some(0) });
    for (text, before, changes) in [
        ("action = \"drop\"", Action::Drop, false),
        ("action = \"count\"", Action::Drop, true),
        (&own(10), Action::Count, true),
        (&own(10), Action::Limit, false),
        // The same action and rule, and yet another limit.
        (&own(20), Action::Limit, true),
        ("action = \"count\"", Action::Limit, true),
    ] {
        sink.set_policy(policy(text));
        let mut flow = flow_with(verdict(before));
        let facts = |sink: &mut WorkerSink<Table>| {
            sink.judge.judge(&flow, &classification(), &RuleTexts::default(), Moment::Final)
        };
        flow = flow_with(facts(&mut sink));
        standing.borrow_mut().clear();
        let changed = sink.changed();
        sink.judged_again(&mut flow, verdict(before));
        let written = standing.borrow().get(&flow.key).map(|standing| standing.allowance);
        assert_eq!((written.is_some(), sink.changed() - changed), (changes, changes.into()));
        let limit = matches!(written, Some(Some(Allowance::Own(_))));
        assert_eq!(limit, changes && text.starts_with("limit"), "{text}");
    }
}

/// How often it is said that the kernel has no room for tracks when it has none of a flow any more that
/// so many packets were seen of while nDPI looked at it again.
fn lacks_of_tracks(packets: usize) -> usize {
    let (bus, reported) = bus();
    let first = policy("action = \"count\"");
    let shared = shared(&bus, &first);
    let mut sink = WorkerSink::new(
        Table { before: traffic(1), ..Table::default() },
        first,
        &shared,
        "worker-0",
    );
    let mut flow = flow_with(Some(Verdict { action: Action::Count, rule: Some(0) }));
    flow.count(&sample());
    sink.decided(&mut flow, &sample());
    assert!(sink.enforcer.suspend(&mut flow));
    sink.enforcer.store_mut().before = Traffic::default();
    (0..packets).for_each(|_| flow.count(&sample()));
    sink.enforcer.resume(&mut flow);
    sink.report_lost((0, [0; 2]));
    assert!(sink.enforcer.store_mut().standing.borrow().contains_key(&flow.key));
    reported.events().iter().filter(|event| event["table"] == "tracks").count()
}

#[test]
fn only_of_a_flow_that_something_came_of_a_track_is_missed() {
    assert_eq!((lacks_of_tracks(0), lacks_of_tracks(1)), (0, 1));
}

#[test]
fn whom_the_kernel_saw_answered_looks_answered_before_the_verdict_too() {
    let (bus, _reported) = bus();
    let policy = policy("action = \"drop\"");
    let shared = shared(&bus, &policy);
    let (table, flow) = (Table::default(), flow_with(None));
    let answered = Rc::clone(&table.answered);
    let mut sink = WorkerSink::new(table, policy, &shared, "worker-0");
    let undecided = FlowEntry::new(&sample(), ());
    assert!(!sink.enforcer.is_answered(&undecided));
    answered.borrow_mut().insert(undecided.key);
    assert!(sink.enforcer.is_answered(&undecided));
    assert!(!sink.enforcer.is_answered(&flow), "of one with a verdict, its entry counts");
}

#[test]
fn each_finding_of_a_flow_is_counted_once_whenever_it_is_made() {
    let (bus, reported) = bus();
    let policy = policy("action = \"count\"");
    let shared = shared(&bus, &policy);
    let mut sink = WorkerSink::new(Table::default(), policy, &shared, "worker-0");
    let verdict = Some(Verdict { action: Action::Count, rule: Some(0) });
    let mut flow = flow_with(verdict);
    let find = |flow: &mut FlowEntry<()>, finding: Finding| flow.findings.insert(finding);
    find(&mut flow, Finding::BadChecksum);
    sink.decided(&mut flow, &sample());
    sink.decided(&mut flow, &sample());
    // By a later request, and when the flow was over.
    find(&mut flow, Finding::Ambiguous);
    sink.found(&mut flow);
    find(&mut flow, Finding::Oversize);
    sink.finished(flow, End::Idle);
    let each: Vec<_> = sink.found.by_name().into_iter().collect();
    let once = ["ambiguous", "bad-checksum", "oversize"].map(|finding| (finding.into(), 1));
    assert_eq!(each, once);
    let summary = sink.into_summary();
    assert_eq!(summary.found().by_name().into_iter().collect::<Vec<_>>(), once);
    let warnings = reported.events().into_iter().filter(|event| event["type"] == "warning");
    assert_eq!(warnings.count(), 1, "more is said of the client later");
}

/// A flow that a rule of this name decided in an earlier instance, and of which the policy says this now.
fn taken_over(name: &str, now: Verdict) -> FlowEntry<()> {
    let mut flow = flow_with(Some(now));
    let rule = Arc::new(EarlierRule {
        revision: 7,
        place: Some(5),
        name: Some(name.into()),
        rests_on_more: true,
        bucket: None,
    });
    flow.adopted = Some(Box::new(Adopted { rule, rests_on_more: true }));
    flow
}

#[test]
fn a_verdict_of_an_earlier_instance_is_written_again_only_where_it_changes() {
    let before = Verdict { action: Action::Drop, rule: Some(Verdict::KEPT) };
    let by_rule = |action| Verdict { action, rule: Some(0) };
    for (name, now, written) in [
        ("no video", by_rule(Action::Drop), false),
        ("no games", by_rule(Action::Drop), true),
        ("no video", by_rule(Action::Count), true),
        ("no games", before, false),
    ] {
        let (bus, _reported) = bus();
        let policy = policy("action = \"drop\"");
        let (table, shared) = (Table::default(), shared(&bus, &policy));
        let standing = Rc::clone(&table.standing);
        let mut sink = WorkerSink::new(table, policy, &shared, "worker-0");
        let mut flow = taken_over(name, now);
        sink.adopted(&mut flow, before);
        assert_eq!(standing.borrow().contains_key(&flow.key), written, "{name}: {now:?}");
        assert_eq!(sink.changed(), u64::from(written));
        let changed = sink.next_unannounced().map(|(_, before)| before);
        assert_eq!(changed, Some(written.then_some(before)));
    }
}

#[test]
fn a_verdict_that_is_kept_goes_by_the_rule_of_the_earlier_instance() {
    let policy = policy("action = \"drop\"");
    let kept = taken_over("no games", Verdict { action: Action::Drop, rule: Some(Verdict::KEPT) });
    let desired = DesiredVerdict::of(&kept, &policy).unwrap();
    assert_eq!((desired.revision, desired.verdict.rule), (7, Some(5)));
    assert!(desired.note.rests_on_more);
    assert_eq!(kept.rule(policy.policy()), Some("no games"));
}

#[test]
fn a_packet_that_waited_while_its_flow_was_decided_writes_no_verdict() {
    let (bus, _reported) = bus();
    let policy = policy("action = \"drop\"");
    let table = Table::default();
    let standing = Rc::clone(&table.standing);
    let mut sink = WorkerSink::new(table, Arc::clone(&policy), &shared(&bus, &policy), "worker-0");
    let mut flow = FlowEntry::new(&sample(), ());
    let verdict = Some(Verdict { action: Action::Drop, rule: Some(0) });
    flow.stage = Stage::Decided(Decided {
        classification: classification(),
        details: Details::default(),
        verdict,
        given_up: false,
        by: DecidedBy::Content,
    });
    sink.decided(&mut flow, &sample());
    let stood = flow.enforced_ns;
    let mut stands_after = |time_ns| {
        standing.borrow_mut().clear();
        sink.enforcer.passed(&mut flow, &Sample { time_ns, ..sample() });
        !standing.borrow().is_empty()
    };
    assert!(!stands_after(stood - 1_000_000), "it was on its way when the verdict was written");
    assert!(stands_after(stood + 1), "somebody has taken the verdict away");
    assert!(stands_after(stood - 3_600_000_000_000), "the clock was set back");
}
