//! TCP streams between real kernels, sent in the ways of tools that get round filters: what is blocked
//! stays blocked, and what is allowed arrives whole.

use std::io::{Read as _, Write as _};
use std::net::TcpListener;
use std::thread;
use std::time::Duration;

use socket2::SockRef;
use testkit::instance::Instance;
use testkit::interface::{self, Feature};
use testkit::pair::{NEAR, Pair};
use testkit::program::PROGRAMS;
use testkit::tcp::Segment;
use testkit::tls::{answer, hello, in_records};

use crate::client::Client;
use crate::ready;

const BLOCKED: &str = "www.facebook.com";
const ALLOWED: &str = "www.example.com";
/// What a server sends when a flow's verdict stands.
const PAGE: usize = 200_000;
/// How long something may take that nobody blocks.
const PATIENCE: Duration = Duration::from_secs(10);
/// How long something is waited for that does not come.
const SILENCE: Duration = Duration::from_millis(60);

/// Sends a hello, and returns how many bytes the server reads of it.
type Way = fn(&Client, &str) -> usize;

const WAYS: [(&str, Way); 9] = [
    ("as it is", |client, name| {
        client.write(&hello(name));
        hello(name).len()
    }),
    ("in small pieces", |client, name| {
        for piece in hello(name).chunks(9) {
            client.write(piece);
        }
        hello(name).len()
    }),
    ("in two records", |client, name| {
        client.write(&in_records(name, 60));
        in_records(name, 60).len()
    }),
    ("in records and pieces", |client, name| {
        for piece in in_records(name, 11).chunks(25) {
            client.write(piece);
        }
        in_records(name, 11).len()
    }),
    ("with a dot", |client, name| {
        let hello = hello(&format!("{name}."));
        client.write(&hello);
        hello.len()
    }),
    ("with an urgent byte", |client, name| {
        let hello = hello(name);
        client.write(&hello[..40]);
        SockRef::from(&client.stream).send_out_of_band(b"X").unwrap();
        client.write(&hello[40..]);
        hello.len()
    }),
    ("beside one with a bad checksum", |client, name| {
        let fake = client.connection.data(0, &hello(other(name)));
        client.inject(&Segment { damage: 3, ..fake });
        client.write(&hello(name));
        hello(name).len()
    }),
    ("beside one that is signed", |client, name| {
        let signature = [&[19, 18][..], &[0; 16], &[1, 1]].concat();
        let fake = client.connection.data(0, &hello(other(name)));
        client.inject(&Segment { options: signature, ..fake });
        client.write(&hello(name));
        hello(name).len()
    }),
    ("beside one without flags", |client, name| {
        let fake = client.connection.data(0, &hello(other(name)));
        client.inject(&Segment { flags: 0, ..fake });
        client.write(&hello(name));
        hello(name).len()
    }),
];

/// The site that a fake names: an innocent one for what is blocked, and the other way round.
fn other(name: &str) -> &'static str {
    if name == BLOCKED { ALLOWED } else { BLOCKED }
}

/// How much of a page arrives when its site is asked for in this way.
fn page(
    pair: &Pair,
    instance: &Instance,
    listener: &TcpListener,
    (way, name): (Way, &str),
) -> usize {
    let port = listener.local_addr().unwrap().port();
    let client = pair.far(|| Client::connect(port));
    let (mut server, from) = listener.accept().unwrap();
    for end in [&client.stream, &server] {
        end.set_read_timeout(Some(PATIENCE)).unwrap();
    }
    let length = pair.far(|| way(&client, name));
    server.read_exact(&mut vec![0; length]).unwrap();
    server.write_all(&answer()).unwrap();
    let verdict = instance.wait_for(|it| it["type"] == "verdict" && it["sport"] == from.port());
    let is_blocked = verdict["action"] == "drop";
    server.set_nonblocking(false).unwrap();
    let sender = thread::spawn(move || {
        let _ = server.set_write_timeout(Some(PATIENCE));
        let _ = server.write_all(&vec![7; PAGE]);
        server
    });
    client.stream.set_read_timeout(Some(if is_blocked { SILENCE } else { PATIENCE })).unwrap();
    let (mut arrived, mut buffer) = (0, vec![0; 1 << 16]);
    while arrived < PAGE + answer().len() {
        match (&client.stream).read(&mut buffer) {
            Ok(length) if length > 0 => arrived += length,
            _ => break,
        }
    }
    drop(client);
    drop(sender);
    arrived
}

fn set_offloads(interface: &str, on: bool) {
    for feature in [Feature::TransmitChecksum, Feature::Segmentation, Feature::ReceiveOffload] {
        interface::switch(interface, feature, on).unwrap();
    }
}

#[test]
fn sites_are_blocked_and_allowed_in_whatever_way_they_are_asked_for() {
    if !ready(&PROGRAMS) {
        return;
    }
    for offloads in [true, false] {
        let pair = Pair::new();
        pair.near(|| set_offloads("left", offloads));
        pair.far(|| set_offloads("right", offloads));
        let rule = "[[rule]]\nname = \"the rule\"\napp = \"Facebook\"\naction = \"drop\"\n";
        let policy = pair.sandbox.file("policy.toml", rule);
        let run = format!("run --iface left --json --policy {}", policy.display());
        let instance = pair.sandbox.start(&run);
        let listener = pair.near(|| TcpListener::bind((NEAR, 443)).unwrap());
        for (what, way) in WAYS {
            let whole = PAGE + answer().len();
            let arrived = page(&pair, &instance, &listener, (way, BLOCKED));
            assert!(arrived <= answer().len(), "{what}, offloads {offloads}: {arrived} bytes");
            let arrived = page(&pair, &instance, &listener, (way, ALLOWED));
            assert_eq!(arrived, whole, "{what}, offloads {offloads}");
        }
    }
}
