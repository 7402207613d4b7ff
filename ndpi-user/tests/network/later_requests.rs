//! A connection that asks for an allowed site first, and for a blocked one later.

use std::io::{Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::time::Duration;

use testkit::instance::Instance;
use testkit::pair::{NEAR, Pair};
use testkit::program::PROGRAMS;

use crate::ready;

const ALLOWED: &str = "www.example.com";
const BLOCKED: &str = "www.facebook.com";
/// How long something may take that nobody blocks.
const PATIENCE: Duration = Duration::from_secs(10);
/// How long something is waited for that does not come.
const SILENCE: Duration = Duration::from_millis(100);

const RULE: &str = "[[rule]]\nname = \"the rule\"\napp = \"Facebook\"\naction = \"drop\"\n";

/// Both ends of a connection through an instance.
struct Talk {
    client: TcpStream,
    server: TcpStream,
}

impl Talk {
    fn new(pair: &Pair, listener: &TcpListener) -> Self {
        let port = listener.local_addr().unwrap().port();
        let client = pair.far(|| TcpStream::connect((NEAR, port)).unwrap());
        let (server, _) = listener.accept().unwrap();
        client.set_nodelay(true).unwrap();
        server.set_read_timeout(Some(PATIENCE)).unwrap();
        Self { client, server }
    }

    fn port(&self) -> u16 {
        self.client.local_addr().unwrap().port()
    }

    /// A request with a body of so many bytes, which arrives, and as many bytes of the answer as arrive
    /// within some time.
    fn ask(&mut self, host: &str, body: usize, patience: Duration) -> usize {
        let head = format!(
            "POST / HTTP/1.1\r\nHost: {host}\r\nAccept: */*\r\nContent-Length: {body}\r\n\r\n"
        );
        let request = [head.as_bytes(), &vec![b'x'; body]].concat();
        // In two parts, in no way that a request has to be.
        let (one, two) = request.split_at(30);
        self.client.write_all(one).unwrap();
        self.client.write_all(two).unwrap();
        self.server.read_exact(&mut vec![0; request.len()]).unwrap();
        let answer =
            b"HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: 5\r\n\r\nhello";
        self.server.write_all(answer).unwrap();
        self.client.set_read_timeout(Some(patience)).unwrap();
        let mut arrived = vec![0; answer.len()];
        match self.client.read_exact(&mut arrived) {
            Ok(()) => arrived.len(),
            Err(_) => 0,
        }
    }

    /// Opens the connection with requests for an allowed site, until its verdict stands.
    fn open(&mut self, instance: &Instance) {
        assert!(self.ask(ALLOWED, 0, PATIENCE) > 0);
        let port = self.port();
        let verdict = instance.wait_for(|it| it["type"] == "verdict" && it["sport"] == port);
        assert_eq!(verdict["action"], "count");
    }
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
    talk.open(&instance);
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
    other.open(&instance);
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
    talk.open(&instance);
    for _ in 0..3 {
        assert!(talk.ask(BLOCKED, 10, PATIENCE) > 0);
    }
}
