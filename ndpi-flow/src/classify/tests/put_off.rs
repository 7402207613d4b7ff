//! Samples that wait for what a detector says later: each flow is taken as if it had said so at once.

use std::cell::Cell;
use std::collections::BTreeMap;

use proptest::prelude::*;
use testkit::tcp::Connection;

use super::streams::{numbers, show};
use super::*;
use crate::classify::Packet;
use crate::normalise::{Receiver, initials};

/// Says what [`Script`] says, when it is heard.
#[derive(Default)]
struct Later {
    /// How often it was heard while something waited.
    heard: Cell<usize>,
}

/// What is known of a flow, and the packets that were shown since.
#[derive(Default)]
struct Shown(Classification, Vec<Vec<u8>>);

impl Detector for Later {
    type Flow = Shown;

    fn open(&self) -> Shown {
        Shown::default()
    }

    fn inspect(&self, flow: &mut Shown, l3: &[u8], time_ms: u64) -> Classification {
        self.show(flow, Packet { l3, time_ms });
        self.hear(flow)
    }

    fn show(&self, flow: &mut Shown, packet: Packet<'_>) -> Option<Classification> {
        flow.1.push(packet.l3.to_vec());
        None
    }

    fn asks_later(&self) -> bool {
        true
    }

    fn hear(&self, flow: &mut Shown) -> Classification {
        self.heard.set(self.heard.get() + usize::from(!flow.1.is_empty()));
        for l3 in flow.1.drain(..) {
            Script.inspect(&mut flow.0, &l3, 0);
        }
        flow.0
    }

    fn classification(&self, flow: &Shown) -> Classification {
        flow.0
    }

    fn give_up(&self, flow: &mut Shown) -> Classification {
        self.hear(flow);
        Script.give_up(&mut flow.0)
    }

    fn rule_texts<'f>(&self, _flow: &'f Shown) -> RuleTexts<'f> {
        RuleTexts::new(None, None, None)
    }

    fn details(&self, _flow: &Shown) -> Details {
        Details::default()
    }
}

/// What happened to flows, in the order of each.
#[derive(Default)]
struct Log {
    flows: BTreeMap<FlowKey, Vec<String>>,
    rules: AllPass,
    passed: Passed,
    /// Samples that were put off, and went on.
    put_off: u64,
    resumed: u64,
}

#[derive(Default)]
struct AllPass {
    judges_first_packet: bool,
}

/// Packets that passed by flow, what the kernel has seen by now of the sequence numbers of all, and how often it was asked.
#[derive(Default)]
struct Passed(BTreeMap<FlowKey, usize>, Option<SequenceNumbers>, usize);

impl<F> Judge<F> for AllPass {
    fn judge(
        &mut self,
        _flow: &FlowEntry<F>,
        _said: &Classification,
        _texts: &RuleTexts<'_>,
        moment: Moment,
    ) -> Option<Verdict> {
        (moment == Moment::Final).then_some(Verdict { action: Action::Count, rule: None })
    }

    fn judges_first_packet(&self) -> bool {
        self.judges_first_packet
    }
}

impl<F> Enforcement<F> for Passed {
    fn passed(&mut self, flow: &mut FlowEntry<F>, _sample: &Sample) {
        *self.0.entry(flow.key).or_default() += 1;
    }

    fn numbers(&mut self, _flow: &FlowKey) -> Option<SequenceNumbers> {
        self.2 += 1;
        self.1
    }
}

impl Log {
    fn note<F>(&mut self, flow: &FlowEntry<F>, what: &str) {
        let passed = self.passed.0.get(&flow.key);
        let FlowEntry { inspected, partial_at, packets_before, .. } = flow;
        let packets = flow.packets();
        let text = format!(
            "{what}: {inspected} {partial_at} {packets_before} {packets} {passed:?} {:?}",
            flow.decided().map(|decided| decided.classification.state)
        );
        self.flows.entry(flow.key).or_default().push(text);
    }
}

impl<F> Sink<F> for Log {
    fn rules(&mut self) -> &mut impl Judge<F> {
        &mut self.rules
    }

    fn enforcement(&mut self) -> &mut impl Enforcement<F> {
        &mut self.passed
    }

    fn puts_off(&mut self) -> Option<Taken> {
        self.put_off += 1;
        Some(Taken { read_ns: self.put_off, begun_ns: 6 + self.put_off })
    }

    fn resumes(&mut self, taken: Option<Taken>) {
        assert!(taken.is_some_and(|taken| taken.read_ns <= self.put_off));
        self.resumed += 1;
    }

    fn decided(&mut self, flow: &mut FlowEntry<F>, _sample: &Sample) {
        self.note(flow, "decided");
    }

    fn finished(&mut self, flow: FlowEntry<F>, end: End) {
        self.note(&flow, &format!("{end:?}"));
    }
}

fn of<D: Detector>(detector: D, max_flows: usize) -> Classifier<D> {
    let accounting = Accounting::Kernel;
    let timeouts = Some(Timeouts::default());
    Classifier::new(detector, Settings { timeouts, max_flows, accounting, normalise: false })
}

fn normalising<D: Detector>(detector: D) -> Classifier<D> {
    let mut classifier = of(detector, 100);
    classifier.settings.normalise = true;
    classifier
}

/// What a step of a test does.
#[derive(Clone, Debug)]
enum Step {
    /// A packet of the flow with that port.
    Packet(u16, u8),
    CatchUp,
    End(u16),
    Expire,
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let step = prop_oneof![
        12 => (1..5_u16, prop_oneof![4 => Just(0_u8), 1 => Just(1), 2 => Just(2)])
            .prop_map(|(port, content)| Step::Packet(port, content)),
        2 => Just(Step::CatchUp),
        1 => (1..5_u16).prop_map(Step::End),
        1 => Just(Step::Expire),
    ];
    proptest::collection::vec(step, 0..200)
}

fn run<D: Detector>(classifier: &mut Classifier<D>, steps: &[Step], first_packet: bool) -> Log {
    let mut log = Log::default();
    log.rules.judges_first_packet = first_packet;
    for step in steps {
        match *step {
            Step::Packet(port, content) => {
                let content: &'static [u8] = match content {
                    0 => &[0],
                    1 => &[1],
                    _ => &[2],
                };
                classifier.sample(&packet(port, 5, content), &mut log);
            }
            Step::CatchUp => classifier.catch_up(&mut log),
            // Whoever says that a flow is over has caught up before.
            Step::End(port) => {
                classifier.catch_up(&mut log);
                classifier.end(&key(port, 17), End::Closed, &mut log);
            }
            Step::Expire => classifier.expire(6 * SECOND, 4, &mut log),
        }
    }
    classifier.end_all(&mut log);
    log
}

proptest! {
    #[test]
    fn each_flow_fares_as_if_nothing_was_put_off(steps in steps(), first_packet in any::<bool>()) {
        let at_once = run(&mut of(Script, 100), &steps, first_packet);
        let later = run(&mut of(Later::default(), 100), &steps, first_packet);
        prop_assert_eq!(&at_once.flows, &later.flows);
        prop_assert_eq!(at_once.put_off, 0);
        prop_assert_eq!(later.put_off, later.resumed);
    }

    #[test]
    fn no_packet_is_lost_where_flows_have_to_go(steps in steps()) {
        let packets = steps.iter().filter(|step| matches!(step, Step::Packet(..))).count();
        let mut classifier = of(Later::default(), 2);
        let log = run(&mut classifier, &steps, false);
        // Of a decided flow, the kernel counts.
        let counted: u64 = log.flows.values().flatten().filter(|it| !it.starts_with("decided"))
            .map(|it| it.split(' ').nth(4).unwrap().parse::<u64>().unwrap())
            .sum();
        let passed: usize = log.passed.0.values().sum();
        prop_assert_eq!(counted + passed as u64, packets as u64);
        prop_assert!(classifier.put_off.is_empty() && classifier.table.is_empty());
    }
}

#[test]
fn flows_are_asked_about_together_and_later_packets_wait() {
    let (mut classifier, mut log) = (of(Later::default(), 100), Log::default());
    for content in [&[0_u8][..], &[2], &[0]] {
        for port in 1..=4 {
            classifier.sample(&packet(port, 5, content), &mut log);
        }
    }
    assert_eq!((classifier.detector.heard.get(), log.flows.len(), log.put_off), (0, 0, 12));
    assert_eq!(classifier.put_off_since(), Some(7));
    classifier.catch_up(&mut log);
    assert_eq!(classifier.put_off_since(), None);
    // The last packet of each flow was put off again behind the second.
    assert_eq!((classifier.detector.heard.get(), log.resumed), (8, log.put_off));
    assert!(log.flows.values().all(|it| it == &["decided: 2 0 2 2 None Some(Classified)"]));
    assert_eq!(log.passed.0.values().collect::<Vec<_>>(), [&1; 4]);
}

#[test]
fn so_many_wait_at_most() {
    let (mut classifier, mut log) = (of(Later::default(), 100), Log::default());
    for port in 1..64 {
        classifier.sample(&packet(port, 5, &[2]), &mut log);
    }
    assert_eq!(log.resumed, 0);
    classifier.sample(&packet(64, 5, &[2]), &mut log);
    assert_eq!((log.flows.len(), log.resumed), (64, 64));
}

#[test]
fn what_a_dns_answer_says_is_known_to_the_next_flow() {
    let (mut classifier, mut log) = (of(Later::default(), 100), Log::default());
    log.rules.judges_first_packet = true;
    classifier.sample(&packet(1, 5, &[2]), &mut log);
    assert_eq!((log.flows.len(), log.resumed), (1, 1));
}

#[test]
fn an_acknowledgement_is_looked_for_among_the_next_samples_and_else_the_kernel_is_asked() {
    let connection = Connection::new(1, 443);
    // What the next sample says has arrived, what the kernel does, whether that is asked, and whether it waits still.
    let cases = [
        (Some(5), None, false, false),
        (Some(0), Some(5), true, false),
        (None, Some(5), true, false),
        (None, None, true, true),
    ];
    for (next, by_now, asks, waits) in cases {
        let (mut classifier, mut log) = (normalising(Later::default()), Log::default());
        log.passed.1 = by_now.map(|arrived| numbers(&connection, arrived));
        show(&mut classifier, &mut log, &connection);
        if let Some(arrived) = next {
            let l3 = connection.answer(5, b"").l3();
            let sequence = numbers(&connection, arrived);
            let direction = Direction::FromUpper;
            let ack = Sample::new(key(1, 6), direction, SECOND, &l3);
            classifier.sample(&Sample { sequence, tcp_flags: tcp::ACK, ..ack }, &mut log);
        }
        assert_eq!((log.passed.2, log.put_off > 0), (0, true));
        classifier.catch_up(&mut log);
        let flow = classifier.get_mut(&key(1, 6)).unwrap();
        let still = flow.receiver.as_ref().is_some_and(Receiver::awaits_acknowledgement);
        assert_eq!((log.passed.2 > 0, still), (asks, waits), "{next:?} {by_now:?}");
    }
}

#[test]
fn that_a_connection_is_blocked_is_known_to_the_next_packet_of_any_flow() {
    let (mut classifier, mut log) = (normalising(Later::default()), Log::default());
    classifier.sample(&packet(9, 1, &[2]), &mut log);
    let [opening, answer] = initials();
    for (direction, payload) in [(Direction::FromLower, opening), (Direction::FromUpper, answer)] {
        assert_eq!((log.flows.len(), log.resumed), (0, 0), "nDPI was shown nothing of it yet");
        let is_back = direction == Direction::FromUpper;
        let ports = if is_back { [443, 1] } else { [1, 443] };
        let l3 = testkit::packets::udp(ports, is_back, &payload);
        classifier.sample(&Sample::new(key(1, 17), direction, SECOND, &l3), &mut log);
    }
    assert_eq!((classifier.put_off_since(), log.resumed), (None, 2));
    assert_eq!(classifier.detector.heard.get(), 2);
}
