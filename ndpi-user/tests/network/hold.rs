//! Answers that are held back until the verdict on their connection stands.

use std::io::{Read as _, Write as _};
use std::net::{Shutdown, TcpListener};
use std::time::Duration;

use rustix::process::Signal;
use testkit::instance::Instance;
use testkit::pair::{NEAR, Pair};
use testkit::program::PROGRAMS;
use testkit::tls::{DATA, answer, hello, record};

use crate::client::Client;
use crate::counted::counted;
use crate::ready;

const BLOCKED: &str = "www.facebook.com";
const ALLOWED: &str = "www.example.com";
/// What a server sends in one go, without waiting for anything: less than the first window of TCP.
const PAGE: usize = 8_000;
/// How long something may take that nobody blocks.
const PATIENCE: Duration = Duration::from_secs(10);
/// How long something is waited for that does not come: several times as long as TCP waits before it sends again.
const SILENCE: Duration = Duration::from_secs(1);

const RULE: &str = "[[rule]]\nname = \"the rule\"\napp = \"Facebook\"\naction = \"drop\"\n";

fn start(pair: &Pair, settings: &str) -> Instance {
    let policy = pair.sandbox.file("policy.toml", &format!("{settings}{RULE}"));
    pair.sandbox.start(&format!("run --iface left --json --policy {}", policy.display()))
}

/// Asks for a site, and returns how much of its page arrives.
fn arriving(pair: &Pair, listener: &TcpListener, site: &str, patience: Duration) -> usize {
    let port = listener.local_addr().unwrap().port();
    let client = pair.far(|| Client::connect(port));
    let (mut server, _) = listener.accept().unwrap();
    let page = [answer(), record(DATA, &[7; PAGE])].concat();
    client.write(&hello(site));
    server.set_read_timeout(Some(PATIENCE)).unwrap();
    server.read_exact(&mut vec![0; hello(site).len()]).unwrap();
    server.write_all(&page).unwrap();
    client.stream.set_read_timeout(Some(patience)).unwrap();
    let (mut arrived, mut buffer) = (0, vec![0; 1 << 16]);
    while arrived < page.len() {
        match (&client.stream).read(&mut buffer) {
            Ok(length) if length > 0 => arrived += length,
            _ => break,
        }
    }
    let _ = server.shutdown(Shutdown::Both);
    assert!(arrived == 0 || arrived == page.len(), "{arrived} bytes of a page");
    arrived
}

#[test]
fn nothing_of_a_blocked_page_arrives_where_answers_are_held() {
    if !ready(&PROGRAMS) {
        return;
    }
    let pair = Pair::new();
    let mut instance = start(&pair, "hold = true\n");
    let listener = pair.near(|| TcpListener::bind((NEAR, 443)).unwrap());
    for _ in 0..3 {
        assert_eq!(arriving(&pair, &listener, BLOCKED, SILENCE), 0);
        assert!(arriving(&pair, &listener, ALLOWED, PATIENCE) > PAGE);
    }
    assert!(counted(&pair.sandbox, "dropped", "held") > 0);
    assert_eq!(counted(&pair.sandbox, "passed", "held"), 0);
    assert!(instance.end(Signal::TERM).success(), "{}", instance.stderr());
    let records = instance.rest();
    let blocked: Vec<_> =
        records.iter().filter(|it| it["type"] == "flow" && it["action"] == "drop").collect();
    assert_eq!(blocked.len(), 3);
    for flow in blocked {
        // The handshake, the hello and what acknowledges it.
        assert!(flow["leaked"].as_u64().is_some_and(|leaked| (4..=5).contains(&leaked)), "{flow}");
    }
}

#[test]
fn no_answer_is_held_where_the_policy_does_not_say_so() {
    if !ready(&PROGRAMS) {
        return;
    }
    let pair = Pair::new();
    let instance = start(&pair, "");
    let listener = pair.near(|| TcpListener::bind((NEAR, 443)).unwrap());
    assert!(arriving(&pair, &listener, ALLOWED, PATIENCE) > PAGE);
    assert_eq!(counted(&pair.sandbox, "dropped", "held"), 0);
    drop(instance);
}
