//! Connections of which the handshake was left out, so that there is nothing to compare a client's segments with, and
//! clients whose own segments are as doubtful as fakes.

use ndpi_common::{Known, SideNumbers};

use super::*;

const BYTES: &[u8] = b":bcd:fgh";

fn piece(from: usize, to: usize) -> Segment {
    CONNECTION.data(i32::try_from(from).unwrap(), &BYTES[from..to])
}

fn fake() -> Segment {
    CONNECTION.data(0, b":nnocent")
}

fn stamped(segment: Segment, time: u32) -> Segment {
    let options = [&[1, 1, 8, 10][..], &time.to_be_bytes(), &[0; 4]].concat();
    Segment { options, ..segment }
}

fn signed(segment: Segment) -> Segment {
    Segment { options: [&[19, 18][..], &[0; 16], &[1, 1]].concat(), ..segment }
}

/// What the kernel knows of a connection whose handshake it has seen, and of which the server has acknowledged so many
/// bytes.
fn known(read: u32) -> SequenceNumbers {
    let side = |initial, acknowledged: u32, confirmed| SideNumbers {
        initial,
        acknowledged: acknowledged.wrapping_add(1),
        known: Known::INITIAL | Known::ACKNOWLEDGED | confirmed,
    };
    SequenceNumbers {
        lower: side(CONNECTION.client, CONNECTION.server, Known::CONFIRMED),
        upper: side(CONNECTION.server, CONNECTION.client.wrapping_add(read), 0),
    }
}

fn sent_without_handshake(segments: &[Segment]) -> Connection {
    let mut connection = Connection::new();
    for segment in segments {
        connection.send_with(segment.from_client, &segment.l3(), known(0));
    }
    connection
}

#[test]
fn the_better_of_two_copies_is_read_once_the_server_has_answered() {
    let own = |segment: Segment| stamped(segment, 1000);
    let syn = flags::SYN | flags::ACK;
    for (what, fake, finding) in [
        ("a low time to live", Segment { ttl: 2, ..own(fake()) }, "fake-segment"),
        ("a bad checksum", Segment { damage: 3, ..own(fake()) }, "fake-segment"),
        ("an old timestamp", stamped(fake(), 900), "fake-segment"),
        ("a signature", signed(fake()), "fake-segment"),
        ("a bad checksum around it", Segment { ip_damage: 3, ..own(fake()) }, "fake-segment"),
        (
            "a SYN",
            Segment { sequence: fake().sequence - 1, flags: syn, ..own(fake()) },
            "fake-segment",
        ),
        ("nothing that tells them apart", own(fake()), "ambiguous"),
    ] {
        let is_first = finding == "ambiguous";
        for sent in [[fake.clone(), own(piece(0, 8))], [own(piece(0, 8)), fake.clone()]] {
            let mut connection = sent_without_handshake(&sent);
            assert_eq!(connection.read(), b"", "{what}: nobody has acknowledged it");
            connection.send_with(false, &stamped(CONNECTION.answer(8, b""), 7).l3(), known(8));
            let expected = if is_first { &sent[0].payload } else { BYTES };
            assert_eq!(connection.read(), expected, "{what}");
            assert!(connection.found().contains(&finding), "{what}: {:?}", connection.found());
        }
    }
}

#[test]
fn what_the_server_has_acknowledged_is_read_though_its_packet_was_left_out() {
    let mut connection = sent_without_handshake(&[Segment { ttl: 2, ..fake() }, piece(0, 8)]);
    connection.send_with(true, &CONNECTION.data(8, b"").l3(), known(8));
    assert_eq!(connection.read(), BYTES);
}

#[test]
fn a_fake_of_each_part_is_told_apart_from_it() {
    for parts in [[0, 3, 5, 8], [0, 1, 7, 8]] {
        let mut sent = Vec::new();
        for part in parts.windows(2) {
            sent.extend([Segment { ttl: 2, ..fake() }, piece(part[0], part[1])]);
        }
        let mut connection = sent_without_handshake(&sent);
        connection.send_with(false, &CONNECTION.answer(8, b"").l3(), known(8));
        assert_eq!(connection.read(), BYTES, "{parts:?}");
    }
}

#[test]
fn where_only_the_syn_was_left_out_its_client_waits_as_well() {
    let mut connection = Connection::new();
    for segment in [CONNECTION.syn_ack(), Segment { ttl: 2, ..fake() }, piece(0, 8)] {
        connection.send(&segment);
    }
    assert_eq!(connection.read(), b"");
    connection.send(&CONNECTION.answer(8, b""));
    assert_eq!(connection.read(), BYTES);
}

#[test]
fn when_nothing_more_is_shown_the_better_copy_is_read() {
    let mut connection = sent_without_handshake(&[Segment { ttl: 2, ..fake() }, piece(0, 8)]);
    connection.release();
    assert_eq!(connection.read(), BYTES);
}

#[test]
fn a_client_that_is_doubted_itself_hides_behind_no_fake() {
    let farther = |ttl: u8, segment: Segment| Segment { ttl, ..segment };
    let own = farther(TTL - 1, piece(0, 8));
    for fake in [farther(2, fake()), Segment { damage: 3, ..farther(TTL - 1, fake()) }] {
        let mut connection = Connection::open();
        for segment in [fake, own.clone()] {
            connection.send(&segment);
        }
        connection.send(&CONNECTION.answer(8, b""));
        assert_eq!(connection.read(), BYTES);
    }
}
