//! How connections open, and which hello is read.

use testkit::tls::message;

use super::super::keys::retry_tag;
use super::*;

const OTHER: &[u8] = &[0x77; 8];

fn whole(fill: u8) -> Vec<u8> {
    opening(ORIGINAL, &crypto(0, &hello(fill, 200)))
}

fn fake(fill: u8) -> Vec<u8> {
    opening(OTHER, &crypto(0, &hello(fill, 200)))
}

#[test]
fn a_hello_is_read_when_its_server_has_answered() {
    for version in [Version::One, Version::Two] {
        let mut flow = Flow::default();
        let content = crypto(0, &hello(1, 200));
        flow.client(&initial_of(version, End::Client, ORIGINAL, [ORIGINAL, CLIENT], &content));
        assert_eq!(flow.read.len(), 0);
        // The server may go on in another version (RFC 9368, section 2.3).
        flow.server(&initial_of(Version::Two, End::Server, ORIGINAL, [CLIENT, SERVER], &[1]));
        assert_eq!(flow.hellos(), [hello(1, 200)]);
        assert_eq!((flow.findings, flow.restarts), (Findings::NONE, 0));
    }
}

#[test]
fn a_hello_that_the_server_has_not_answered_is_not_read() {
    for fakes_first in [true, false] {
        let mut flow = Flow::default();
        if !fakes_first {
            flow.client(&whole(1));
        }
        (2..5).for_each(|fill| flow.send(true, 3, &fake(fill)));
        if fakes_first {
            flow.client(&whole(1));
        }
        flow.server(&answer(ORIGINAL));
        flow.send(true, 3, &fake(9));
        flow.release();
        assert_eq!(flow.hellos(), [hello(1, 200)]);
        assert!(flow.findings.contains(Finding::FakeSegment));
        assert!(flow.findings.contains(Finding::TtlAnomaly));
    }
}

#[test]
fn of_two_hellos_to_one_identifier_the_one_that_comes_far_is_read() {
    let decoy = opening(ORIGINAL, &crypto(0, &hello(9, 200)));
    for decoy_first in [true, false] {
        let mut flow = Flow::default();
        let mut sent = [(3, &decoy), (TTL, &whole(1))];
        if !decoy_first {
            sent.reverse();
        }
        for (ttl, datagram) in sent {
            flow.send(true, ttl, datagram);
        }
        flow.server(&answer(ORIGINAL));
        assert_eq!(flow.hellos(), [hello(1, 200)]);
        assert!(flow.findings.contains(Finding::TtlAnomaly));
    }
    let mut flow = Flow::default();
    flow.client(&whole(1));
    flow.client(&decoy);
    flow.server(&answer(ORIGINAL));
    assert_eq!(flow.findings, Finding::Ambiguous.into());
}

#[test]
fn a_long_name_is_that_of_the_hello_that_is_read() {
    let name = |letter: &str| [&letter.repeat(200), ".example.org"].concat();
    let hello = |letter| crypto(0, &message(&name(letter)));
    let mut flow = Flow::default();
    flow.send(true, 3, &opening(OTHER, &hello("b")));
    flow.client(&opening(ORIGINAL, &hello("a")));
    flow.server(&answer(ORIGINAL));
    assert_eq!(flow.connection.long_name(), Some(&*name("a")));
    let mut unanswered = Flow::default();
    unanswered.client(&opening(ORIGINAL, &hello("a")));
    unanswered.release();
    assert_eq!(unanswered.connection.long_name(), Some(&*name("a")));
}

#[test]
fn the_end_of_a_hello_may_come_behind_the_first_answer() {
    let mut flow = Flow::default();
    let message = hello(1, 200);
    flow.client(&opening(ORIGINAL, &[1]));
    flow.client(&opening(ORIGINAL, &crypto(150, &message[150..])));
    flow.server(&answer(ORIGINAL));
    assert_eq!(flow.read.len(), 0);
    // The client knows the server's identifier now; the keys stay.
    let rest = crypto(0, &message[..150]);
    flow.client(&initial(End::Client, ORIGINAL, [SERVER, CLIENT], &rest));
    assert_eq!(flow.hellos(), [message]);
}

#[test]
fn after_a_retry_the_hello_that_follows_is_read() {
    let mut flow = Flow::default();
    flow.client(&whole(1));
    let header = [&[0xff, 0, 0, 0, 1, 5][..], CLIENT, &[8], SERVER, b"token"].concat();
    let tag_for = |to: &[u8]| {
        let pseudo_packet = [&[8], to, &header[..]].concat();
        retry_tag(Version::One, &pseudo_packet).unwrap().to_vec()
    };
    flow.server(&[&header[..], &tag_for(OTHER)].concat());
    flow.server(&[&header[..], &tag_for(ORIGINAL)].concat());
    assert_eq!(flow.read.len(), 0);
    flow.client(&opening(SERVER, &crypto(0, &hello(2, 200))));
    flow.server(&answer(SERVER));
    assert_eq!(flow.hellos(), [hello(2, 200)]);
}

#[test]
fn what_comes_before_the_first_initial_is_forgotten() {
    let mut flow = Flow::default();
    flow.client(b"junk");
    assert_eq!(flow.read.len(), 1);
    // Data before the handshake, which came first on the way.
    let early =
        [&[0xd0, 0, 0, 0, 1, 8][..], ORIGINAL, &[5], CLIENT, &[0x40, 40], &[9; 40]].concat();
    flow.client(&early);
    // Versions that the server does not have.
    flow.client(&[&[0xc0, 0x1a, 0x2a, 0x3a, 0x4a, 8][..], ORIGINAL, &[5], CLIENT].concat());
    flow.server(&[&[0x80, 0, 0, 0, 0, 5][..], CLIENT, &[8], ORIGINAL, &[0, 0, 0, 1]].concat());
    // And both in one datagram.
    flow.client(&[&early[..], &whole(1)].concat());
    flow.server(&answer(ORIGINAL));
    assert_eq!((flow.hellos(), flow.restarts), (vec![hello(1, 200)], 1));
}

#[test]
fn without_an_answer_all_is_read_in_the_end() {
    let mut flow = Flow::default();
    flow.client(&whole(1));
    flow.client(&[0x40; 30]);
    flow.release();
    assert_eq!((flow.hellos(), flow.findings), (vec![hello(1, 200)], Findings::NONE));
    let mut flow = Flow::default();
    flow.send(true, 3, &fake(2));
    flow.client(&whole(1));
    flow.release();
    assert_eq!(flow.hellos(), [hello(1, 200), hello(2, 200)], "the likelier one first");
    assert!(flow.findings.contains(Finding::Ambiguous));
}

#[test]
fn an_answer_that_went_by_unseen_is_made_up_for() {
    let mut flow = Flow::default();
    flow.client(&whole(1));
    flow.server(&[0x40; 30]);
    assert_eq!(flow.hellos(), [hello(1, 200)]);
    let mut flow = Flow::default();
    flow.client(&fake(2));
    flow.client(&whole(1));
    flow.server(&[0x40; 30]);
    assert_eq!(flow.read.len(), 0, "it may have been either");
}

#[test]
fn what_a_server_of_something_else_sends_is_read() {
    let mut flow = Flow::default();
    flow.client(&fake(2));
    flow.client(&[1; 30]);
    flow.server(&[2; 30]);
    flow.release();
    assert_eq!(flow.read, [udp(TTL, &[1; 30]), udp(50, &[2; 30])]);
}

#[test]
fn drafts_are_read_when_the_server_answers_in_their_version() {
    let draft = |end: u8| [&[0xc3, 0xff, 0, 0, end, 8][..], &[7; 60]].concat();
    let mut flow = Flow::default();
    flow.client(&draft(29));
    flow.client(&whole(1));
    flow.server(&answer(ORIGINAL));
    assert_eq!(flow.hellos(), [hello(1, 200)]);
    let mut flow = Flow::default();
    flow.client(&draft(29));
    flow.server(&draft(28));
    assert_eq!(flow.read.len(), 0);
    flow.server(&draft(29));
    assert_eq!(flow.read, [udp(TTL, &draft(29)), udp(50, &draft(29))]);
}

#[test]
fn more_than_there_is_room_for_is_said() {
    let mut flow = Flow::default();
    for number in 0..60 {
        let id = [number; 8];
        flow.send(true, 3, &opening(&id, &crypto(0, &hello(number, 250))));
    }
    flow.client(&whole(1));
    for number in 60..120 {
        let id = [number; 8];
        flow.send(true, 3, &opening(&id, &crypto(0, &hello(number, 250))));
    }
    flow.server(&answer(ORIGINAL));
    assert_eq!(flow.hellos(), [hello(1, 200)]);
    assert!(flow.findings.contains(Finding::Oversize));
}

#[test]
fn a_connection_that_goes_on_is_told_from_one_that_opens() {
    let mut flow = Flow::default();
    // An Initial that acknowledges another, as clients send before the end of a handshake.
    flow.client(&initial(End::Client, ORIGINAL, [SERVER, CLIENT], &[2, 0, 0, 0, 0]));
    assert_eq!((flow.connection.opening_seen(), flow.connection.client()), (Some(false), None));
    let mut flow = Flow::default();
    flow.client(&whole(1));
    let client = Some(Direction::FromLower);
    assert_eq!((flow.connection.opening_seen(), flow.connection.client()), (Some(true), client));
    // Whose connection it is, the server's answer says.
    flow.server(&fake(2));
    assert_eq!(flow.connection.client(), None);
    flow.server(&answer(ORIGINAL));
    assert_eq!((flow.connection.opening_seen(), flow.connection.client()), (None, client));
}
