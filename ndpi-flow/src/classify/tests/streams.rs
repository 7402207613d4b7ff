//! The bytes that are kept for the receivers of flows, until they are given back.

use testkit::tcp::{Connection, Segment};

use super::*;

fn normalising() -> Classifier<Script> {
    let settings = Settings {
        timeouts: Some(Timeouts::default()),
        max_flows: 9,
        accounting: Accounting::Kernel,
        normalise: true,
    };
    Classifier::new(Script, settings)
}

/// Gives the classifier these packets; after the last of them no more is shown, if `is_last`.
fn send(
    classifier: &mut Classifier<Script>,
    notes: &mut Notes,
    segments: &[Segment],
    is_last: bool,
) {
    for (left, segment) in (0..segments.len()).rev().zip(segments) {
        let direction =
            if segment.from_client { Direction::FromLower } else { Direction::FromUpper };
        let (key, l3) = (key(segment.ports[0], 6), segment.l3());
        let last = is_last && left == 0;
        classifier.sample(&Sample { last, ..Sample::new(key, direction, SECOND, &l3) }, notes);
    }
}

/// A connection whose request waits for its end, and one piece of it for what is before.
fn waiting(port: u16) -> [Segment; 4] {
    let to = Connection::new(port, 443);
    [to.syn(), to.syn_ack(), to.data(0, b"GET / HTTP/1.1\r\n"), to.data(500, &[7; 900])]
}

#[test]
fn what_is_kept_for_a_flow_is_given_back_when_it_ends() {
    type End = fn(&mut Classifier<Script>, &mut Notes);
    let ends: [End; 2] = [
        |classifier, notes| classifier.expire_all(SECOND << 20, notes),
        |classifier, notes| classifier.end_all(notes),
    ];
    for end in ends {
        let (mut classifier, mut notes) = (normalising(), Notes::default());
        send(&mut classifier, &mut notes, &waiting(1), false);
        assert!(classifier.kept > 900, "{} bytes are kept", classifier.kept);
        end(&mut classifier, &mut notes);
        assert_eq!(classifier.kept, 0);
    }
}

#[test]
fn what_is_kept_for_a_flow_is_given_back_when_no_more_is_shown() {
    let (mut classifier, mut notes) = (normalising(), Notes::default());
    for port in 1..100 {
        send(&mut classifier, &mut notes, &waiting(port), true);
        assert_eq!(classifier.kept, 0, "port {port}");
    }
    assert_eq!(notes.decided.len(), 99);
}
