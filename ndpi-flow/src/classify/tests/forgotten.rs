//! Flows that had to go, and what is known of them still.

use testkit::frame::segment;

use super::*;
use crate::flow::{DecidedBy, Shares};

/// A kernel's classifier with room for so many flows.
pub(super) fn kept(max_flows: usize) -> Classifier<Script> {
    kept_with(max_flows, &Shares::default())
}

fn kept_with(max_flows: usize, shares: &Shares) -> Classifier<Script> {
    let settings = Settings {
        timeouts: Some(Timeouts::default()),
        max_flows,
        accounting: Accounting::Kernel,
        normalise: false,
    };
    Classifier::with_shares(Script, settings, shares, max_flows)
}

/// A TCP packet of a port's flow that nDPI finds something in if `content` starts with 2. What goes one way
/// comes in, what goes the other way goes out.
pub(super) fn data(port: u16, direction: Direction, content: &'static [u8]) -> Sample<'static> {
    let key = key(port, 6);
    let ingress = direction == Direction::FromLower;
    Sample { key, direction, tcp_flags: tcp::ACK, ingress, ..packet(port, 9, content) }
}

/// A flow of a port that both sides talk on, and that is decided.
pub(super) fn talk(classifier: &mut Classifier<Script>, sink: &mut Notes, port: u16) {
    classifier.sample(&data(port, Direction::FromLower, &[0]), sink);
    classifier.sample(&data(port, Direction::FromUpper, &[2]), sink);
}

/// What the flow of a port was decided by, if it is known.
pub(super) fn by(classifier: &Classifier<Script>, port: u16) -> Option<DecidedBy> {
    let flow = classifier.table().look_up(&key(port, 6))?;
    flow.decided().map(|decided| decided.by)
}

#[test]
fn a_blocked_flow_makes_room_and_its_next_packet_brings_it_back() {
    let (mut classifier, mut notes) = (kept(4), Notes::default());
    (1..=5).for_each(|port| talk(&mut classifier, &mut notes, port));
    assert_eq!(notes.finished[&key(1, 6)][0].1, End::Evicted);
    assert_eq!((classifier.table().len(), classifier.notes().len()), (4, 1));
    classifier.sample(&data(1, Direction::FromUpper, &[0]), &mut notes);
    assert_eq!(by(&classifier, 1), Some(DecidedBy::Note));
    assert_eq!(notes.decided.last(), Some(&(key(1, 6), 0)), "nDPI has seen nothing of it");
    assert!(!classifier.notes().has(&key(1, 6)));
}

#[test]
fn what_nobody_answers_never_displaces_what_was_answered() {
    let (mut classifier, mut notes) = (kept(8), Notes::default());
    (1..=6).for_each(|port| talk(&mut classifier, &mut notes, port));
    for port in 100..200 {
        classifier.sample(&data(port, Direction::FromLower, &[2]), &mut notes);
    }
    assert!((1..=6).all(|port| by(&classifier, port).is_some()));
    assert_eq!(classifier.table().len(), 8);
}

#[test]
fn who_answers_himself_displaces_only_his_like() {
    let (mut classifier, mut notes) = (kept(8), Notes::default());
    (1..=6).for_each(|port| talk(&mut classifier, &mut notes, port));
    let forged = |port, direction, tcp_flags| Sample {
        tcp_flags,
        ingress: true,
        ..data(port, direction, &[2])
    };
    for port in 100..200 {
        // With a SYN of its own before, without one, and where the kernel has seen more of it.
        if port % 2 == 0 {
            let syn = Sample { empty: true, ..forged(port, Direction::FromLower, tcp::SYN) };
            classifier.sample(&Sample { l3: &[0], ..syn }, &mut notes);
        }
        let answer = forged(port, Direction::FromUpper, tcp::SYN | tcp::ACK);
        classifier.sample(&answer, &mut notes);
        classifier.is_active(&answer.key, [port % 2 == 0, true]);
    }
    assert!((1..=6).all(|port| by(&classifier, port).is_some()));
    assert_eq!(classifier.table().len(), 8);
}

#[test]
fn a_client_beyond_its_share_loses_its_own_oldest() {
    let shares = Shares { undecided: 1, blocked: 2, ..Shares::default() };
    let (mut classifier, mut notes) = (kept_with(99, &shares), Notes::default());
    (1..=3).for_each(|port| talk(&mut classifier, &mut notes, port));
    assert_eq!((by(&classifier, 1), by(&classifier, 2)), (None, Some(DecidedBy::Content)));
    for port in 4..6 {
        classifier.sample(&data(port, Direction::FromLower, &[0]), &mut notes);
    }
    assert!(notes.finished.contains_key(&key(4, 6)) && !notes.finished.contains_key(&key(5, 6)));
    notes.rules.action = Action::Count;
    (7..40).for_each(|port| talk(&mut classifier, &mut notes, port));
    assert!((7..40).all(|port| by(&classifier, port).is_some()), "what may pass is no burden");
}

#[test]
fn a_policy_that_came_since_judges_what_comes_back() {
    let (mut classifier, mut notes) = (kept(4), Notes::default());
    (1..=5).for_each(|port| talk(&mut classifier, &mut notes, port));
    notes.rules.action = Action::Count;
    classifier.judge_again(&mut notes);
    classifier.sample(&data(1, Direction::FromUpper, &[0]), &mut notes);
    let flow = classifier.table().look_up(&key(1, 6)).unwrap();
    let verdict = flow.decided().and_then(|decided| decided.verdict);
    assert_eq!(verdict.map(|verdict| verdict.action), Some(Action::Count));
}

#[test]
fn a_flow_that_has_to_go_for_a_new_policys_sake_is_judged_by_that_policy() {
    let shares = Shares { blocked: 2, ..Shares::default() };
    let (mut classifier, mut notes) = (kept_with(9, &shares), Notes::default());
    notes.rules.action = Action::Count;
    talk(&mut classifier, &mut notes, 1);
    notes.rules.action = Action::Drop;
    (2..=3).for_each(|port| talk(&mut classifier, &mut notes, port));
    // The first flow is blocked from now on, and one that was blocked goes for it.
    classifier.judge_again(&mut notes);
    assert_eq!(by(&classifier, 2), None);
    assert!(notes.judged_again.iter().any(|(judged, _)| *judged == key(2, 6)));
}

#[test]
fn a_blocked_flow_that_was_silent_is_remembered_and_one_that_may_pass_is_not() {
    let (mut classifier, mut notes) = (kept(9), Notes::default());
    talk(&mut classifier, &mut notes, 1);
    notes.rules.action = Action::Count;
    talk(&mut classifier, &mut notes, 2);
    for port in [1, 2] {
        classifier.end(&key(port, 6), End::Idle, &mut notes);
    }
    let is_noted = |port| classifier.notes().has(&key(port, 6));
    assert!(is_noted(1) && !is_noted(2));
}

#[test]
fn a_connection_that_takes_another_ones_ports_is_seen_as_a_new_one() {
    let (mut classifier, mut notes) = (kept(9), Notes::default());
    talk(&mut classifier, &mut notes, 1);
    classifier.end(&key(1, 6), End::Closed, &mut notes);
    let accepts = tcp::SYN | tcp::ACK;
    let (syn, answer) = (segment(tcp::SYN, 7, 0, &[]), segment(accepts, 1, 8, &[]));
    let with = |l3, tcp_flags, direction| Sample { l3, tcp_flags, ..data(1, direction, &[]) };
    classifier.sample(&with(&syn, tcp::SYN, Direction::FromLower), &mut notes);
    assert!(classifier.table().look_up(&key(1, 6)).is_some_and(|flow| flow.noted));
    classifier.sample(&with(&answer, accepts, Direction::FromUpper), &mut notes);
    assert!(classifier.notes().is_empty());
    classifier.sample(&data(1, Direction::FromLower, &[2]), &mut notes);
    assert_eq!(by(&classifier, 1), Some(DecidedBy::Content));
}

#[test]
fn a_syn_alone_shakes_off_nothing() {
    let (mut classifier, mut notes) = (kept(9), Notes::default());
    talk(&mut classifier, &mut notes, 1);
    classifier.end(&key(1, 6), End::Idle, &mut notes);
    let syn = segment(tcp::SYN, 7, 0, &[]);
    let knock = Sample { l3: &syn, tcp_flags: tcp::SYN, ..data(1, Direction::FromLower, &[]) };
    classifier.sample(&knock, &mut notes);
    classifier.sample(&data(1, Direction::FromLower, &[2]), &mut notes);
    assert_eq!(by(&classifier, 1), Some(DecidedBy::Note));
    assert_eq!(notes.decided.len(), 2);
}

#[test]
fn asking_for_new_connections_until_no_more_is_shown_shakes_off_nothing() {
    let (mut classifier, mut notes) = (kept(9), Notes::default());
    talk(&mut classifier, &mut notes, 1);
    classifier.end(&key(1, 6), End::Idle, &mut notes);
    for number in 1..=8 {
        let syn = segment(tcp::SYN, number, 0, &[]);
        let knock = Sample {
            l3: &syn,
            tcp_flags: tcp::SYN,
            last: number == 8,
            ..data(1, Direction::FromLower, &[])
        };
        classifier.sample(&knock, &mut notes);
        let expected = knock.last.then_some(DecidedBy::Note);
        assert_eq!(by(&classifier, 1), expected, "SYN {number}");
    }
}
