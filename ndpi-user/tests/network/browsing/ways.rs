//! Ways to ask for a site: those of tools that get round filters.

use std::thread;
use std::time::Duration;

use socket2::SockRef;
use testkit::tcp::Segment;
use testkit::tls::{HANDSHAKE, record};

use super::site::SERVER;
use crate::client::{Client, TTL};
use crate::fragments::fragments;

/// What a client says first, and the same about another site, of the same length.
pub(super) struct Opening<'a> {
    pub(super) port: u16,
    pub(super) first: &'a [u8],
    pub(super) decoy: &'a [u8],
}

/// Connects and says what comes first. What the server reads is about the site that is asked for.
pub(super) type Way = fn(&Opening<'_>) -> Client;

/// Which of TLS and HTTP a way is for.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum For {
    Both,
    Tls,
    Http,
}

/// All of them.
pub(super) const WAYS: [(&str, For, Way); 20] = [
    ("as it is", For::Both, |it| say(it, |client| client.write(it.first))),
    ("in small pieces", For::Both, |it| {
        say(it, |client| it.first.chunks(40).for_each(|piece| client.write(piece)))
    }),
    ("backwards", For::Both, |it| {
        say(it, |client| {
            for (number, piece) in it.first.chunks(50).enumerate().skip(1).rev() {
                inject_at(client, number * 50, piece);
            }
            client.write(it.first);
        })
    }),
    ("over the tail of another", For::Both, |it| {
        say(it, |client| {
            inject_at(client, 20, &it.decoy[20..]);
            client.write(it.first);
        })
    }),
    ("under another", For::Both, |it| {
        say(it, |client| {
            inject_at(client, 0, it.first);
            settle();
            client.write(it.decoy);
        })
    }),
    ("in fragments under another", For::Both, |it| {
        say(it, |client| {
            let whole = Segment { ttl: TTL, ..client.connection.data(0, it.first) };
            for fragment in fragments(&whole.l3(), client.connection.ports[0], &[24, 64, 80]) {
                client.send(&fragment);
            }
            settle();
            client.write(it.decoy);
        })
    }),
    ("beside one with a bad checksum", For::Both, |it| {
        beside(it, |_, fake| Segment { damage: 3, ..fake })
    }),
    ("beside one that comes not far enough", For::Both, |it| {
        beside(it, |_, fake| Segment { ttl: 1, ..fake })
    }),
    ("beside one with an old timestamp", For::Both, |it| {
        beside(it, |client, fake| {
            let old = client.stamp.wrapping_sub(1_000_000).to_be_bytes();
            Segment { options: [&[1, 1, 8, 10][..], &old, &[0; 4]].concat(), ..fake }
        })
    }),
    ("beside one that is signed", For::Both, |it| {
        beside(it, |_, fake| Segment {
            options: [&[19, 18][..], &[0; 16], &[1, 1]].concat(),
            ..fake
        })
    }),
    ("beside one without flags", For::Both, |it| {
        beside(it, |_, fake| Segment { flags: 0, ..fake })
    }),
    ("beside one out of the window", For::Both, |it| {
        beside(it, |_, fake| Segment { sequence: fake.sequence.wrapping_add(1 << 28), ..fake })
    }),
    ("beside one that was read before", For::Both, |it| {
        beside(it, |client, fake| {
            let early = i32::try_from(fake.payload.len()).unwrap();
            client.connection.data(-early, &fake.payload)
        })
    }),
    // In the clear, nginx does not read on by itself where one read has ended at the mark.
    ("with an urgent byte", For::Tls, |it| {
        say(it, |client| {
            client.write(&it.first[..40]);
            SockRef::from(&client.stream).send_out_of_band(b"X").unwrap();
            client.write(&it.first[40..]);
        })
    }),
    ("in the SYN", For::Both, |it| Client::connect_saying(SERVER, it.port, it.first)),
    ("in many records", For::Tls, |it| {
        say(it, |client| {
            // Behind the head of the record that it is in.
            let (first, rest) = it.first[5..].split_at(60);
            let parts = [first, b""].into_iter().chain(rest.chunks(60));
            parts.for_each(|part| client.write(&record(HANDSHAKE, part)));
        })
    }),
    ("with a dot", For::Http, |it| {
        let dotted = text(it.first).replacen(".com", ".com.", 1);
        say(it, |client| client.write(dotted.as_bytes()))
    }),
    ("behind empty lines, with bare line feeds", For::Http, |it| {
        let bare = format!("\r\n{}", text(it.first).replace("\r\n", "\n"));
        say(it, |client| client.write(bare.as_bytes()))
    }),
    ("with a target that says more than the host", For::Http, |it| {
        let target = format!("GET   ftp://{}/", host(it.first));
        let target = text(it.decoy).replacen("GET /", &target, 1);
        say(it, |client| client.write(target.as_bytes()))
    }),
    ("behind long lines", For::Http, |it| {
        // More than is kept, in fewer packets than are shown.
        let long = format!("Cookie: {}\r\n", "x".repeat(6000));
        let target = format!("GET /{} HTTP/1.1\r\n{long}", "x".repeat(2000));
        let long = text(it.first).replacen("GET / HTTP/1.1\r\n", &target, 1);
        say(it, |client| client.write(long.as_bytes()))
    }),
];

/// The host in the head of a request.
pub(super) fn host(head: &[u8]) -> String {
    text(head).split("Host: ").nth(1).unwrap().lines().next().unwrap().to_owned()
}

pub(super) fn text(bytes: &[u8]) -> String {
    String::from_utf8(bytes.to_vec()).unwrap()
}

pub(super) fn say(opening: &Opening<'_>, says: impl FnOnce(&Client)) -> Client {
    let client = Client::connect_to(SERVER, opening.port);
    says(&client);
    client
}

/// Says it behind a copy that asks for another site, and that no server reads.
pub(super) fn beside(
    opening: &Opening<'_>,
    fake: impl FnOnce(&Client, Segment) -> Segment,
) -> Client {
    say(opening, |client| {
        let whole = Segment { ttl: TTL, ..client.connection.data(0, opening.decoy) };
        let fake = fake(client, whole);
        let ttl = if fake.ttl == 1 { 1 } else { TTL };
        client.send(&Segment { ttl, ..fake }.l3());
        client.write(opening.first);
    })
}

/// Sends bytes of the stream that the client's kernel knows nothing of.
pub(super) fn inject_at(client: &Client, at: usize, bytes: &[u8]) {
    client.inject(&client.connection.data(i32::try_from(at).unwrap(), bytes));
}

/// What follows is to arrive on its own.
pub(super) fn settle() {
    thread::sleep(Duration::from_millis(20));
}
