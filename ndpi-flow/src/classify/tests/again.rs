//! Flows whose start was not seen, and that are looked at again.

use testkit::tcp::Connection;

use super::*;

/// Finds what carries applications, and never a name.
struct Carrier;

impl Detector for Carrier {
    type Flow = Classification;

    fn open(&self) -> Classification {
        Classification::default()
    }

    fn inspect(&self, flow: &mut Classification, l3: &[u8], _time_ms: u64) -> Classification {
        flow.app = AppId { master: 0, app: 91 };
        let is_header = l3.first() == Some(&0x45) && l3.len() <= 40;
        flow.state = if is_header { State::Inspecting } else { State::Classified };
        *flow
    }

    fn classification(&self, flow: &Classification) -> Classification {
        *flow
    }

    fn give_up(&self, flow: &mut Classification) -> Classification {
        *flow
    }

    fn rule_texts<'f>(&self, _flow: &'f Classification) -> RuleTexts<'f> {
        RuleTexts::default()
    }

    fn details(&self, _flow: &Classification) -> Details {
        Details::default()
    }
}

/// What passed of a flow before a look.
const PASSED: (u64, u64) = (5, 500);

/// Lets everything pass, by the only rule of the policy with this number.
#[derive(Default)]
struct Policy(u16);

impl Policy {
    fn verdict(&self) -> Verdict {
        Verdict { action: Action::Count, rule: Some(self.0) }
    }
}

/// Counts looks that have ended without a finding.
#[derive(Default)]
struct Looks {
    unchanged: usize,
}

#[derive(Default)]
struct Passing {
    policy: Policy,
    looks: Looks,
    /// The flow that ended last was incomplete.
    incomplete: bool,
    /// Verdicts, and what an earlier policy let through.
    finished: Vec<(Option<Verdict>, (u64, u64))>,
}

impl Judge<Classification> for Policy {
    fn judge(
        &mut self,
        _flow: &FlowEntry<Classification>,
        _classification: &Classification,
        _texts: &RuleTexts<'_>,
        _moment: Moment,
    ) -> Option<Verdict> {
        Some(self.verdict())
    }
}

impl Enforcement<Classification> for Looks {
    fn suspend(&mut self, flow: &mut FlowEntry<Classification>) -> bool {
        flow.looks.passed = PASSED;
        true
    }

    fn resume(&mut self, _flow: &mut FlowEntry<Classification>) {
        self.unchanged += 1;
    }
}

impl Sink<Classification> for Passing {
    fn rules(&mut self) -> &mut impl Judge<Classification> {
        &mut self.policy
    }

    fn enforcement(&mut self) -> &mut impl Enforcement<Classification> {
        &mut self.looks
    }

    fn decided(&mut self, _flow: &mut FlowEntry<Classification>, _sample: &Sample) {}

    fn finished(&mut self, flow: FlowEntry<Classification>, _end: End) {
        self.incomplete = flow.is_incomplete();
        self.finished.push((flow.decided().and_then(|decided| decided.verdict), flow.allowed));
    }
}

/// A packet of the only flow, before which something was lost.
fn after_loss(seconds: u64) -> Sample<'static> {
    Sample { loss: true, ..packet(1, seconds, &[2]) }
}

/// A kernel's classifier, which reads streams as their receivers do if it is to `normalise`.
fn of_a_kernel(normalise: bool) -> Classifier<Carrier> {
    let timeouts = Some(Timeouts::default());
    let settings = Settings { timeouts, max_flows: 9, normalise, accounting: Accounting::Kernel };
    Classifier::new(Carrier, settings)
}

/// A kernel's classifier with a flow that was decided after a loss, and that nDPI looks at again since
/// one second after.
fn looking(sink: &mut Passing) -> Classifier<Carrier> {
    let mut classifier = of_a_kernel(false);
    classifier.sample(&after_loss(0), sink);
    assert!(!is_looking(&classifier));
    classifier.look_again(SECOND, sink);
    assert!(is_looking(&classifier));
    classifier
}

fn is_looking(classifier: &Classifier<Carrier>) -> bool {
    classifier.table().look_up(&key(1, 17)).is_some_and(|flow| flow.decided().is_none())
}

#[test]
fn a_look_that_a_packet_has_ended_cuts_no_later_one_short() {
    let mut sink = Passing::default();
    let mut classifier = looking(&mut sink);
    classifier.sample(&after_loss(2), &mut sink);
    assert_eq!((sink.looks.unchanged, is_looking(&classifier)), (1, false));
    classifier.look_again(10 * SECOND, &mut sink);
    // The time of the first look would be over.
    classifier.look_again(11 * SECOND, &mut sink);
    assert_eq!((sink.looks.unchanged, is_looking(&classifier)), (1, true));
    classifier.look_again(20 * SECOND, &mut sink);
    assert_eq!((sink.looks.unchanged, is_looking(&classifier)), (2, false));
}

#[test]
fn a_flow_that_ends_while_it_is_looked_at_has_the_verdict_of_the_policy_in_force() {
    for (policy, allowed) in [(0, (0, 0)), (1, PASSED)] {
        let mut sink = Passing::default();
        let mut classifier = looking(&mut sink);
        sink.policy = Policy(policy);
        classifier.judge_again(&mut sink);
        classifier.end(&key(1, 17), End::Idle, &mut sink);
        assert_eq!(sink.finished, [(Some(sink.policy.verdict()), allowed)]);
    }
}

#[test]
fn looks_come_though_the_clock_is_set_back() {
    const SET_BACK: u64 = 1000;
    let mut sink = Passing::default();
    let mut classifier = of_a_kernel(false);
    classifier.sample(&after_loss(SET_BACK), &mut sink);
    classifier.look_again(SECOND, &mut sink);
    assert!(is_looking(&classifier));
    classifier.look_again(10 * SECOND, &mut sink);
    assert!(is_looking(&classifier), "its time is not over");
    classifier.look_again(11 * SECOND, &mut sink);
    assert_eq!((sink.looks.unchanged, is_looking(&classifier)), (1, false));
}

/// What a client says first, in a packet of which some bytes are not there.
fn cut(bytes: &[u8], missing: u32) -> bool {
    let mut sink = Passing::default();
    let mut classifier = of_a_kernel(true);
    let to = Connection::new(1, 80);
    for (segment, missing) in [(to.syn(), 0), (to.syn_ack(), 0), (to.data(0, bytes), missing)] {
        let direction =
            if segment.from_client { Direction::FromLower } else { Direction::FromUpper };
        let l3 = segment.l3();
        let sample = Sample::new(key(1, 6), direction, SECOND, &l3);
        let (bytes, cut) = (sample.bytes + missing, missing > 0);
        classifier.sample(&Sample { bytes, cut, ..sample }, &mut sink);
    }
    classifier.end(&key(1, 6), End::Idle, &mut sink);
    sink.incomplete
}

#[test]
fn a_flow_whose_first_message_is_cut_is_incomplete() {
    let head = b"GET / HTTP/1.1\r\nX: y\r\n";
    assert!(cut(head, 9));
    assert!(!cut(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n", 9), "what is missing is behind it");
    assert!(!cut(b"HTTP/1.1 200 OK\r\n", 9) && !cut(head, 0));
    assert!(cut(&testkit::tls::hello("www.example.org")[..50], 9));
}
