//! Flows whose budget is used up before their client has said its first message.

use ndpi_labels::{Finding, Findings};
use testkit::tcp::{Connection, Segment};

use super::*;

/// A kernel that shows more of each flow, or of none.
struct Generous {
    extends: bool,
    extended: usize,
}

/// What was decided, and what had been found by then.
struct Found {
    rules: Rules,
    kernel: Generous,
    decided: Vec<Findings>,
}

impl Enforcement<Classification> for Generous {
    fn extend(&mut self, flow: &mut FlowEntry<Classification>) -> bool {
        self.extended += 1;
        if self.extends {
            flow.extended = Some(Box::default());
        }
        self.extends
    }
}

impl Sink<Classification> for Found {
    fn rules(&mut self) -> &mut impl Judge<Classification> {
        &mut self.rules
    }

    fn enforcement(&mut self) -> &mut impl Enforcement<Classification> {
        &mut self.kernel
    }

    fn decided(&mut self, flow: &mut FlowEntry<Classification>, _sample: &Sample) {
        self.decided.push(flow.findings);
    }

    fn finished(&mut self, _flow: FlowEntry<Classification>, _end: End) {}
}

/// A classifier, and whoever is told what it decides, where the kernel shows more of flows or does not.
fn scene(extends: bool) -> (Classifier<Script>, Found) {
    let settings = Settings {
        timeouts: Some(Timeouts::default()),
        max_flows: 9,
        accounting: Accounting::Kernel,
        normalise: true,
    };
    let rules = Rules { action: Action::Count, early: false };
    let kernel = Generous { extends, extended: 0 };
    (Classifier::new(Script, settings), Found { rules, kernel, decided: Vec::new() })
}

/// Gives the classifier a packet as the `number`th of a budget of 32; one that meets a verdict has none.
fn send(classifier: &mut Classifier<Script>, found: &mut Found, segment: &Segment, number: u32) {
    let direction = if segment.from_client { Direction::FromLower } else { Direction::FromUpper };
    let (key, l3) = (key(segment.ports[0], 6), segment.l3());
    let sample = Sample::new(key, direction, SECOND, &l3);
    classifier.sample(&Sample { scarce: number >= 24, last: number >= 32, ..sample }, found);
}

/// The handshake, and the request of a client in pieces of one byte.
fn in_pieces(request: &str) -> Vec<Segment> {
    let to = Connection::new(1, 80);
    let piece = |(at, byte)| to.data(i32::try_from(at).unwrap(), &[byte]);
    let opening = [to.syn(), to.syn_ack()];
    opening.into_iter().chain(request.bytes().enumerate().map(piece)).collect()
}

#[test]
fn more_is_shown_of_a_flow_until_its_client_has_said_what_it_asks_for() {
    let (mut classifier, mut found) = scene(true);
    let pieces = in_pieces("GET / HTTP/1.1\r\nHost: www.example.org\r\n\r\n");
    for (number, piece) in (1..).zip(&pieces) {
        assert!(found.decided.is_empty(), "before piece {number}");
        // What meets the kernel's leave to show more has no number.
        send(&mut classifier, &mut found, piece, if number > 32 { 0 } else { number });
    }
    assert_eq!((found.kernel.extended, found.decided), (1, vec![Findings::NONE]));
}

#[test]
fn what_is_not_whole_in_the_end_is_found() {
    for extends in [true, false] {
        let (mut classifier, mut found) = scene(extends);
        let pieces = in_pieces(&format!("GET / HTTP/1.1\r\nX: {}", "x".repeat(100)));
        for (number, piece) in (1..=32).zip(&pieces) {
            send(&mut classifier, &mut found, piece, number);
        }
        if extends {
            assert!(found.decided.is_empty());
            let (key, l3) = (key(1, 6), pieces[40].l3());
            let last = Sample { last: true, ..Sample::new(key, Direction::FromLower, SECOND, &l3) };
            classifier.sample(&last, &mut found);
        }
        assert!(found.decided[0].contains(Finding::BudgetPadding), "{extends}");
    }
}

#[test]
fn of_a_flow_whose_client_has_said_it_no_more_is_shown() {
    let (mut classifier, mut found) = scene(true);
    let to = Connection::new(1, 80);
    let request = to.data(0, b"GET / HTTP/1.1\r\nHost: www.example.org\r\n\r\n");
    let packets = [to.syn(), to.syn_ack(), request];
    for (number, packet) in (30..).zip(&packets) {
        send(&mut classifier, &mut found, packet, number);
    }
    assert_eq!((found.kernel.extended, found.decided.len()), (0, 1));
    assert_eq!(found.decided[0], Findings::NONE);
}
