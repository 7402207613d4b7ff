//! Ways to ask for a site beside segments that its server discards: resets, ends and openings of connections, and what
//! acknowledges too little or too much.

use std::thread;
use std::time::Duration;

use socket2::SockRef;
use testkit::tcp::{Connection, Segment, flags};

use super::site::SERVER;
use super::ways::{For, Opening, Way, beside, say};
use crate::client::{Client, TTL};

/// Those that use up the budget of a flow: while more of it is shown, nothing is held, and what the server sends before
/// the verdict passes.
pub(super) const MORE_SHOWN: [&str; 2] = [PIECES, TINY_PIECES];
const PIECES: &str = "in small pieces between two bad copies of each";
const TINY_PIECES: &str = "in tiny pieces behind a bad copy of each";

/// All of them.
pub(super) const FORGED: [(&str, For, Way); 22] = [
    ("beside one with an old acknowledgement", For::Both, |it| {
        beside(it, |_, fake| Segment {
            acknowledged: fake.acknowledged.wrapping_sub(66_000),
            ..fake
        })
    }),
    ("beside one that acknowledges what was never sent", For::Both, |it| {
        beside(it, |_, fake| Segment {
            acknowledged: fake.acknowledged.wrapping_add(100_000),
            ..fake
        })
    }),
    ("behind a reset out of the window", For::Both, |it| {
        behind(it, |whole| Segment {
            sequence: whole.sequence.wrapping_add(1 << 28),
            ..reset(whole)
        })
    }),
    ("behind a reset in the window", For::Both, |it| {
        behind(it, |whole| Segment { sequence: whole.sequence.wrapping_add(100), ..reset(whole) })
    }),
    ("behind a reset with a bad checksum", For::Both, |it| {
        behind(it, |whole| Segment { damage: 3, ..reset(whole) })
    }),
    ("behind a reset that comes not far enough", For::Both, |it| {
        behind(it, |whole| Segment { ttl: 1, ..reset(whole) })
    }),
    ("behind an end with a bad checksum", For::Both, |it| {
        behind(it, |whole| Segment { damage: 3, ..end(whole) })
    }),
    ("behind an end that comes not far enough", For::Both, |it| {
        behind(it, |whole| Segment { ttl: 1, ..end(whole) })
    }),
    ("behind another SYN", For::Both, |it| {
        behind(it, |whole| Segment {
            flags: flags::SYN,
            sequence: whole.sequence.wrapping_add(5_000_000),
            acknowledged: 0,
            payload: Vec::new(),
            ..whole
        })
    }),
    ("behind an answer to itself", For::Both, |it| {
        behind(it, |whole| Segment {
            flags: flags::SYN | flags::ACK,
            sequence: whole.sequence.wrapping_add(5_000_000),
            payload: Vec::new(),
            ttl: 1,
            ..whole
        })
    }),
    ("on a connection that begins with another SYN", For::Both, |it| opened_behind(it, flags::SYN)),
    ("on a connection that begins with an answer", For::Both, |it| {
        opened_behind(it, flags::SYN | flags::ACK)
    }),
    ("on a connection that begins with payload", For::Both, |it| {
        let client = Client::connect_behind(SERVER, it.port, |connection: Connection| Segment {
            ttl: 1,
            ..connection.data(0, it.decoy)
        });
        client.write(it.first);
        client
    }),
    ("some time behind one that comes not far enough", For::Both, |it| {
        say(it, |client| {
            client.send(&Segment { ttl: 1, ..client.connection.data(0, b"x") }.l3());
            // Longer than an answer is held.
            thread::sleep(Duration::from_millis(1100));
            client.write(it.first);
        })
    }),
    ("on a connection that begins with a reset", For::Both, |it| opened_behind(it, flags::RST)),
    ("with the end of another before its first byte", For::Both, |it| {
        say(it, |client| {
            let bytes = [&it.decoy[..30], &it.first[..40]].concat();
            client.inject(&client.connection.data(-30, &bytes));
            client.write(it.first);
        })
    }),
    ("with nothing forged but the name", For::Both, |it| {
        let differs = |at: &usize| it.first[*at] != it.decoy[*at];
        let at = (0..it.first.len()).find(differs).unwrap();
        let behind = (0..it.first.len()).rfind(differs).unwrap() + 1;
        say(it, |client| {
            let name = client.connection.data(i32::try_from(at).unwrap(), &it.decoy[at..behind]);
            client.send(&Segment { ttl: 1, ..name }.l3());
            client.write(it.first);
        })
    }),
    ("in pieces between those of another", For::Both, |it| {
        say(it, |client| {
            let pieces = it.first.chunks(200).zip(it.decoy.chunks(200));
            for (number, (piece, fake)) in pieces.enumerate() {
                let at = i32::try_from(number * 200).unwrap();
                let fake = Segment { damage: 3, ttl: TTL, ..client.connection.data(at, fake) };
                client.send(&fake.l3());
                client.write(piece);
                client.send(&fake.l3());
            }
        })
    }),
    (PIECES, For::Both, |it| say(it, |client| in_pieces(client, it.first, it.decoy, 60, 2))),
    (TINY_PIECES, For::Both, |it| say(it, |client| in_pieces(client, it.first, it.decoy, 12, 1))),
    ("in records of another version", For::Tls, |it| {
        let other = [&it.first[..1], &[3, 4], &it.first[3..]].concat();
        say(it, |client| client.write(&other))
    }),
    ("behind an urgent byte", For::Tls, |it| {
        say(it, |client| {
            SockRef::from(&client.stream).send_out_of_band(b"X").unwrap();
            client.write(it.first);
        })
    }),
];

/// Says it in pieces of so many bytes, with so many bad copies beside each.
fn in_pieces(client: &Client, first: &[u8], decoy: &[u8], size: usize, copies: usize) {
    for (number, (piece, fake)) in first.chunks(size).zip(decoy.chunks(size)).enumerate() {
        let at = i32::try_from(number * size).unwrap();
        let fake = Segment { damage: 3, ttl: TTL, ..client.connection.data(at, fake) };
        (0..copies).for_each(|_| client.send(&fake.l3()));
        client.write(piece);
    }
}

/// A reset at its place.
fn reset(whole: Segment) -> Segment {
    Segment { flags: flags::RST, payload: Vec::new(), ..whole }
}

/// The end of the stream at its place.
fn end(whole: Segment) -> Segment {
    Segment { flags: flags::FIN | flags::ACK, payload: Vec::new(), ..whole }
}

/// Says it behind a segment that is made of one which asks for another site.
fn behind(opening: &Opening<'_>, forged: fn(Segment) -> Segment) -> Client {
    beside(opening, |_, whole| forged(whole))
}

/// Says it on a connection before whose SYN another segment with these flags came not far enough.
fn opened_behind(opening: &Opening<'_>, flags: u8) -> Client {
    let client = Client::connect_behind(SERVER, opening.port, |connection: Connection| Segment {
        flags,
        ttl: 1,
        ..connection.data(0, b"")
    });
    client.write(opening.first);
    client
}
