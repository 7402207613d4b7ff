//! A connection that asks for an allowed site first, and for a blocked one later.

use std::io::{Read as _, Write as _};
use std::net::TcpListener;

use testkit::instance::Instance;
use testkit::pair::{NEAR, Pair};
use testkit::program::PROGRAMS;

use crate::ready;
use crate::talk::{PATIENCE, SILENCE, Talk};

const ALLOWED: &str = "www.example.com";
const BLOCKED: &str = "www.facebook.com";

const RULE: &str = "[[rule]]\nname = \"the rule\"\napp = \"Facebook\"\naction = \"drop\"\n";

/// Opens a connection with requests for an allowed site, until its verdict stands.
fn open(talk: &mut Talk, instance: &Instance) {
    assert!(talk.ask(ALLOWED, 0, PATIENCE) > 0);
    let port = talk.port();
    let verdict = instance.wait_for(|it| it["type"] == "verdict" && it["sport"] == port);
    assert_eq!(verdict["action"], "count");
}

fn scene(pair: &Pair, policy: &str) -> (Instance, TcpListener) {
    let policy = pair.sandbox.file("policy.toml", policy);
    let run = format!("run --iface left --json --policy {}", policy.display());
    let instance = pair.sandbox.start(&run);
    let listener = pair.near(|| TcpListener::bind((NEAR, 80)).unwrap());
    (instance, listener)
}

#[test]
fn a_blocked_site_is_blocked_on_a_connection_that_an_allowed_one_opened() {
    if !ready(&PROGRAMS) {
        return;
    }
    let pair = Pair::new();
    let (instance, listener) = scene(&pair, RULE);
    let mut talk = Talk::new(&pair, &listener);
    open(&mut talk, &instance);
    for body in [0, 5, 100_000, 3] {
        assert!(talk.ask(ALLOWED, body, PATIENCE) > 0, "allowed, with {body} bytes");
    }
    // The request itself passes, so that the verdict can be made of it; its answer does not.
    let port = talk.port();
    assert!(talk.client.write_all(b"GET / HTTP/1.1\r\nHost: ").is_ok());
    let blocked = format!("{BLOCKED}\r\nAccept: */*\r\n\r\n");
    talk.client.write_all(blocked.as_bytes()).unwrap();
    let verdict = instance.wait_for(|it| it["type"] == "verdict" && it["sport"] == port);
    assert_eq!((&verdict["action"], &verdict["hostname"]), (&"drop".into(), &BLOCKED.into()));
    assert_eq!(verdict["decided_by"], "request");
    talk.server.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello").unwrap();
    talk.client.set_read_timeout(Some(SILENCE)).unwrap();
    assert!(talk.client.read(&mut [0; 1]).is_err(), "the answer arrived");
    // Others are not held for it.
    let mut other = Talk::new(&pair, &listener);
    open(&mut other, &instance);
    assert!(other.ask(ALLOWED, 10, PATIENCE) > 0);
}

#[test]
fn later_requests_pass_where_the_policy_says_so() {
    if !ready(&PROGRAMS) {
        return;
    }
    let pair = Pair::new();
    let (instance, listener) = scene(&pair, &format!("recheck = false\n{RULE}"));
    let mut talk = Talk::new(&pair, &listener);
    open(&mut talk, &instance);
    for _ in 0..3 {
        assert!(talk.ask(BLOCKED, 10, PATIENCE) > 0);
    }
}
