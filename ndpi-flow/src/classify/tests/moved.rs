//! Blocked QUIC connections that go on from another port, and who is the client of a flow.

use super::*;
use crate::flow::DecidedBy;
use crate::key::Endpoint;
use crate::normalise::initials;

/// The identifier that the server has chosen.
const ID: [u8; 8] = [0x33; 8];

fn classifier() -> Classifier<Script> {
    let settings = Settings {
        timeouts: Some(Timeouts::default()),
        max_flows: 9,
        accounting: Accounting::Kernel,
        normalise: true,
    };
    Classifier::new(Script, settings)
}

/// The server of the flow that has the client's `port`.
fn server(port: u16) -> Endpoint {
    key(port, 17).endpoints(Direction::FromLower).1
}

/// A packet of the flow that has the client's `port`.
fn datagram(port: u16, from_client: bool, payload: &[u8]) -> Vec<u8> {
    let ports = if from_client { [port, 443] } else { [443, port] };
    testkit::packets::udp(ports, !from_client, payload)
}

fn send(
    classifier: &mut Classifier<Script>,
    notes: &mut Notes,
    port: u16,
    packets: &[(bool, &[u8])],
) {
    for &(from_client, payload) in packets {
        let direction = if from_client { Direction::FromLower } else { Direction::FromUpper };
        let l3 = datagram(port, from_client, payload);
        classifier.sample(&Sample::new(key(port, 17), direction, SECOND, &l3), notes);
    }
}

/// A packet of a connection whose server has chosen this identifier.
fn short(id: &[u8]) -> Vec<u8> {
    [&[0x41], id, &[9; 40]].concat()
}

/// Its client, by what decided it.
fn client_of_moved(classifier: &mut Classifier<Script>, port: u16) -> Option<Direction> {
    let flow = classifier.get_mut(&key(port, 17))?;
    (flow.decided()?.by == DecidedBy::Connection).then_some(flow.client)
}

#[test]
fn a_connection_that_goes_on_is_known_whatever_is_seen_of_it_before() {
    let (from_server, of_it, other) = (short(&[1; 5]), short(&ID), short(&[8; 8]));
    let answers = vec![(false, &from_server[..]); 12];
    let before: [&[(bool, &[u8])]; 4] =
        [&[], &[(false, &from_server)], &answers, &[(true, &other), (false, &from_server)]];
    for (port, before) in (1..).zip(before) {
        let (mut classifier, mut notes) = (classifier(), Notes::default());
        classifier.connections.insert(server(port), &ID, Default::default());
        send(&mut classifier, &mut notes, port, before);
        assert_eq!(client_of_moved(&mut classifier, port), None);
        send(&mut classifier, &mut notes, port, &[(true, &of_it)]);
        let client = client_of_moved(&mut classifier, port);
        assert_eq!(client, Some(Direction::FromLower), "after {} packets", before.len());
        let flow = classifier.get_mut(&key(port, 17)).unwrap();
        assert_eq!(flow.server_spoke, !before.is_empty());
    }
}

#[test]
fn a_connection_that_is_blocked_later_is_known_while_its_other_flow_is_undecided() {
    let (mut classifier, mut notes) = (classifier(), Notes::default());
    let of_it = short(&ID);
    send(&mut classifier, &mut notes, 1, &[(true, &of_it[..]); 6]);
    classifier.connections.insert(server(1), &ID, Default::default());
    send(&mut classifier, &mut notes, 1, &[(true, &of_it)]);
    assert_eq!(client_of_moved(&mut classifier, 1), Some(Direction::FromLower));
}

#[test]
fn whoever_opens_a_connection_is_its_client() {
    let [opening, answer] = initials();
    let from_server = short(&[1; 5]);
    let (mut classifier, mut notes) = (classifier(), Notes::default());
    send(&mut classifier, &mut notes, 1, &[(false, &from_server), (true, &opening)]);
    let flow = classifier.get_mut(&key(1, 17)).unwrap();
    assert_eq!((flow.client, flow.server_spoke), (Direction::FromLower, true));
    // As an answer does not say otherwise.
    send(&mut classifier, &mut notes, 2, &[(true, &opening), (false, &answer)]);
    let flow = classifier.get_mut(&key(2, 17)).unwrap();
    assert_eq!((flow.client, flow.server_spoke), (Direction::FromLower, true));
}
