//! The bytes that are kept for the receivers of flows, until they are given back.

use ndpi_common::{Known, SideNumbers};
use testkit::tcp::{Connection, Segment};

use super::*;
use crate::normalise::Receiver;

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

/// What the kernel knows of a connection whose handshake it has seen, and of whose client's bytes so many arrived.
pub(super) fn numbers(of: &Connection, arrived: u32) -> SequenceNumbers {
    let side = |initial, acknowledged: u32, known| SideNumbers {
        initial,
        acknowledged: acknowledged.wrapping_add(1),
        known: Known::INITIAL | Known::ACKNOWLEDGED | known,
    };
    SequenceNumbers {
        lower: side(of.client, of.server, Known::CONFIRMED | Known::ANSWERED),
        upper: side(of.server, of.client.wrapping_add(arrived), 0),
    }
}

/// Shows the classifier the first bytes of a connection's client, and nothing else of it.
pub(super) fn show<D: Detector>(
    classifier: &mut Classifier<D>,
    sink: &mut impl Sink<D::Flow>,
    of: &Connection,
) {
    let l3 = of.data(0, b"hello").l3();
    let sample = Sample {
        sequence: numbers(of, 0),
        tcp_flags: tcp::ACK,
        ..Sample::new(key(1, 6), Direction::FromLower, SECOND, &l3)
    };
    classifier.sample(&sample, sink);
}

#[test]
fn what_the_kernel_has_seen_arrive_is_not_waited_for() {
    let of = Connection::new(1, 443);
    for (arrived, kept) in [(Some(5), false), (Some(0), true), (None, true)] {
        let (mut classifier, mut notes) = (normalising(), Notes::default());
        notes.kernel.numbers = arrived.map(|arrived| numbers(&of, arrived));
        show(&mut classifier, &mut notes, &of);
        let flow = classifier.get_mut(&key(1, 6)).unwrap();
        let waits = flow.receiver.as_ref().is_some_and(Receiver::awaits_acknowledgement);
        assert_eq!(waits, kept, "{arrived:?}");
    }
}

#[test]
fn what_arrived_of_another_connection_is_no_answer() {
    let (of, other) = (Connection::new(1, 443), other());
    let (mut classifier, mut notes) = (normalising(), Notes::default());
    notes.kernel.numbers = Some(numbers(&other, 5));
    show(&mut classifier, &mut notes, &of);
    let flow = classifier.get_mut(&key(1, 6)).unwrap();
    assert!(flow.receiver.as_ref().is_some_and(Receiver::awaits_acknowledgement));
}

/// A later connection on the same ports.
fn other() -> Connection {
    let of = Connection::new(1, 443);
    Connection { client: of.client.wrapping_add(7000), server: of.server.wrapping_add(9), ..of }
}

#[test]
fn a_connection_of_which_only_its_data_comes_is_not_taken_for_the_one_before() {
    let (mut classifier, mut notes) = (normalising(), Notes::default());
    show(&mut classifier, &mut notes, &Connection::new(1, 443));
    show(&mut classifier, &mut notes, &Connection::new(1, 443));
    assert!(notes.finished.is_empty(), "its own packets");
    show(&mut classifier, &mut notes, &other());
    let ended: Vec<_> = notes.finished[&key(1, 6)].iter().map(|(_, end)| *end).collect();
    assert_eq!(ended, [End::Reused]);
}
