//! Connections before whose SYN something was sent that no receiver reads.

use testkit::tcp::{Connection, Segment};

use super::*;

/// A kernel in which verdicts stand since a time, nanoseconds since the Unix epoch.
struct Since(u64);

/// The flows that ended, and how many were decided.
struct Ends {
    rules: Rules,
    kernel: Since,
    decided: usize,
    ended: Vec<End>,
}

impl Enforcement<Classification> for Since {
    fn is_over(&mut self, sample: &Sample) -> bool {
        self.0 <= sample.time_ns
    }
}

impl Sink<Classification> for Ends {
    fn rules(&mut self) -> &mut impl Judge<Classification> {
        &mut self.rules
    }

    fn enforcement(&mut self) -> &mut impl Enforcement<Classification> {
        &mut self.kernel
    }

    fn decided(&mut self, _flow: &mut FlowEntry<Classification>, _sample: &Sample) {
        self.decided += 1;
    }

    fn finished(&mut self, _flow: FlowEntry<Classification>, end: End) {
        self.ended.push(end);
    }
}

/// How flows end where these segments come, with their times in seconds, of which verdicts stand since the tenth.
fn ends(segments: &[(u64, Segment)]) -> (usize, Vec<End>) {
    let settings = Settings {
        timeouts: Some(Timeouts::default()),
        max_flows: 9,
        accounting: Accounting::Kernel,
        normalise: false,
    };
    let mut classifier = Classifier::new(Classified, settings);
    let rules = Rules { action: Action::Count, early: false };
    let mut ends = Ends { rules, kernel: Since(10 * SECOND), decided: 0, ended: Vec::new() };
    for (seconds, segment) in segments {
        let direction =
            if segment.from_client { Direction::FromLower } else { Direction::FromUpper };
        let l3 = segment.l3();
        let sample = Sample::new(key(1, 6), direction, seconds * SECOND, &l3);
        classifier.sample(&Sample { tcp_flags: segment.flags, ..sample }, &mut ends);
    }
    (ends.decided, ends.ended)
}

/// Knows all of a flow by its first packet.
struct Classified;

impl Detector for Classified {
    type Flow = Classification;

    fn open(&self) -> Classification {
        Classification::default()
    }

    fn inspect(&self, flow: &mut Classification, _l3: &[u8], _time_ms: u64) -> Classification {
        flow.state = State::Classified;
        *flow
    }

    fn classification(&self, flow: &Classification) -> Classification {
        *flow
    }

    fn give_up(&self, flow: &mut Classification) -> Classification {
        *flow
    }

    fn rule_texts<'f>(&self, _flow: &'f Classification) -> RuleTexts<'f> {
        RuleTexts::new(None, None, None)
    }

    fn details(&self, _flow: &Classification) -> Details {
        Details::new("", "", "")
    }
}

#[test]
fn what_came_before_a_syn_decides_nothing_of_its_connection() {
    let to = Connection::new(1, 443);
    let before = (1, to.data(0, b"no connection yet"));
    // It was on its way when the verdict was written.
    assert_eq!(ends(&[before.clone(), (2, to.syn())]), (2, vec![End::Reused]));
    // Of one that meets a verdict, the kernel says by itself what it does to that.
    assert_eq!(ends(&[before, (11, to.syn())]), (1, vec![]));
    assert_eq!(ends(&[(1, to.syn()), (2, to.syn())]), (1, vec![]), "the same SYN again");
}
