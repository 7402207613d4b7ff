use ndpi::Classification;
use ndpi_common::reopen::Header;
use ndpi_common::{Direction, KeyV4, Known, SequenceNumbers};
use ndpi_labels::Finding;
use testkit::frame::segment;

use super::{Meeting, Note, Notes};
use crate::flow::{Decided, DecidedBy, Details, FlowEntry, Shares, Stage};
use crate::key::FlowKey;
use crate::sample::{Sample, tcp};
use crate::verdict::{Action, Verdict};

const ACCEPTS: u8 = tcp::SYN | tcp::ACK;

fn key(client: u8, port: u16) -> FlowKey {
    FlowKey::V4(KeyV4::new(([198, 18, 0, client], port), ([198, 18, 1, 0], 443), 0, 6).0)
}

fn flow(key: FlowKey, action: Action) -> FlowEntry<()> {
    let mut flow = FlowEntry::new(&Sample::new(key, Direction::FromLower, 5, &[]), ());
    flow.findings.insert(Finding::Ambiguous);
    flow.stage = Stage::Decided(Decided {
        classification: Classification::default(),
        details: Details::new("www.example.org", "", ""),
        verdict: Some(Verdict { action, rule: Some(3) }),
        given_up: false,
        by: DecidedBy::Content,
    });
    flow
}

fn note(key: FlowKey, action: Action, answered: bool) -> Note {
    Note::of(&flow(key, action), answered, 0, 1000).expect("a flow with a verdict")
}

/// A sample of the flow that [`segment`] is of, from the lower endpoint if so said.
fn sample(tcp_flags: u8, from_lower: bool, l3: &[u8]) -> Sample<'_> {
    let direction = if from_lower { Direction::FromLower } else { Direction::FromUpper };
    let (key, _) = KeyV4::new(([198, 18, 0, 1], 1), ([198, 18, 0, 2], 443), 0, 6);
    Sample { tcp_flags, ..Sample::new(FlowKey::V4(key), direction, 0, l3) }
}

/// The ports of the client that there are notes on.
fn ports(notes: &Notes, client: u8) -> Vec<u16> {
    (0..100).filter(|port| notes.has(&key(client, *port))).collect()
}

#[test]
fn a_note_brings_back_what_the_flow_was() {
    let mut restored = FlowEntry::new(&Sample::new(key(1, 1), Direction::FromUpper, 9, &[]), ());
    restored.noted = true;
    note(key(1, 1), Action::Drop, true).restore(&mut restored);
    let decided = restored.decided().unwrap();
    assert_eq!(
        (decided.by, decided.details.hostname()),
        (DecidedBy::Note, Some("www.example.org"))
    );
    assert_eq!(decided.verdict, Some(Verdict { action: Action::Drop, rule: Some(3) }));
    assert_eq!((restored.client, restored.noted), (Direction::FromLower, false));
    assert_eq!(restored.findings, Finding::Ambiguous.into(), "another policy may ask for it");
}

#[test]
fn an_undecided_flow_leaves_no_note() {
    let undecided = FlowEntry::new(&Sample::new(key(1, 1), Direction::FromLower, 5, &[]), ());
    assert!(Note::of(&undecided, true, 0, 1000).is_none());
}

#[test]
fn only_a_syn_that_is_answered_ends_a_note() {
    let mut notes = Notes::new(4, Shares::default());
    let (syn, data) = (segment(tcp::SYN, 7, 0, &[]), segment(tcp::ACK, 7, 9, b"more"));
    let knock = Sample { ingress: true, ..sample(tcp::SYN, true, &syn) };
    assert_eq!(notes.meet(&knock), None);
    notes.add(note(knock.key, Action::Drop, true), 0);
    let answer = segment(ACCEPTS, 1, 8, &[]);
    let sample =
        |flags, from_lower, l3| Sample { ingress: from_lower, ..sample(flags, from_lower, l3) };
    assert_eq!(notes.meet(&sample(ACCEPTS, false, &answer)), Some(Meeting::Stands), "nobody asked");
    assert_eq!(notes.meet(&knock), Some(Meeting::Knocks));
    assert_eq!(notes.meet(&sample(tcp::ACK, true, &data)), Some(Meeting::Stands));
    let challenge = segment(tcp::ACK, 1, 2, &[]);
    assert_eq!(notes.meet(&sample(tcp::ACK, false, &challenge)), Some(Meeting::Knocks));
    assert_eq!(notes.meet(&sample(tcp::ACK, false, &challenge)), Some(Meeting::Stands), "one");
    let stale = segment(ACCEPTS, 1, 9, &[]);
    assert_eq!(notes.meet(&sample(ACCEPTS, false, &stale)), Some(Meeting::Stands));
    let forged = Sample { ingress: true, ..sample(ACCEPTS, false, &answer) };
    assert_eq!(notes.meet(&forged), Some(Meeting::Stands), "from where the client is");
    assert_eq!(notes.meet(&sample(ACCEPTS, false, &answer)), Some(Meeting::Over));
}

#[test]
fn notes_expire() {
    let mut notes = Notes::new(4, Shares::default());
    notes.add(note(key(1, 1), Action::Drop, true), 0);
    let late = |time_ns| Sample { time_ns, ..sample(0, true, &[]) };
    let known = |time_ns| Sample { key: key(1, 1), ..late(time_ns) };
    assert_eq!(notes.meet(&known(1000)), Some(Meeting::Stands));
    assert_eq!((notes.meet(&known(1001)), notes.len()), (None, 0));
    notes.add(note(key(1, 2), Action::Drop, true), 0);
    notes.expire(1001);
    assert!(notes.is_empty() && notes.lost() == 0);
}

#[test]
fn the_oldest_goes_and_is_counted() {
    let mut notes = Notes::new(4, Shares::default());
    (0..6).for_each(|port| notes.add(note(key(1, port), Action::Drop, true), 0));
    notes.add(note(key(1, 5), Action::Drop, true), 0);
    assert_eq!((ports(&notes, 1), notes.lost()), (vec![2, 3, 4, 5], 2));
}

#[test]
fn notes_on_what_nobody_answered_or_blocks_displace_none_on_what_is_blocked() {
    let mut notes = Notes::new(8, Shares::default());
    (0..4).for_each(|port| notes.add(note(key(1, port), Action::Reject, true), 0));
    (0..50).for_each(|port| notes.add(note(key(2, port), Action::Drop, false), 0));
    (0..50).for_each(|port| notes.add(note(key(3, port), Action::Count, true), 0));
    assert_eq!((ports(&notes, 1), notes.len()), (vec![0, 1, 2, 3], 8));
    assert_eq!((ports(&notes, 2), ports(&notes, 3)), (vec![48, 49], vec![48, 49]));
}

#[test]
fn a_client_displaces_only_its_own() {
    let mut notes = Notes::new(99, Shares { blocked: 2, ..Shares::default() });
    notes.add(note(key(1, 1), Action::Drop, true), 0);
    (0..9).for_each(|port| notes.add(note(key(2, port), Action::Drop, true), 0));
    assert_eq!((ports(&notes, 1), ports(&notes, 2), notes.lost()), (vec![1], vec![7, 8], 7));
}

#[test]
fn without_room_every_note_is_lost() {
    let mut notes = Notes::new(0, Shares::default());
    notes.add(note(key(1, 1), Action::Drop, true), 0);
    assert_eq!((notes.len(), notes.lost()), (0, 1));
}

#[test]
fn a_note_is_small() {
    assert!(size_of::<Note>() <= 192, "{}", size_of::<Note>());
}

#[test]
fn what_comes_before_the_handshake_of_a_new_connection_is_not_of_the_old_one() {
    let mut notes = Notes::new(9, Shares::default());
    let (syn, answer) = (segment(tcp::SYN, 700, 0, &[]), segment(ACCEPTS, 1, 701, &[]));
    let (hello, old) = (segment(tcp::ACK, 701, 2, &[1]), segment(tcp::ACK, 8, 2, &[1]));
    let [knock, accepted] = [(tcp::SYN, true, &syn), (ACCEPTS, false, &answer)]
        .map(|(flags, out, l3)| Sample { ingress: out, ..sample(flags, out, l3) });
    let of = |initial, l3| {
        let numbers = [(tcp::SYN, true, (initial, 0)), (ACCEPTS, false, (1, initial + 1))];
        let header = |(flags, out, (sequence, acknowledged))| {
            let direction = if out { Direction::FromLower } else { Direction::FromUpper };
            Header { direction, flags, has_payload: false, sequence, acknowledged }
        };
        let numbers = numbers.iter().map(|it| header(*it));
        let sequence = numbers.fold(SequenceNumbers::UNKNOWN, |all, it| all.after(&it));
        Sample { sequence, ingress: true, ..sample(tcp::ACK, true, l3) }
    };
    let mut noted = flow(knock.key, Action::Drop);
    noted.count(&of(7, &old));
    noted.count(&sample(tcp::ACK, false, &answer));
    assert!(noted.opening.is_some(), "the kernel has seen how it began");
    notes.add(Note::of(&noted, true, 0, 1000).unwrap(), 0);
    assert_eq!(notes.meet(&of(7, &old)), Some(Meeting::Stands));
    assert_eq!(notes.meet(&sample(tcp::ACK, true, &old)), Some(Meeting::Stands), "who knows");
    assert_eq!(notes.meet(&of(700, &hello)), Some(Meeting::Knocks));
    // Who says himself that he is answered is not, whatever the kernel has made of it, with his SYN or without.
    let forged = Sample { ingress: true, sequence: of(700, &hello).sequence, ..accepted };
    assert_eq!(notes.meet(&forged), Some(Meeting::Stands));
    assert_eq!(notes.meet(&knock), Some(Meeting::Knocks));
    assert_eq!(notes.meet(&forged), Some(Meeting::Stands));
    assert_eq!(notes.meet(&accepted), Some(Meeting::Over));
    // Where neither comes here, what the kernel has seen is enough, if nobody can have forged it.
    notes.add(Note::of(&noted, true, 0, 1000).unwrap(), 0);
    let mut later = of(700, &hello);
    later.sequence.lower.known |= Known::ANSWERED;
    assert_eq!(notes.meet(&later), Some(Meeting::Over));
    let mut own = of(7, &old);
    own.sequence.lower.known |= Known::ANSWERED;
    notes.add(Note::of(&noted, true, 0, 1000).unwrap(), 0);
    assert_eq!(notes.meet(&own), Some(Meeting::Stands), "its own handshake");
}
