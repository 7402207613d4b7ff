use std::cell::Cell;

use super::*;

/// As the script, with rules that are asked at each packet; counts how often texts are copied.
#[derive(Default)]
struct Copies(Cell<usize>);

impl Detector for &Copies {
    type Flow = Classification;

    fn open(&self) -> Classification {
        Script.open()
    }

    fn inspect(&self, flow: &mut Classification, l3: &[u8], time_ms: u64) -> Classification {
        Script.inspect(flow, l3, time_ms)
    }

    fn classification(&self, flow: &Classification) -> Classification {
        Script.classification(flow)
    }

    fn give_up(&self, flow: &mut Classification) -> Classification {
        Script.give_up(flow)
    }

    fn rule_texts<'f>(&self, flow: &'f Classification) -> RuleTexts<'f> {
        Script.rule_texts(flow)
    }

    fn details(&self, flow: &Classification) -> Details {
        self.0.set(self.0.get() + 1);
        Script.details(flow)
    }
}

/// Wants to see everything early, and waits.
struct Patient;

impl Judge<Classification> for Patient {
    fn judge(
        &mut self,
        _flow: &FlowEntry<Classification>,
        _classification: &Classification,
        texts: &RuleTexts<'_>,
        moment: Moment,
    ) -> Option<Verdict> {
        assert_eq!(texts.hostname(), Some("www.example.org"));
        (moment == Moment::Final).then_some(Verdict { action: Action::Drop, rule: None })
    }

    fn judges_partial(&self) -> bool {
        true
    }
}

struct Waits(Patient);

impl Sink<Classification> for Waits {
    fn rules(&mut self) -> &mut impl Judge<Classification> {
        &mut self.0
    }

    fn decided(&mut self, _flow: &mut FlowEntry<Classification>, _sample: &Sample) {}

    fn finished(&mut self, _flow: FlowEntry<Classification>, _end: End) {}
}

#[test]
fn texts_are_copied_when_a_flow_is_decided_and_not_before() {
    let copies = Copies::default();
    let settings = Settings {
        timeouts: None,
        max_flows: 10,
        accounting: Accounting::Classifier,
        normalise: false,
    };
    let mut classifier = Classifier::new(&copies, settings);
    for (content, copied) in [(&[1_u8][..], 0), (&[0], 0), (&[0], 0), (&[2], 1), (&[0], 1)] {
        classifier.sample(&packet(1, 5, content), &mut Waits(Patient));
        assert_eq!(copies.0.get(), copied);
    }
}
