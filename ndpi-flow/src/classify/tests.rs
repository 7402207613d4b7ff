//! The classifier with a scripted detector: no nDPI, no clock, no packets but made-up ones.

mod again;
mod copies;
mod deferred;
mod extended;
mod first_packet;
mod forgotten;
mod fragments;
mod memory;
mod moved;
mod opened_late;
mod put_off;
mod streams;

use std::collections::HashMap;
use std::time::Duration;

use ndpi::{AppId, Classification, State};
use ndpi_common::{Direction, KeyV4, SequenceNumbers};

use super::{
    Accounting, Classifier, Detector, End, Enforcement, Judge, Moment, Settings, Sink, Taken,
};
use crate::flow::{Cause, Details, FlowEntry, RuleTexts, Timeouts};
use crate::key::FlowKey;
use crate::sample::{Sample, tcp};
use crate::verdict::{Action, Verdict};

/// Becomes PARTIAL at the packet whose first byte is 1, CLASSIFIED at the one that starts with 2.
struct Script;

impl Detector for Script {
    type Flow = Classification;

    fn open(&self) -> Classification {
        Classification::default()
    }

    fn inspect(&self, flow: &mut Classification, l3: &[u8], _time_ms: u64) -> Classification {
        match l3.first() {
            Some(1) => flow.state = State::Partial,
            Some(2) => flow.state = State::Classified,
            _ => {}
        }
        flow.app = AppId { master: 91, app: 119 };
        *flow
    }

    fn classification(&self, flow: &Classification) -> Classification {
        *flow
    }

    fn give_up(&self, flow: &mut Classification) -> Classification {
        Classification { state: State::Classified, guessed: true, ..*flow }
    }

    fn rule_texts<'f>(&self, _flow: &'f Classification) -> RuleTexts<'f> {
        RuleTexts::new(Some("www.example.org".into()), None, None)
    }

    fn details(&self, _flow: &Classification) -> Details {
        Details::new("www.example.org", "", "")
    }
}

/// Has one action for everything.
struct Rules {
    action: Action,
    early: bool,
}

/// Counts what the kernel shows of decided flows.
#[derive(Default)]
struct Kernel {
    passed: usize,
    rejected: usize,
    /// What it has seen by now of the sequence numbers of all flows.
    numbers: Option<SequenceNumbers>,
}

/// Notes what it was given.
struct Notes {
    rules: Rules,
    kernel: Kernel,
    judged_again: Vec<(FlowKey, [Action; 2])>,
    decided: Vec<(FlowKey, u16)>,
    displaced: Vec<(FlowKey, Cause)>,
    finished: HashMap<FlowKey, Vec<(FlowEntry<Classification>, End)>>,
}

impl Default for Notes {
    fn default() -> Self {
        Self {
            rules: Rules { action: Action::Drop, early: false },
            kernel: Kernel::default(),
            judged_again: Vec::new(),
            decided: Vec::new(),
            displaced: Vec::new(),
            finished: HashMap::new(),
        }
    }
}

impl Judge<Classification> for Rules {
    fn judge(
        &mut self,
        _flow: &FlowEntry<Classification>,
        _classification: &Classification,
        _texts: &RuleTexts<'_>,
        moment: Moment,
    ) -> Option<Verdict> {
        (self.early || moment == Moment::Final)
            .then_some(Verdict { action: self.action, rule: Some(0) })
    }

    fn judges_partial(&self) -> bool {
        self.early
    }
}

impl Enforcement<Classification> for Kernel {
    fn passed(&mut self, _flow: &mut FlowEntry<Classification>, _sample: &Sample) {
        self.passed += 1;
    }

    fn rejected(&mut self, _flow: &FlowEntry<Classification>, _sample: &Sample) {
        self.rejected += 1;
    }

    fn numbers(&mut self, _flow: &FlowKey) -> Option<SequenceNumbers> {
        self.numbers
    }
}

impl Sink<Classification> for Notes {
    fn rules(&mut self) -> &mut impl Judge<Classification> {
        &mut self.rules
    }

    fn enforcement(&mut self) -> &mut impl Enforcement<Classification> {
        &mut self.kernel
    }

    fn decided(&mut self, flow: &mut FlowEntry<Classification>, _sample: &Sample) {
        self.decided.push((flow.key, flow.inspected));
    }

    fn judged_again(&mut self, flow: &mut FlowEntry<Classification>, before: Option<Verdict>) {
        let now = flow.decided().and_then(|decided| decided.verdict);
        self.judged_again.push((flow.key, [before, now].map(|verdict| verdict.unwrap().action)));
    }

    fn displaced(&mut self, flow: &FlowEntry<Classification>, cause: Cause) {
        self.displaced.push((flow.key, cause));
    }

    fn finished(&mut self, flow: FlowEntry<Classification>, end: End) {
        self.finished.entry(flow.key).or_default().push((flow, end));
    }
}

const SECOND: u64 = 1_000_000_000;

fn key(port: u16, proto: u8) -> FlowKey {
    FlowKey::V4(KeyV4 {
        lower: [198, 18, 0, 1],
        upper: [198, 18, 0, 2],
        lower_port: port,
        upper_port: 443,
        vlan: 0,
        proto,
        tunnel: 0,
    })
}

fn packet(port: u16, seconds: u64, content: &'static [u8]) -> Sample<'static> {
    Sample {
        bytes: 100,
        ..Sample::new(key(port, 17), Direction::FromLower, seconds * SECOND, content)
    }
}

fn segment(seconds: u64, direction: Direction, tcp_flags: u8) -> Sample<'static> {
    Sample { key: key(1, 6), direction, tcp_flags, ..packet(1, seconds, &[]) }
}

fn classifier(timeouts: Option<Timeouts>, max_flows: usize) -> Classifier<Script> {
    Classifier::new(
        Script,
        Settings { timeouts, max_flows, accounting: Accounting::Classifier, normalise: false },
    )
}

#[test]
fn a_flow_is_decided_once_and_counted_to_its_end() {
    let (mut classifier, mut notes) = (classifier(None, 10), Notes::default());
    for content in [&[0u8][..], &[1], &[0], &[2], &[0], &[0]] {
        classifier.sample(&packet(1, 5, content), &mut notes);
    }
    classifier.end_all(&mut notes);
    assert_eq!(notes.decided, [(key(1, 17), 4)]);
    assert_eq!(notes.kernel.passed, 2);
    let (flow, end) = &notes.finished[&key(1, 17)][0];
    assert_eq!((flow.packets(), flow.traffic.total().bytes, flow.packets_before), (6, 600, 4));
    assert_eq!((flow.inspected, flow.partial_at, *end), (4, 2, End::SourceEnded));
    let decided = flow.decided().expect("finished flows are decided");
    assert_eq!(decided.classification.state, State::Classified);
    assert!(!decided.classification.guessed);
    assert_eq!(decided.details.hostname(), Some("www.example.org"));
    assert!(classifier.table().is_empty());
}

#[test]
fn a_flow_that_ends_undecided_is_given_up_and_keeps_its_state() {
    let (mut classifier, mut notes) = (classifier(None, 10), Notes::default());
    classifier.sample(&packet(1, 5, &[1]), &mut notes);
    classifier.end_all(&mut notes);
    assert!(notes.decided.is_empty(), "a verdict for a flow that is over helps nobody");
    let decided = notes.finished[&key(1, 17)][0].0.decided().cloned().unwrap();
    assert_eq!(decided.classification.state, State::Partial);
    assert!(decided.classification.guessed);
    assert_eq!(decided.verdict.map(|verdict| verdict.action), Some(Action::Drop));
}

#[test]
fn partial_is_acted_on_only_where_a_rule_asks_for_it() {
    let mut notes =
        Notes { rules: Rules { action: Action::Drop, early: true }, ..Notes::default() };
    let mut classifier = classifier(None, 10);
    for content in [&[0u8][..], &[1], &[0]] {
        classifier.sample(&packet(1, 5, content), &mut notes);
    }
    assert_eq!((notes.decided.len(), notes.kernel.passed), (1, 1));
}

#[test]
fn silence_ends_a_flow_and_its_next_packet_opens_another() {
    let timeouts = Timeouts { udp: Duration::from_secs(30), ..Timeouts::default() };
    let (mut classifier, mut notes) = (classifier(Some(timeouts), 10), Notes::default());
    for seconds in [100, 130, 161] {
        classifier.sample(&packet(1, seconds, &[0]), &mut notes);
    }
    assert_eq!(notes.finished[&key(1, 17)].len(), 1);
    assert_eq!(notes.finished[&key(1, 17)][0].1, End::Idle);
    classifier.expire(191 * SECOND, 10, &mut notes);
    assert_eq!(classifier.table().len(), 1, "30 seconds of silence are allowed");
    classifier.expire(192 * SECOND, 10, &mut notes);
    assert!(classifier.table().is_empty());
}

#[test]
fn a_packet_long_after_the_end_of_a_connection_finds_it_closed() {
    let (mut classifier, mut notes) = (classifier(Some(Timeouts::default()), 10), Notes::default());
    for seconds in [1, 100] {
        classifier.sample(&segment(seconds, Direction::FromLower, tcp::RST), &mut notes);
    }
    assert_eq!(notes.finished[&key(1, 6)][0].1, End::Closed);
}

#[test]
fn a_flow_lives_as_long_as_its_packets_are_seen() {
    let (mut classifier, mut notes) = (classifier(Some(Timeouts::default()), 10), Notes::default());
    classifier.sample(&packet(1, 10, &[0]), &mut notes);
    classifier.saw(&key(1, 17), 300 * SECOND, 300 * SECOND);
    classifier.saw(&key(1, 17), 200 * SECOND, 200 * SECOND);
    classifier.saw(&key(2, 17), 300 * SECOND, 300 * SECOND);
    classifier.expire(599 * SECOND, 10, &mut notes);
    let flows: Vec<_> = classifier.table().slots().collect();
    let flow = classifier.table().get(flows[0]).unwrap();
    assert_eq!((flows.len(), flow.last_seen_ns, flow.packets()), (1, 300 * SECOND, 1));
}

#[test]
fn without_timeouts_a_key_is_one_flow() {
    let (mut classifier, mut notes) = (classifier(None, 10), Notes::default());
    classifier.sample(&packet(1, 0, &[0]), &mut notes);
    classifier.sample(&packet(1, 1_000_000, &[0]), &mut notes);
    classifier.expire(2_000_000 * SECOND, 10, &mut notes);
    assert_eq!(classifier.table().len(), 1);
}

#[test]
fn a_syn_after_the_end_opens_a_new_flow_but_not_before() {
    let (mut classifier, mut notes) = (classifier(Some(Timeouts::default()), 10), Notes::default());
    let (client, server) = (Direction::FromLower, Direction::FromUpper);
    let script = [
        (client, tcp::SYN),
        (server, tcp::SYN | tcp::ACK),
        (client, tcp::SYN),
        (client, tcp::FIN | tcp::ACK),
        (server, tcp::FIN | tcp::ACK),
        (client, tcp::ACK),
    ];
    for (direction, flags) in script {
        classifier.sample(&segment(1, direction, flags), &mut notes);
    }
    assert!(notes.finished.is_empty());
    classifier.sample(&segment(2, client, tcp::SYN), &mut notes);
    let ended = &notes.finished[&key(1, 6)];
    assert_eq!((ended.len(), ended[0].0.packets(), ended[0].1), (1, 6, End::Reused));
    assert_eq!(classifier.table().len(), 1);
}

#[test]
fn a_syn_ack_first_was_sent_by_the_server() {
    let (mut classifier, mut notes) = (classifier(None, 10), Notes::default());
    let first = segment(1, Direction::FromUpper, tcp::SYN | tcp::ACK);
    classifier.sample(&first, &mut notes);
    classifier.end_all(&mut notes);
    assert_eq!(notes.finished[&key(1, 6)][0].0.client, Direction::FromLower);
}

#[test]
fn a_full_table_gives_up_the_most_silent_flow() {
    let (mut classifier, mut notes) = (classifier(None, 3), Notes::default());
    for (port, seconds) in [(2, 5), (1, 10), (3, 20), (4, 30)] {
        classifier.sample(&packet(port, seconds, &[0]), &mut notes);
    }
    assert_eq!(classifier.table().len(), 3);
    assert_eq!(notes.finished[&key(2, 17)][0].1, End::Evicted);
}

#[test]
fn dropped_packets_open_no_flow_and_count_for_none() {
    let settings =
        Settings { timeouts: None, max_flows: 9, accounting: Accounting::Kernel, normalise: false };
    let (mut classifier, mut notes) = (Classifier::new(Script, settings), Notes::default());
    let dropped = Sample { rejected: true, ..packet(1, 6, &[0]) };
    classifier.sample(&dropped, &mut notes);
    assert_eq!((classifier.table().len(), notes.kernel.rejected), (0, 0), "nobody knows the flow");
    classifier.sample(&packet(1, 5, &[2]), &mut notes);
    classifier.sample(&dropped, &mut notes);
    classifier.end(&key(1, 17), End::Idle, &mut notes);
    let (flow, _) = &notes.finished[&key(1, 17)][0];
    assert_eq!(
        (flow.packets(), flow.inspected, notes.kernel.passed, notes.kernel.rejected),
        (1, 1, 0, 1)
    );
}

#[test]
fn decided_flows_that_the_kernel_keeps_end_when_it_says_so() {
    let settings = Settings {
        timeouts: Some(Timeouts::default()),
        max_flows: 9,
        normalise: false,
        accounting: Accounting::Kernel,
    };
    let (mut classifier, mut notes) = (Classifier::new(Script, settings), Notes::default());
    classifier.sample(&packet(1, 5, &[2]), &mut notes);
    classifier.sample(&packet(1, 90_000, &[0]), &mut notes);
    classifier.expire(190_000 * SECOND, 10, &mut notes);
    assert!(notes.finished.is_empty(), "user space does not see its packets");
    let reopened = Sample { reopened: true, ..packet(1, 190_000, &[0]) };
    classifier.sample(&reopened, &mut notes);
    classifier.end(&key(1, 17), End::Idle, &mut notes);
    let ended = &notes.finished[&key(1, 17)];
    assert_eq!(
        ended.iter().map(|(flow, end)| (flow.packets(), *end)).collect::<Vec<_>>(),
        [(1, End::Reused), (1, End::Idle)]
    );
}

#[test]
fn a_new_policy_is_asked_about_decided_flows_only() {
    let (mut classifier, mut notes) = (classifier(None, 9), Notes::default());
    classifier.sample(&packet(1, 5, &[2]), &mut notes);
    classifier.sample(&packet(2, 5, &[0]), &mut notes);
    notes.rules.action = Action::Count;
    assert_eq!(classifier.judge_again(&mut notes), 1);
    assert_eq!(notes.judged_again, [(key(1, 17), [Action::Drop, Action::Count])]);
}

#[test]
fn the_last_sample_of_a_flow_decides_it() {
    let settings = Settings {
        timeouts: Some(Timeouts::default()),
        max_flows: 9,
        normalise: false,
        accounting: Accounting::Kernel,
    };
    let (mut classifier, mut notes) = (Classifier::new(Script, settings), Notes::default());
    classifier.sample(&packet(1, 5, &[0]), &mut notes);
    assert!(notes.decided.is_empty());
    classifier.sample(&Sample { last: true, ..packet(1, 6, &[1]) }, &mut notes);
    assert_eq!(notes.decided, [(key(1, 17), 2)]);
    classifier.end(&key(1, 17), End::Idle, &mut notes);
    let decided = notes.finished[&key(1, 17)][0].0.decided().cloned().unwrap();
    // The state as it was, and nothing leaks from here on.
    assert_eq!((decided.classification.state, decided.given_up), (State::Partial, false));
    assert!(decided.classification.guessed);
}
