//! A TLS hello in every way that its receiver still reads, and beside others that it does not.

use testkit::tcp::{Connection, Segment, flags};
use testkit::tls::{DATA, answer, hello, in_records, record};

use super::{Way, assert_all};

const BLOCKED: &str = "www.facebook.com";
const INNOCENT: &str = "www.example.com";

/// The answer to a hello, and what is to be dropped then.
fn rest(connection: Connection, hello: usize) -> Vec<Segment> {
    let mut segments = vec![connection.answer(hello, b""), connection.answer(hello, &answer())];
    for at in 0..6 {
        let before = i32::try_from(hello).unwrap();
        segments.push(connection.data(before + at * 45, &record(DATA, &[9; 40])));
    }
    segments
}

/// A connection in which these are sent between the handshake and the answer.
fn way(name: &'static str, connection: Connection, sent: impl IntoIterator<Item = Segment>) -> Way {
    way_of(name, connection, sent, hello(BLOCKED).len())
}

fn way_of(
    name: &'static str,
    connection: Connection,
    sent: impl IntoIterator<Item = Segment>,
    length: usize,
) -> Way {
    let handshake = connection.handshake().into_iter();
    Way { name, segments: handshake.chain(sent).chain(rest(connection, length)).collect() }
}

/// Part of the hello that is to be blocked.
fn part(connection: Connection, from: usize, to: usize) -> Segment {
    connection.data(i32::try_from(from).unwrap(), &hello(BLOCKED)[from..to])
}

fn real(connection: Connection) -> Segment {
    part(connection, 0, hello(BLOCKED).len())
}

/// Another hello in its place.
fn fake(connection: Connection) -> Segment {
    connection.data(0, &hello(INNOCENT))
}

/// Where in the hello the name begins.
fn at_name() -> usize {
    let whole = hello(BLOCKED);
    whole.windows(BLOCKED.len()).position(|bytes| bytes == BLOCKED.as_bytes()).unwrap()
}

fn stamped(segment: Segment, time: u32) -> Segment {
    let options = [&[1, 1, 8, 10][..], &time.to_be_bytes(), &[0; 4]].concat();
    Segment { options, ..segment }
}

/// Bytes in segments of so many.
fn in_pieces(connection: Connection, bytes: &[u8], size: usize) -> Vec<Segment> {
    let starts = (0_i32..).step_by(size);
    starts.zip(bytes.chunks(size)).map(|(at, part)| connection.data(at, part)).collect()
}

#[test]
fn a_hello_is_blocked_however_it_is_cut() {
    assert_all(
        "ways-cut",
        443,
        "drop",
        &[
            |to| way("as it is", to, [real(to)]),
            |to| way("in small pieces", to, in_pieces(to, &hello(BLOCKED), 3)),
            |to| {
                way(
                    "the last piece first",
                    to,
                    in_pieces(to, &hello(BLOCKED), 50).into_iter().rev(),
                )
            },
            |to| {
                let (middle, end) = (at_name() + 3, hello(BLOCKED).len());
                way(
                    "pieces twice",
                    to,
                    [part(to, 0, 50), part(to, 0, 50), part(to, 20, middle), part(to, 0, end)],
                )
            },
            |to| {
                let before = [&[7; 30], &hello(BLOCKED)[..20]].concat();
                way(
                    "bytes before its first",
                    to,
                    [to.data(-30, &before), part(to, 20, hello(BLOCKED).len())],
                )
            },
            |to| {
                way_of(
                    "in two records",
                    to,
                    [to.data(0, &in_records(BLOCKED, 50))],
                    in_records(BLOCKED, 50).len(),
                )
            },
            |to| {
                let pieces = in_pieces(to, &in_records(BLOCKED, 7), 40);
                way_of(
                    "in records and pieces",
                    to,
                    pieces.into_iter().rev(),
                    in_records(BLOCKED, 7).len(),
                )
            },
            |to| {
                let with_dot = hello(&format!("{BLOCKED}."));
                way_of("a dot behind the name", to, [to.data(0, &with_dot)], with_dot.len())
            },
            |to| {
                let (before, after) = (&hello(BLOCKED)[..60], &hello(BLOCKED)[60..]);
                let urgent = to.data(0, &[before, b"X", after].concat());
                let urgent = Segment { flags: flags::ACK | flags::URG, urgent: 61, ..urgent };
                way_of("an urgent byte within", to, [urgent], hello(BLOCKED).len() + 1)
            },
        ],
    );
}

#[test]
fn a_hello_is_blocked_whatever_is_sent_beside_it() {
    assert_all(
        "ways-beside",
        443,
        "drop",
        &[
            |to| way("a bad checksum", to, [Segment { damage: 9, ..fake(to) }, real(to)]),
            |to| way("one that does not arrive", to, [Segment { ttl: 3, ..fake(to) }, real(to)]),
            |to| {
                let signature = [&[19, 18][..], &[0; 16], &[1, 1]].concat();
                way(
                    "one that is signed",
                    to,
                    [Segment { options: signature, ..fake(to) }, real(to)],
                )
            },
            |to| way("one without flags", to, [Segment { flags: 0, ..fake(to) }, real(to)]),
            |to| way("one far away", to, [Segment { sequence: 9 << 20, ..fake(to) }, real(to)]),
            |to| {
                let unsent = Segment { acknowledged: to.server + (1 << 25), ..fake(to) };
                way("one that acknowledges too much", to, [unsent, real(to)])
            },
            |to| {
                let mut way = way("another SYN", to, [real(to)]);
                way.segments.insert(1, Segment { sequence: 5000, ..to.syn() });
                way
            },
            |to| {
                let mut way = way("payload of the SYN", to, [real(to)]);
                way.segments[0].payload = hello(INNOCENT);
                way
            },
            |to| {
                let mut way =
                    way("one from long ago", to, [stamped(fake(to), 5), stamped(real(to), 101)]);
                for segment in &mut way.segments[..2] {
                    *segment = stamped(segment.clone(), 100);
                }
                way
            },
        ],
    );
}

#[test]
fn what_strangers_send_changes_nothing_for_others() {
    assert_all(
        "ways-innocent",
        443,
        "count",
        &[
            |to| innocent("alone", to, []),
            |to| innocent("a guessed number", to, [Segment { sequence: 9 << 20, ..real(to) }]),
            |to| {
                innocent(
                    "a guessed acknowledgement",
                    to,
                    [Segment { acknowledged: 77, ..real(to) }],
                )
            },
            |to| innocent("a bad checksum", to, [Segment { damage: 1, ..real(to) }]),
            |to| innocent("from further away", to, [Segment { ttl: 51, ..real(to) }]),
            |to| innocent("no flags", to, [Segment { flags: 0, ..real(to) }]),
            |to| innocent("a SYN", to, [Segment { flags: flags::SYN, sequence: 77, ..real(to) }]),
        ],
    );
}

/// The connection of somebody else, with what a stranger sends before its hello.
fn innocent<const N: usize>(
    name: &'static str,
    connection: Connection,
    forged: [Segment; N],
) -> Way {
    let sent = forged.into_iter().chain([fake(connection)]);
    way_of(name, connection, sent, hello(INNOCENT).len())
}
