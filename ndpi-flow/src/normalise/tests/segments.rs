//! One case after the other.

use ndpi_common::{Known, SideNumbers};
use testkit::tls::{HANDSHAKE, record};

use super::*;
use crate::ipv4_header;

/// No message that would be waited for.
const BYTES: &[u8] = b":bcd:fgh";

fn piece(from: usize, to: usize) -> Segment {
    CONNECTION.data(i32::try_from(from).unwrap(), &BYTES[from..to])
}

fn fake() -> Segment {
    CONNECTION.data(0, b":nnocent")
}

#[test]
fn every_split_in_every_order_is_read_as_it_was_sent() {
    for first in 1..7 {
        for second in first + 1..8 {
            let [a, b, c] = [piece(0, first), piece(first, second), piece(second, 8)];
            let orders = [
                [&a, &b, &c],
                [&a, &c, &b],
                [&b, &a, &c],
                [&b, &c, &a],
                [&c, &a, &b],
                [&c, &b, &a],
            ];
            for order in orders {
                assert_eq!(after_handshake(&order.map(Clone::clone)).0, BYTES, "{first} {second}");
            }
        }
    }
}

#[test]
fn what_acknowledges_more_than_was_sent_waits_until_it_is_acknowledged_itself() {
    let ahead = |from: usize, to: usize, payload: &[u8]| Segment {
        acknowledged: CONNECTION.server + 50_000,
        payload: payload.to_vec(),
        ..piece(from, to)
    };
    let mut connection = Connection::open();
    connection.send(&ahead(0, 8, b":nnocent"));
    assert_eq!(connection.read(), b"");
    connection.send(&piece(0, 8));
    assert_eq!(connection.read(), BYTES);
    // What the server has sent may have gone by unseen.
    let mut connection = Connection::open();
    connection.send(&ahead(0, 4, &BYTES[..4]));
    connection.send(&CONNECTION.answer(4, b"answer"));
    assert_eq!(connection.read(), &BYTES[..4]);
    connection.send(&Segment { acknowledged: CONNECTION.server + 7, ..piece(4, 8) });
    assert_eq!(connection.read(), BYTES, "what was seen");
    // Of two that are doubtful the other is likelier to arrive.
    let mut connection = Connection::open();
    connection.send(&ahead(0, 8, b":nnocent"));
    connection.send(&Segment { ttl: TTL - 1, ..piece(0, 8) });
    connection.send(&CONNECTION.answer(8, b""));
    assert_eq!(connection.read(), BYTES);
}

#[test]
fn a_later_request_acknowledges_an_answer_that_is_not_shown() {
    let mut connection = Connection::open();
    connection.send(&CONNECTION.data(0, b"GET / HTTP/1.1\r\nHost: www.example.org\r\n\r\n"));
    connection.send(&CONNECTION.answer(41, b"HTTP/1.1 200 OK\r\n"));
    connection.stream.follow_requests(Direction::FromLower, &mut connection.findings);
    let request = b"GET / HTTP/1.1\r\nHost: www.example.com\r\n\r\n";
    let later = CONNECTION.data(41, request);
    connection.send(&Segment { acknowledged: CONNECTION.server + 20_000, ..later });
    assert_eq!(connection.stream.requested_hosts(), ["www.example.com".into()]);
}

#[test]
fn the_syn_counts_that_the_server_accepts_whatever_was_before_and_behind() {
    let other = |flags: u8, number: u32| Segment {
        flags,
        sequence: CONNECTION.client.wrapping_add(number),
        ttl: 1,
        ..CONNECTION.syn()
    };
    // Its checksum is unfinished, as on the host that sends it.
    let syn = Segment { damage: 1, ..CONNECTION.syn() };
    for flags in [flags::SYN, flags::SYN | flags::ACK] {
        for (before, behind) in [(1, 0), (0, 1), (1, 1), (20, 9)] {
            let mut connection = Connection::new();
            (0..before).for_each(|at| connection.send(&other(flags, 1000 + at)));
            connection.send(&syn);
            (0..behind).for_each(|at| connection.send(&other(flags, 5000 + at)));
            for segment in [CONNECTION.syn_ack(), piece(0, 8)] {
                connection.send(&segment);
            }
            let client = connection.stream.client();
            assert_eq!(client, Some(Direction::FromLower), "{before} {behind}");
            connection.send(&CONNECTION.answer(8, b"answer"));
            assert_eq!(connection.read(), BYTES, "{before} {behind} {:?}", connection.found());
        }
    }
}

#[test]
fn what_was_read_is_not_read_again() {
    let sent = [piece(0, 4), piece(0, 4), piece(2, 6), piece(0, 6), piece(5, 8)];
    assert_eq!(after_handshake(&sent), (BYTES.to_vec(), vec![]));
}

const HEAD: &[u8] = b"POST / HTTP/1.1\r\nHost: www.example.org\r\nX: y\r\n\r\n";

#[test]
fn the_head_of_a_request_is_read_by_itself_however_it_is_cut() {
    let body = b"Host: other.example\r\n\r\n";
    let sent = [HEAD, body].concat();
    for cut in 1..sent.len() {
        let mut connection = Connection::open();
        connection.send(&CONNECTION.data(0, &sent[..cut]));
        assert!(cut >= HEAD.len() || connection.read().is_empty(), "{cut}");
        connection.send(&CONNECTION.data(i32::try_from(cut).unwrap(), &sent[cut..]));
        connection.send(&CONNECTION.data(i32::try_from(sent.len()).unwrap(), b"more"));
        assert_eq!(connection.read(), [&sent[..], b"more"].concat(), "{cut}");
        let heads: Vec<_> = connection.packets().into_iter().filter(|it| it == HEAD).collect();
        assert_eq!(heads.len(), 1, "{cut}");
    }
}

#[test]
fn what_follows_a_head_without_a_host_names_none_in_its_place() {
    let (head, body) = (b"POST / HTTP/1.0\r\n\r\n", b"Host: other.example\r\n\r\n");
    let behind = i32::try_from(head.len()).unwrap();
    let at_once = [CONNECTION.data(0, &[&head[..], body].concat())];
    let later = [CONNECTION.data(0, head), CONNECTION.data(behind, body)];
    assert_eq!(after_handshake(&at_once).0, head);
    assert_eq!(after_handshake(&later).0, head);
}

#[test]
fn what_follows_a_head_that_was_rewritten_follows_it_still() {
    let odd = [&b"\r\n\n"[..], HEAD].concat();
    let mut connection = Connection::open();
    connection.send(&CONNECTION.data(0, &[&odd[..], b"body"].concat()));
    connection.send(&CONNECTION.data(i32::try_from(odd.len()).unwrap() + 4, b"more"));
    assert_eq!(connection.packets(), [HEAD, &b"body"[..], b"more"]);
    assert_eq!(connection.places(), [0, HEAD.len(), HEAD.len() + 4]);
}

#[test]
fn a_request_behind_a_long_head_is_read_with_it() {
    let cookie = "x".repeat(3000);
    let first = format!("GET / HTTP/1.1\r\nHost: www.example.org\r\nCookie: {cookie}\r\n\r\n");
    let sent = format!("{first}GET / HTTP/1.1\r\nHost: other.example\r\n\r\n");
    let mut connection = Connection::open();
    for (at, part) in (0..).step_by(1400).zip(sent.as_bytes().chunks(1400)) {
        connection.send(&CONNECTION.data(at, part));
    }
    connection.stream.follow_requests(Direction::FromLower, &mut connection.findings);
    assert_eq!(connection.stream.requested_hosts(), ["other.example".into()]);
    assert_eq!(connection.found(), Vec::<&str>::new());
}

#[test]
fn the_host_of_a_head_is_read_wherever_it_is() {
    let cookies = format!("Cookie: {}\r\n", "x".repeat(7000)).repeat(3);
    let begin = format!("GET /{} HTTP/1.1\r\n", "p".repeat(7000));
    let sent = format!("{begin}{cookies}Host: www.example.org\r\n\r\nbody");
    let mut connection = Connection::open();
    for (at, part) in (0..).step_by(1400).zip(sent.as_bytes().chunks(1400)) {
        connection.send(&CONNECTION.data(at, part));
        assert!(connection.stream.kept() <= MOST_KEPT);
    }
    let read = String::from_utf8(connection.packets()[0].clone()).unwrap();
    assert!(read.starts_with("GET /p") && read.ends_with("Host: www.example.org\r\n\r\n"));
    assert_eq!(connection.found(), Vec::<&str>::new());
    assert_eq!(connection.packets()[1], b"body");
    assert_eq!(connection.places()[1], read.len(), "as if nothing had been left out");
}

#[test]
fn a_long_hello_is_read_as_a_short_one() {
    let mut hello = [&[3, 3][..], &[7; 32], &[0, 0, 2, 0x13, 1, 1, 0, 0xaf, 0xd9]].concat();
    for extension in [[0xfa, 0xfa], [0xba, 0xba], [0xca, 0xca]] {
        hello.extend([&extension[..], &[0x3a, 0x98], &[0; 15_000]].concat());
    }
    let name = b"\0\0\0\x14\0\x12\0\0\x0fwww.example.org";
    hello.extend(name);
    let length = u32::try_from(hello.len()).unwrap().to_be_bytes();
    let hello = [&[1][..], &length[1..], &hello].concat();
    let sent: Vec<u8> = hello.chunks(8000).flat_map(|part| record(HANDSHAKE, part)).collect();
    let mut connection = Connection::open();
    for (at, part) in (0..).step_by(1400).zip(sent.chunks(1400)) {
        assert!(connection.read().is_empty());
        connection.send(&CONNECTION.data(at, part));
        assert!(connection.stream.kept() <= MOST_KEPT);
    }
    let read = connection.read();
    assert!(read.ends_with(name) && read.len() < 200 && connection.found().is_empty());
    connection.send(&CONNECTION.data(i32::try_from(sent.len()).unwrap(), b"more"));
    assert_eq!(connection.places()[1], read.len());
}

#[test]
fn a_head_is_kept_as_far_as_there_is_room() {
    let begin = "GET / HTTP/1.1\r\nHost: www.example.org\r\nCookie: ";
    for (length, is_whole) in [(5000, true), (7000, false)] {
        let sent = format!("{begin}{}\r\n\r\n", "x".repeat(length)).into_bytes();
        let mut connection = Connection::open();
        for (at, part) in (0..).step_by(1400).zip(sent.chunks(1400)) {
            connection.send(&CONNECTION.data(at, part));
            assert!(connection.stream.kept() <= MOST_KEPT);
        }
        let read = connection.read();
        assert!(read.starts_with(begin.as_bytes()) && read.ends_with(b"x\r\n\r\n"));
        assert_eq!(
            (read == sent, connection.packets().len(), connection.found()),
            (is_whole, 1, vec![])
        );
    }
}

#[test]
fn bytes_before_the_first_are_cut() {
    assert_eq!(after_handshake(&[CONNECTION.data(-4, b"junk:bcd:fgh")]).0, BYTES);
}

#[test]
fn a_bad_checksum_is_discarded_and_the_right_copy_read() {
    let (read, found) = after_handshake(&[Segment { damage: 1, ..fake() }, piece(0, 8)]);
    assert_eq!((read, found), (BYTES.to_vec(), vec!["fake-segment", "bad-checksum"]));
}

#[test]
fn a_bad_checksum_of_the_ip_header_is_as_bad() {
    let (read, found) = after_handshake(&[Segment { ip_damage: 1, ..fake() }, piece(0, 8)]);
    assert_eq!((read, found), (BYTES.to_vec(), vec!["fake-segment", "bad-checksum"]));
}

#[test]
fn what_has_options_of_ip_waits_where_the_syn_had_none() {
    let with_options = |segment: &Segment| {
        let mut l3 = segment.l3();
        l3.splice(20..20, [1, 1, 1, 0]);
        (l3[0], l3[3]) = (0x46, l3[3] + 4);
        ipv4_header::make(&mut l3);
        l3
    };
    let mut connection = Connection::open();
    connection.send_l3(true, &with_options(&fake()));
    connection.send(&piece(0, 8));
    assert_eq!((connection.read(), connection.found()), (BYTES.to_vec(), vec!["fake-segment"]));
    let mut honest = Connection::new();
    honest.send_l3(true, &with_options(&CONNECTION.syn()));
    honest.send(&CONNECTION.syn_ack());
    honest.send_l3(true, &with_options(&piece(0, 8)));
    assert_eq!((honest.read(), honest.found()), (BYTES.to_vec(), vec![]));
}

#[test]
fn a_low_time_to_live_waits_for_the_copy_that_arrives() {
    let (read, found) = after_handshake(&[Segment { ttl: 2, ..fake() }, piece(0, 8)]);
    assert_eq!((read, found), (BYTES.to_vec(), vec!["fake-segment", "ttl-anomaly"]));
}

#[test]
fn a_doubt_ends_with_an_acknowledgement() {
    let handover = Segment { ttl: TTL - 3, ..piece(0, 8) };
    let mut connection = Connection::open();
    connection.send(&handover);
    assert_eq!(connection.read(), b"");
    connection.send(&CONNECTION.answer(8, b""));
    assert_eq!(connection.read(), BYTES);
    // From here on that is how far away the sender is.
    connection.send(&Segment { ttl: TTL - 3, ..CONNECTION.data(8, b"ij") });
    assert_eq!(connection.read(), b":bcd:fghij");
}

#[test]
fn of_two_syns_the_one_that_reaches_further_counts() {
    let mut connection = Connection::new();
    for packet in [
        Segment { ttl: 2, ..CONNECTION.syn() },
        CONNECTION.syn(),
        CONNECTION.syn_ack(),
        Segment { ttl: 2, ..fake() },
        piece(0, 8),
    ] {
        connection.send(&packet);
    }
    assert_eq!(connection.read(), BYTES);
}

#[test]
fn a_signed_segment_of_an_unsigned_connection_is_doubted() {
    let options = [&[19, 18][..], &[0; 16], &[1, 1]].concat();
    let (read, found) = after_handshake(&[Segment { options, ..fake() }, piece(0, 8)]);
    assert_eq!((read, found), (BYTES.to_vec(), vec!["fake-segment"]));
}

#[test]
fn an_old_timestamp_is_doubted_where_both_ends_have_some() {
    let stamped = |packet: Segment, time: u32| {
        let options = [&[1, 1, 8, 10][..], &time.to_be_bytes(), &[0; 4]].concat();
        Segment { options, ..packet }
    };
    for (of_server, expected) in [(true, BYTES), (false, b":nnocent")] {
        let mut connection = Connection::new();
        connection.send(&stamped(CONNECTION.syn(), 1000));
        let answer = CONNECTION.syn_ack();
        connection.send(&if of_server { stamped(answer, 5) } else { answer });
        connection.send(&stamped(fake(), 999));
        connection.send(&stamped(piece(0, 8), 1001));
        assert_eq!(connection.read(), expected);
    }
}

#[test]
fn a_later_timestamp_of_a_segment_that_comes_early_makes_none_old() {
    let stamped = |packet: Segment, time: u32| {
        let options = [&[1, 1, 8, 10][..], &time.to_be_bytes(), &[0; 4]].concat();
        Segment { options, ..packet }
    };
    let mut connection = Connection::new();
    for packet in [
        stamped(CONNECTION.syn(), 1000),
        stamped(CONNECTION.syn_ack(), 5),
        stamped(piece(4, 8), 1020),
        stamped(piece(0, 4), 1010),
    ] {
        connection.send(&packet);
    }
    assert_eq!((connection.read(), connection.found()), (BYTES.to_vec(), vec!["reordered-hello"]));
}

#[test]
fn what_no_receiver_takes_is_discarded() {
    let no_ack = Segment { flags: 0, ..fake() };
    let far = CONNECTION.data(1 << 20, b"x");
    let unsent = Segment { acknowledged: CONNECTION.server + (1 << 20), ..fake() };
    let before_its_start = Segment { acknowledged: 7777, ..fake() };
    for (packet, finding) in [
        (no_ack, "fake-segment"),
        (far, "out-of-window"),
        (unsent, "out-of-window"),
        (before_its_start, "out-of-window"),
    ] {
        let (read, found) = after_handshake(&[packet.clone(), piece(0, 8)]);
        assert_eq!((read, found), (BYTES.to_vec(), vec![finding]), "{packet:?}");
    }
    let mut malformed = fake().l3();
    malformed[32] = 0x40;
    let mut connection = Connection::open();
    connection.send_l3(true, &malformed);
    connection.send(&piece(0, 8));
    assert_eq!((connection.read(), connection.found()), (BYTES.to_vec(), vec!["fake-segment"]));
}

#[test]
fn bytes_before_the_first_are_cut_off_and_noted() {
    let early = CONNECTION.data(-5, b"12345:bcd:fgh");
    let (read, found) = after_handshake(&[early, piece(0, 8)]);
    assert_eq!((read, found), (BYTES.to_vec(), vec!["fake-segment"]));
    let keepalive = CONNECTION.data(-1, b"\0");
    assert_eq!(after_handshake(&[keepalive, piece(0, 8)]), (BYTES.to_vec(), Vec::new()));
}

#[test]
fn payload_of_a_syn_is_read_where_it_is_acknowledged() {
    for (acknowledged, expected) in [(0, &b":bcd:fgh"[..]), (8, b":nnocent")] {
        let mut connection = Connection::new();
        connection.send(&Segment { payload: b":nnocent".to_vec(), ..CONNECTION.syn() });
        let acknowledged = CONNECTION.client.wrapping_add(1 + acknowledged);
        connection.send(&Segment { acknowledged, ..CONNECTION.syn_ack() });
        connection.send(&piece(0, 8));
        assert_eq!(connection.read(), expected);
    }
}

#[test]
fn a_second_syn_counts_when_it_is_the_one_that_is_answered() {
    for acknowledged in [CONNECTION.client.wrapping_add(1), 5001] {
        let mut connection = Connection::new();
        connection.send(&CONNECTION.syn());
        connection.send(&Segment { sequence: 5000, ..CONNECTION.syn() });
        connection.send(&Segment { acknowledged, ..CONNECTION.syn_ack() });
        connection.send(&Segment { sequence: acknowledged, ..piece(0, 8) });
        assert_eq!(connection.read(), BYTES, "{acknowledged}");
    }
}

#[test]
fn an_urgent_byte_is_not_read_in_line() {
    let with =
        Segment { flags: flags::ACK | flags::URG, urgent: 3, ..CONNECTION.data(0, b":bXcd:fgh") };
    let (read, found) = after_handshake(&[with, CONNECTION.data(9, b"ij")]);
    assert_eq!((read, found), (b":bcd:fghij".to_vec(), vec!["ambiguous"]));
}

#[test]
fn what_is_not_read_makes_no_byte_urgent() {
    let urgent = Segment { flags: flags::ACK | flags::URG, urgent: 3, ..fake() };
    for unread in [Segment { damage: 1, ..urgent.clone() }, Segment { ttl: 2, ..urgent }] {
        assert_eq!(after_handshake(&[unread, piece(0, 8)]).0, BYTES);
    }
}

#[test]
fn payload_of_a_reset_is_not_read() {
    let flags = flags::RST | flags::ACK;
    for at in [0, 1] {
        let reset = Segment { flags, ..CONNECTION.data(at, b":nnocent") };
        assert_eq!(after_handshake(&[reset, piece(0, 8)]).0, BYTES);
    }
}

#[test]
fn a_long_segment_with_a_bad_checksum_is_as_bad_as_a_short_one() {
    let mut connection = Connection::new();
    let small = Segment { options: vec![2, 4, 2, 24], ..CONNECTION.syn_ack() };
    for segment in [CONNECTION.syn(), small] {
        connection.send(&segment);
    }
    for length in [600, 2000] {
        connection.send(&Segment { damage: 1, ..CONNECTION.data(0, &vec![7; length]) });
    }
    connection.send(&piece(0, 8));
    assert_eq!(connection.read(), BYTES);
}

#[test]
fn a_doubt_before_the_answer_to_the_syn_waits_too() {
    let mut connection = Connection::new();
    for segment in
        [CONNECTION.syn(), Segment { ttl: 2, ..fake() }, CONNECTION.syn_ack(), piece(0, 8)]
    {
        connection.send(&segment);
    }
    assert_eq!(connection.read(), BYTES);
    // Where no answer is ever seen, it is read when nothing more is shown.
    let mut one_way = Connection::new();
    for segment in [CONNECTION.syn(), Segment { ttl: 2, ..piece(0, 8) }] {
        one_way.send(&segment);
    }
    assert_eq!(one_way.read(), b"");
    one_way.release();
    assert_eq!(one_way.read(), BYTES);
}

#[test]
fn a_later_copy_with_other_bytes_is_noted() {
    let (read, found) = after_handshake(&[piece(0, 8), fake()]);
    assert_eq!((read, found), (BYTES.to_vec(), vec!["ambiguous"]));
    let keepalive = CONNECTION.data(7, b"\0");
    assert_eq!(after_handshake(&[piece(0, 8), keepalive]).1, Vec::<&str>::new());
}

#[test]
fn early_segments_are_read_as_linux_keeps_them() {
    // One that covers an earlier one takes its place; one that is covered is not kept.
    let covering = [CONNECTION.data(4, b"XX"), CONNECTION.data(2, b"cd:fgh"), piece(0, 2)];
    assert_eq!(after_handshake(&covering).0, BYTES);
    let covered = [CONNECTION.data(2, b"cd:fgh"), CONNECTION.data(4, b"XX"), piece(0, 2)];
    assert_eq!(after_handshake(&covered).0, BYTES);
    for sent in [covering, covered] {
        assert!(after_handshake(&sent).1.contains(&"ambiguous"));
    }
}

#[test]
fn a_hole_that_the_other_end_has_not_is_not_waited_for() {
    let mut connection = Connection::open();
    connection.send(&piece(4, 8));
    assert_eq!(connection.read(), b"");
    connection.send(&CONNECTION.answer(8, b""));
    assert_eq!(connection.read(), b":fgh", "the first half went by unseen");
}

#[test]
fn a_stream_without_anything_that_waits_takes_less_than_a_kilobyte() {
    let mut connection = Connection::open();
    assert_eq!(connection.stream.kept(), 0);
    connection.send(&piece(0, 8));
    assert_eq!(connection.stream.kept(), 8, "to be compared with copies");
    assert!(size_of::<Stream>() < 1000, "{}", size_of::<Stream>());
    println!("{} bytes", size_of::<Stream>());
}

#[test]
fn what_is_kept_is_bounded() {
    let mut connection = Connection::open();
    for at in 1..=20 {
        connection.send(&CONNECTION.data(at * 1000, &[7; 1000]));
        assert!(connection.stream.kept() <= MOST_KEPT);
    }
    assert!(connection.found().contains(&"oversize"));
}

#[test]
fn at_the_end_all_that_waited_is_read_for_the_record() {
    let mut connection = Connection::open();
    connection.send(&Segment { ttl: 2, ..piece(0, 4) });
    connection.send(&piece(4, 8));
    connection.stream.release(&mut connection.findings, |_| panic!("nobody acknowledged it"));
    connection.release_all();
    assert_eq!(connection.read().len(), 8);
    let mut refused = Connection::new();
    refused.send(&Segment { flags: 0, ..fake() });
    refused.release_all();
    assert_eq!(refused.read(), b":nnocent");
}

#[test]
fn a_stream_without_its_start_is_read_as_it_comes() {
    let mut connection = Connection::new();
    for packet in [piece(4, 8), piece(0, 4)] {
        connection.send(&packet);
    }
    assert_eq!(connection.read(), b":fgh:bcd");
}

#[test]
fn a_stream_whose_start_the_kernel_has_seen_is_read_in_order() {
    let side = |initial| SideNumbers { initial, acknowledged: 0, known: Known::INITIAL };
    let numbers =
        SequenceNumbers { lower: side(CONNECTION.client), upper: side(CONNECTION.server) };
    for (numbers, expected) in [(numbers, BYTES), (SequenceNumbers::UNKNOWN, &b":fgh:bcd"[..])] {
        let mut connection = Connection::new();
        for segment in [piece(4, 8), piece(0, 4)] {
            connection.send_with(true, &segment.l3(), numbers);
        }
        assert_eq!(connection.read(), expected);
    }
}

#[test]
fn many_packets_that_bring_nothing_are_noted() {
    let idle = vec![CONNECTION.data(0, b""); 20];
    assert_eq!(after_handshake(&idle).1, ["budget-padding"]);
    assert_eq!(after_handshake(&idle[..10]).1, Vec::<&str>::new());
}

#[test]
fn a_first_message_is_read_whole_however_it_is_cut() {
    let request = b"GET / HTTP/1.1\r\nHost: www.example.org\r\n\r\n";
    for cut in 1..request.len() {
        let cut_at = i32::try_from(cut).unwrap();
        let parts = [CONNECTION.data(0, &request[..cut]), CONNECTION.data(cut_at, &request[cut..])];
        let mut whole = None;
        let mut connection = Connection::open();
        for part in parts {
            let before = connection.read().len();
            connection.send(&part);
            let read = connection.read().split_off(before);
            whole = whole.or((!read.is_empty()).then_some(read));
        }
        assert!(whole.unwrap().starts_with(&request[..39]), "{cut}");
        assert_eq!(connection.read(), request);
    }
}

#[test]
fn the_three_cases_of_a_checksum() {
    let of = |l3: &[u8]| match Reading::of(l3) {
        Reading::Segment(segment) => Checksum::of(l3, &segment),
        other => panic!("{other:?}"),
    };
    for length in 0..=BYTES.len() {
        assert_eq!(of(&piece(0, length).l3()), Checksum::Valid);
        assert_eq!(of(&Segment { damage: 1, ..piece(0, length) }.l3()), Checksum::Bad);
    }
    // 198.18.0.1 and 198.18.0.2, protocol 6, 28 bytes.
    let pseudo = (0xc612 + 1 + 0xc612 + 2 + 6 + 28_u32) % 0xffff;
    let mut l3 = piece(0, 8).l3();
    l3[36..38].copy_from_slice(&u16::try_from(pseudo).unwrap().to_be_bytes());
    assert_eq!(of(&l3), Checksum::Partial);
}

#[test]
fn every_length_of_a_packet_is_survived() {
    let whole = Segment { options: vec![8, 10, 0, 0, 0, 0, 0, 0, 0, 0, 1, 1], ..piece(0, 8) }.l3();
    for length in 0..=whole.len() {
        let mut connection = Connection::open();
        connection.send_l3(true, &whole[..length]);
        connection.release_all();
    }
}
