//! Memory that is short: what is given up.

use std::sync::Arc;

use super::forgotten::{by, data, kept, talk};
use super::*;
use crate::classify::Allowance;
use crate::flow::{DecidedBy, Worth};

/// Flows of each kind.
const EACH: u16 = 3;

/// A classifier whose memory is bounded, with what bounds it.
fn bounded() -> (Classifier<Script>, Arc<Allowance>) {
    let (mut classifier, allowance) = (kept(10_000), Arc::new(Allowance::of(1 << 40)));
    classifier.share_memory(Arc::clone(&allowance));
    (classifier, allowance)
}

/// Has it give up one thing.
fn shed_one(classifier: &mut Classifier<Script>, allowance: &Allowance, sink: &mut Notes) {
    allowance.set(classifier.footprint() - 1);
    classifier.expire(9, 1, sink);
}

#[test]
fn what_says_least_goes_first_and_what_is_blocked_is_the_last_that_is_forgotten() {
    let ((mut classifier, allowance), mut sink) = (bounded(), Notes::default());
    (31..31 + EACH).for_each(|port| talk(&mut classifier, &mut sink, port));
    sink.rules.action = Action::Count;
    (21..21 + EACH).for_each(|port| talk(&mut classifier, &mut sink, port));
    for port in 11..11 + EACH {
        classifier.sample(&data(port, Direction::FromLower, &[0]), &mut sink);
        classifier.sample(&data(port, Direction::FromUpper, &[0]), &mut sink);
    }
    (1..=EACH).for_each(|port| {
        classifier.sample(&data(port, Direction::FromLower, &[0]), &mut sink);
    });
    assert_eq!(sink.displaced, []);

    // Each flow that may pass leaves a note, which goes before the next flow.
    for _ in 0..4 * EACH {
        shed_one(&mut classifier, &allowance, &mut sink);
    }
    let cause = |port: u16| match port {
        1..=3 => Worth::Unanswered,
        11..=13 => Worth::Undecided,
        _ => Worth::Passing,
    };
    let order = [1, 2, 3, 11, 12, 13, 21, 22, 23];
    let expected = order.map(|port| (key(port, 6), Cause::Memory(cause(port))));
    assert_eq!(sink.displaced, expected);
    assert_eq!(allowance.shed(), [3, 3, 3, 3, 0, 0]);
    assert_eq!((classifier.table().len(), classifier.notes().len()), (3, 0));

    // What is blocked leaves a note that brings it back.
    for _ in 0..EACH {
        shed_one(&mut classifier, &allowance, &mut sink);
    }
    assert_eq!((classifier.table().len(), classifier.notes().len()), (0, 3));
    allowance.set(1 << 40);
    classifier.sample(&data(32, Direction::FromUpper, &[0]), &mut sink);
    assert_eq!(by(&classifier, 32), Some(DecidedBy::Note));
    for _ in 0..EACH {
        shed_one(&mut classifier, &allowance, &mut sink);
    }
    assert_eq!(allowance.shed(), [3, 3, 3, 3, 4, 2]);
    assert_eq!((classifier.table().len(), classifier.notes().len()), (0, 1));
}

#[test]
fn a_flood_keeps_to_what_is_allowed_and_costs_no_other_flow() {
    let ((mut classifier, allowance), mut sink) = (bounded(), Notes::default());
    (31..60).for_each(|port| talk(&mut classifier, &mut sink, port));
    let before = classifier.footprint();
    let most = before * 2;
    allowance.set(most);
    for port in 1000..3000 {
        classifier.sample(&data(port, Direction::FromLower, &[0]), &mut sink);
        assert!(classifier.footprint() <= most, "at {port}");
    }
    assert!((31..60).all(|port| by(&classifier, port) == Some(DecidedBy::Content)));
    let [unanswered, others @ ..] = allowance.shed();
    assert!(unanswered > 1900 && others == [0; 5], "{unanswered} {others:?}");
    assert_eq!(sink.displaced[0], (key(1000, 6), Cause::Memory(Worth::Unanswered)));
}

#[test]
fn what_a_flood_has_taken_is_given_back() {
    let ((mut classifier, allowance), mut sink) = (bounded(), Notes::default());
    (31..60).for_each(|port| talk(&mut classifier, &mut sink, port));
    let (taken, before) = (classifier.table().table_bytes(), classifier.footprint());
    for port in 1000..9000 {
        classifier.sample(&data(port, Direction::FromLower, &[0]), &mut sink);
    }
    assert!(classifier.table().table_bytes() > 10 * taken);
    allowance.set(before);
    classifier.expire(9, 10_000, &mut sink);
    allowance.shrink();
    classifier.expire(9, 0, &mut sink);
    assert!(classifier.table().table_bytes() <= taken, "{}", classifier.table().table_bytes());
    assert_eq!(allowance.used(), before);
    assert!((31..60).all(|port| by(&classifier, port).is_some()));
    talk(&mut classifier, &mut sink, 61);
    assert!(by(&classifier, 61).is_some());
}

#[test]
fn without_a_bound_nothing_is_given_up() {
    let (mut classifier, mut sink) = (kept(10_000), Notes::default());
    for port in 1000..5000 {
        classifier.sample(&data(port, Direction::FromLower, &[0]), &mut sink);
    }
    assert_eq!((classifier.table().len(), sink.displaced.len()), (4000, 0));
}
