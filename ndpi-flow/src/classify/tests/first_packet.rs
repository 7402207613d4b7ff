//! Flows that are decided before nDPI knows them, and what is learned for the next ones.

use ndpi::{AppId, Classification, DnsAddress, State};
use ndpi_common::KeyV4;
use ndpi_labels::Finding;

use super::{key, packet};
use crate::classify::{
    Accounting, Classifier, Detector, DnsAnswer, End, Judge, Moment, Settings, Sink,
};
use crate::first_packet::{Hint, Known};
use crate::flow::{DecidedBy, Details, FlowEntry, RuleTexts};
use crate::key::FlowKey;
use crate::sample::Sample;
use crate::verdict::{Action, Verdict};

const FACEBOOK: AppId = AppId { master: 0, app: 119 };

/// Takes the first byte of a packet for the state; a DNS message is a query or, with which a flow is
/// classified, an answer. Says by the first packet what the test gave it.
struct Script {
    first: Option<Classification>,
}

impl Detector for Script {
    type Flow = State;

    fn open(&self) -> State {
        State::Inspecting
    }

    fn inspect(&self, flow: &mut State, l3: &[u8], _time_ms: u64) -> Classification {
        let states = [State::Inspecting, State::Partial, State::Monitoring, State::Classified];
        let is_answer = || usize::from(l3[30] >> 7) * 3;
        *flow = states[if l3.len() > 1 { is_answer() } else { l3[0].into() }];
        self.classification(flow)
    }

    fn classification(&self, flow: &State) -> Classification {
        Classification { state: *flow, ..Classification::default() }
    }

    fn give_up(&self, flow: &mut State) -> Classification {
        self.classification(flow)
    }

    fn rule_texts<'f>(&self, _flow: &'f State) -> RuleTexts<'f> {
        RuleTexts::default()
    }

    fn details(&self, _flow: &State) -> Details {
        Details::default()
    }

    fn first_packet(&self, _flow: &mut State) -> Option<Classification> {
        self.first
    }

    fn dns_answer(&self, flow: &State) -> Option<DnsAnswer> {
        let addresses = vec![DnsAddress { address: [198, 19, 0, 1].into(), ttl: 30 }];
        (*flow == State::Classified).then(|| DnsAnswer {
            name: "x.example".into(),
            addresses,
            known_as: None,
        })
    }
}

/// Blocks Facebook early where `early` says so, and counts everything in the end.
#[derive(Default)]
struct Rules {
    early: bool,
    /// Blocks by any finding.
    strict: bool,
    remembered: Option<Known>,
    hints: usize,
    learned: Vec<DnsAnswer>,
}

#[derive(Default)]
struct Notes {
    rules: Rules,
    decided: Vec<(State, DecidedBy, Option<Action>, u16)>,
}

/// With rules that act on first packets.
fn decide_early(remembered: Option<Known>) -> Notes {
    let rules = Rules { early: true, remembered, ..Rules::default() };
    Notes { rules, ..Notes::default() }
}

impl Judge<State> for Rules {
    fn judge(
        &mut self,
        flow: &FlowEntry<State>,
        classification: &Classification,
        _texts: &RuleTexts<'_>,
        moment: Moment,
    ) -> Option<Verdict> {
        let action = match moment {
            Moment::FirstPacket if classification.app == FACEBOOK => Action::Drop,
            Moment::Finding if flow.findings.contains(Finding::Ambiguous) => Action::Drop,
            Moment::FirstPacket | Moment::Finding | Moment::Early => return None,
            Moment::Final => Action::Count,
        };
        Some(Verdict { action, rule: Some(0) })
    }

    fn judges_findings(&self) -> bool {
        self.strict
    }

    fn judges_first_packet(&self) -> bool {
        self.early
    }

    fn hint(
        &mut self,
        _flow: &FlowEntry<State>,
        said: Option<Classification>,
        _now_ns: u64,
    ) -> Option<Hint> {
        self.hints += 1;
        let by = DecidedBy::FirstPacket;
        let said =
            said.map(|classification| Hint { classification, details: Details::default(), by });
        self.remembered.as_ref().map(Known::hint).or(said)
    }

    fn learn(&mut self, dns_answer: &DnsAnswer, _now_ns: u64) {
        self.learned.push(dns_answer.clone());
    }
}

impl Sink<State> for Notes {
    fn rules(&mut self) -> &mut impl Judge<State> {
        &mut self.rules
    }

    fn decided(&mut self, flow: &mut FlowEntry<State>, _sample: &Sample) {
        let decided = flow.decided().unwrap();
        let action = decided.verdict.map(|verdict| verdict.action);
        self.decided.push((decided.classification.state, decided.by, action, flow.inspected));
    }

    fn finished(&mut self, _flow: FlowEntry<State>, _end: End) {}
}

fn of_facebook() -> Classification {
    Classification { app: FACEBOOK, ..Classification::default() }
}

/// A kernel's classifier, whose detector says this of first packets.
fn classifier(first: Option<Classification>) -> Classifier<Script> {
    let settings =
        Settings { timeouts: None, accounting: Accounting::Kernel, max_flows: 9, normalise: false };
    Classifier::new(Script { first }, settings)
}

/// Takes a flow with these packets through a classifier.
fn run(first: Option<Classification>, notes: &mut Notes, packets: &[(&'static [u8], bool)]) {
    let mut classifier = classifier(first);
    for &(content, blocked) in packets {
        classifier.sample(&Sample { blocked, ..packet(1, 5, content) }, notes);
        assert_eq!(classifier.table().find(&key(1, 17)), Some(0));
    }
}

#[test]
fn a_claim_decides_while_nothing_is_known() {
    let mut notes = decide_early(None);
    run(Some(of_facebook()), &mut notes, &[(&[0], false), (&[3], false)]);
    let expected = (State::Inspecting, DecidedBy::FirstPacket, Some(Action::Drop), 1);
    assert_eq!((notes.decided, notes.rules.hints), (vec![expected], 1));
}

#[test]
fn what_is_remembered_of_the_server_is_a_claim_too() {
    let remembered = Some(Known { app: FACEBOOK, ..Known::default() });
    let mut notes = decide_early(remembered);
    run(None, &mut notes, &[(&[0], false)]);
    let expected = (State::Inspecting, DecidedBy::Server, Some(Action::Drop), 1);
    assert_eq!(notes.decided, [expected]);
}

#[test]
fn nobody_is_asked_where_no_rule_decides_early() {
    let mut notes = Notes::default();
    run(Some(of_facebook()), &mut notes, &[(&[0], false), (&[1], true), (&[3], false)]);
    let expected = (State::Classified, DecidedBy::Content, Some(Action::Count), 3);
    assert_eq!((notes.decided, notes.rules.hints), (vec![expected], 0));
    assert!(notes.rules.learned.is_empty());
}

#[test]
fn a_claim_that_decides_nothing_leaves_the_flow_to_ndpi() {
    let other = Classification { app: AppId { master: 0, app: 133 }, ..of_facebook() };
    let mut notes = decide_early(None);
    run(Some(other), &mut notes, &[(&[0], false), (&[0], false), (&[1], false), (&[3], false)]);
    let expected = (State::Classified, DecidedBy::Content, Some(Action::Count), 4);
    assert_eq!((notes.decided, notes.rules.hints), (vec![expected], 2), "not at PARTIAL any more");
}

#[test]
fn what_the_kernel_lets_not_through_is_decided_by_the_claim() {
    let mut notes = decide_early(None);
    run(Some(of_facebook()), &mut notes, &[(&[1], true)]);
    let expected = (State::Partial, DecidedBy::FirstPacket, Some(Action::Drop), 1);
    assert_eq!(notes.decided, [expected]);
}

#[test]
fn ndpis_own_word_counts_more_than_any_claim() {
    let mut notes = decide_early(None);
    run(Some(of_facebook()), &mut notes, &[(&[3], true)]);
    let expected = (State::Classified, DecidedBy::Content, Some(Action::Count), 1);
    assert_eq!(notes.decided, [expected]);
}

#[test]
fn answers_of_dns_servers_are_learned_when_their_flow_is_classified() {
    let [query, answer] = [false, true].map(|answer| testkit::packets::dns(1, "x.example", answer));
    for (port, early, is_asked, learned) in
        [(53, true, true, 1), (53, false, true, 0), (5353, true, true, 0), (53, true, false, 0)]
    {
        let (key, direction) =
            KeyV4::new(([198, 18, 0, 1], 40_000), ([198, 18, 0, 2], port), 0, 17);
        let mut notes = Notes { rules: Rules { early, ..Rules::default() }, ..Notes::default() };
        let mut classifier = classifier(None);
        for (content, direction) in [(&query, direction), (&answer, direction.opposite())] {
            if is_asked || content == &answer {
                let sample = Sample::new(FlowKey::V4(key), direction, 5, content);
                classifier.sample(&sample, &mut notes);
            }
        }
        assert_eq!(notes.rules.learned.len(), learned, "port {port}, asked {is_asked}");
        assert!(notes.rules.learned.iter().all(|said| said.name == "x.example"));
    }
}

#[test]
fn a_finding_decides_with_the_packet_that_it_came_with_if_a_rule_asks_for_it() {
    let found = |strict, finding, states: [&'static [u8]; 2]| {
        let mut notes = Notes { rules: Rules { strict, ..Rules::default() }, ..Notes::default() };
        let mut classifier = classifier(None);
        classifier.sample(&packet(1, 5, states[0]), &mut notes);
        let flow = classifier.get_mut(&key(1, 17)).unwrap();
        flow.findings.insert(finding);
        classifier.sample(&packet(1, 5, states[1]), &mut notes);
        notes.decided
    };
    for (content, state) in [(&[0], State::Inspecting), (&[1], State::Partial)] {
        let by_finding = (state, DecidedBy::Finding, Some(Action::Drop), 2);
        assert_eq!(found(true, Finding::Ambiguous, [&[0], content]), [by_finding]);
        assert!(found(true, Finding::Oversize, [&[0], content]).is_empty());
        assert!(found(false, Finding::Ambiguous, [&[0], content]).is_empty());
    }
    let by_content = (State::Classified, DecidedBy::Content, Some(Action::Count), 2);
    assert_eq!(found(true, Finding::Ambiguous, [&[0], &[3]]), [by_content], "nDPI has its word");
}

#[test]
fn an_answer_of_a_dns_server_that_nobody_asked_for_is_found() {
    let [query, answer] = [false, true].map(|answer| testkit::packets::dns(1, "x.example", answer));
    for (is_asked, answers_first) in [(true, false), (false, false), (false, true)] {
        let (key, direction) = KeyV4::new(([198, 18, 0, 1], 40_000), ([198, 18, 0, 2], 53), 0, 17);
        let mut notes = Notes::default();
        let mut classifier = classifier(None);
        let mut send = |content: &[u8], direction| {
            classifier.sample(&Sample::new(FlowKey::V4(key), direction, 5, content), &mut notes);
        };
        match (is_asked, answers_first) {
            (true, _) => send(&query, direction),
            (false, true) => {}
            (false, false) => send(&testkit::packets::dns(2, "y.example", false), direction),
        }
        send(&answer, direction.opposite());
        let flow = classifier.get_mut(&FlowKey::V4(key)).unwrap();
        assert_eq!(flow.findings.contains(Finding::DnsUnsolicited), !is_asked);
        assert!(notes.rules.learned.is_empty());
    }
}
