//! Blocked connections that fill the table without malice. At the sizes that are the default, 35 a second do
//! so, since each is kept for minutes or hours.

mod strangers;

use std::cell::RefCell;
use std::io::{Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::sync::atomic::AtomicBool;
use std::thread;
use std::time::{Duration, Instant};

use rustix::process::Signal;
use serde_json::Value;
use testkit::flood;
use testkit::instance::Instance;
use testkit::pair::{FAR, NEAR, Pair};

use self::strangers::Strangers;
use super::{PROGRAMS, Raise};
use crate::try_flood;

/// The other client, and the address of the near end that it talks to.
const OTHER: &str = "198.18.8.2";
const NEAR_OTHER: &str = "198.18.8.1";

const BLOCKED: &str = "blocked.example";
const ALLOWED: &str = "allowed.example";
const POLICY: &str = "[[rule]]\nname = \"a site\"\nhost = \"blocked.example\"\naction = \"drop\"\n";

/// Flows that there is room for. The first client may have them all.
const PLACES: usize = 120;
const OPTIONS: &str = "run --iface left --json --workers 1 --sweep 1 --max-flows 120 --max-undecided 120 \
                       --max-notes 4000 --client-share 1";

/// Much longer than anything here takes.
const PATIENCE: Duration = Duration::from_secs(20);
/// When the entry of a blocked connection is exchanged for a note, at the latest: three quarters of what there is
/// room for by default cannot be filled more slowly.
const SILENT: Duration = Duration::from_mins(3);
/// Bytes that are sent one by one on a connection.
const SENT: usize = 6;

struct Scene {
    pair: Pair,
    instance: Instance,
    /// For the first client, and for the other.
    listeners: [TcpListener; 2],
    /// What was said of tables.
    crowded: RefCell<Vec<Value>>,
}

impl Scene {
    fn new(options: &str) -> Self {
        let pair = Pair::new();
        pair.sandbox.ip(&format!("address add {NEAR_OTHER}/32 dev left"));
        pair.sandbox.ip(&format!("route add {OTHER}/32 dev left"));
        pair.far_ip(&format!("address add {OTHER}/32 dev right"));
        pair.far_ip(&format!("route add {NEAR_OTHER}/32 via {NEAR} src {OTHER}"));
        let policy = pair.sandbox.file("policy.toml", POLICY);
        let instance = pair.sandbox.start(&format!("{options} --policy {}", policy.display()));
        let listen = |address| pair.near(|| TcpListener::bind((address, 80)).unwrap());
        let listeners = [NEAR, NEAR_OTHER].map(listen);
        Self { pair, instance, listeners, crowded: RefCell::default() }
    }

    /// Asks for a site, by which the connection is decided.
    fn ask(&self, listener: &TcpListener, host: &str) -> Connection {
        let to = listener.local_addr().unwrap();
        let client = self.pair.far(|| TcpStream::connect_timeout(&to, PATIENCE).unwrap());
        let (server, _) = listener.accept().unwrap();
        let mut connection = Connection { client, server };
        connection.get(host);
        let port = connection.client.local_addr().unwrap().port();
        let verdict = self.verdict(|it| it["sport"] == port && it.get("decided_by").is_none());
        assert_eq!(verdict["hostname"], host, "{verdict:#}");
        assert_eq!(verdict["action"], if host == BLOCKED { "drop" } else { "count" });
        connection
    }

    /// The next verdict that fits.
    fn verdict(&self, fits: impl Fn(&Value) -> bool) -> Value {
        self.instance.wait_for(|it| {
            if it["state"] == "crowded" {
                self.crowded.borrow_mut().push(it.clone());
            }
            it["type"] == "verdict" && fits(it)
        })
    }
}

/// Both ends of a connection.
struct Connection {
    client: TcpStream,
    server: TcpStream,
}

impl Connection {
    fn get(&mut self, host: &str) {
        self.client.set_nodelay(true).unwrap();
        let request =
            format!("GET / HTTP/1.1\r\nHost: {host}\r\nUser-Agent: test\r\nAccept: */*\r\n\r\n");
        self.client.write_all(request.as_bytes()).unwrap();
        self.server.set_read_timeout(Some(PATIENCE)).unwrap();
        self.server.read_exact(&mut vec![0; request.len()]).unwrap();
        let head = "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: 400\r\n\r\n";
        self.server.write_all((head.to_owned() + &"x".repeat(400)).as_bytes()).unwrap();
    }

    /// Whether a byte from the client arrives. On veth, what is not dropped has arrived by the time it is
    /// sent.
    fn arrives(&mut self) -> bool {
        self.server.set_nonblocking(true).unwrap();
        self.client.write_all(b"x").unwrap();
        self.server.read(&mut [0; 64]).is_ok_and(|bytes| bytes > 0)
    }

    fn passes(&mut self) -> bool {
        (0..SENT).all(|_| self.arrives())
    }

    /// Waits until nothing arrives, and sees that it stays so. What had to go is shown until its verdict is
    /// back.
    fn is_blocked(&mut self) -> bool {
        let deadline = Instant::now() + PATIENCE;
        while self.arrives() {
            assert!(Instant::now() < deadline, "it passes");
        }
        !(0..SENT).any(|_| self.arrives())
    }
}

#[test]
fn blocked_connections_that_fill_the_table_stay_blocked_and_others_are_classified() {
    try_flood(&PROGRAMS, fill_the_table);
}

fn fill_the_table() {
    let mut scene = Scene::new(OPTIONS);
    let [first, other] = &scene.listeners;
    let (mut old, mut old_blocked) = (scene.ask(other, ALLOWED), scene.ask(other, BLOCKED));
    let (mut filling, mut allowed) = (Vec::new(), Vec::new());
    for _ in 0..10 {
        filling.extend((0..PLACES / 4).map(|_| scene.ask(first, BLOCKED)));
        // Connections of the other client are known at their first words all the time.
        assert!(scene.ask(other, BLOCKED).is_blocked());
        allowed.push(scene.ask(other, ALLOWED));
        assert!(allowed.iter_mut().all(Connection::passes));
    }
    assert!(old.passes() && old_blocked.is_blocked());
    assert!(filling.iter_mut().all(Connection::is_blocked));
    let back = scene.verdict(|it| it["decided_by"] == "note" && it["src"] == FAR);
    assert_eq!((&back["hostname"], &back["action"]), (&BLOCKED.into(), &"drop".into()));
    let crowded = scene.crowded.borrow();
    assert!(crowded.iter().any(|it| it["pool"] == "answered"), "{crowded:#?}");
    drop(crowded);
    let full = "the table of flows is full: those that were silent";
    scene.instance.wait_to_say(full);
    assert!(scene.instance.end(Signal::INT).success(), "{}", scene.instance.stderr());
}

/// What the other client has: a connection of each kind from before, and new ones all the time.
struct Witnesses {
    allowed: Connection,
    blocked: Connection,
    /// How long new connections took to their verdict, request and first answer included.
    took: Vec<Duration>,
}

impl Witnesses {
    fn new(scene: &Scene) -> Self {
        let other = &scene.listeners[1];
        let (allowed, blocked) = (scene.ask(other, ALLOWED), scene.ask(other, BLOCKED));
        Self { allowed, blocked, took: Vec::new() }
    }

    /// What is blocked is blocked, and what is allowed passes: what there was, and what comes now.
    fn testify(&mut self, scene: &Scene, when: &str) {
        assert!(self.allowed.passes(), "the allowed one from before, {when}");
        assert!(self.blocked.is_blocked(), "the blocked one from before, {when}");
        for host in [ALLOWED, BLOCKED] {
            let began = Instant::now();
            let mut new = scene.ask(&scene.listeners[1], host);
            self.took.push(began.elapsed());
            let as_it_should = if host == BLOCKED { new.is_blocked() } else { new.passes() };
            assert!(as_it_should, "a new one to {host}, {when}");
        }
    }

    /// The longest of new connections, and the one in the middle.
    fn waited(&mut self) -> (Duration, Duration) {
        self.took.sort_unstable();
        (self.took[self.took.len() - 1], self.took[self.took.len() / 2])
    }
}

/// Has `count` connections of many clients to a blocked site fill the table, and then a flood of SYNs, beside
/// the connections of another client.
fn withstand(options: &str, count: u32) {
    let mut scene = Scene::new(options);
    let strangers = Strangers::new(&scene.pair);
    let mut witnesses = Witnesses::new(&scene);
    let began = Instant::now();
    for tenth in 0..10 {
        let numbers = count / 10 * tenth..count / 10 * (tenth + 1);
        strangers.ask(numbers, |address, port| {
            scene.verdict(|it| it["sport"] == port && it["src"] == address.to_string());
        });
        witnesses.testify(&scene, &format!("in tenth {tenth}"));
    }
    let filled = began.elapsed();
    let (stop, pair, near) = (AtomicBool::new(false), &scene.pair, (NEAR.parse().unwrap(), 80));
    thread::scope(|scope| {
        let _end = Raise(&stop);
        let stop = &stop;
        scope.spawn(move || pair.far(|| flood::syns(near, stop)));
        (0..5).for_each(|_| witnesses.testify(&scene, "while SYNs come"));
    });
    witnesses.testify(&scene, "afterwards");
    // Those that had to go are shown once more, and no more than that.
    for number in (0..count).step_by((count / 50).try_into().unwrap()) {
        assert!(strangers.is_blocked(number), "the connection {number} that filled the table");
    }
    let (longest, middle) = witnesses.waited();
    let is_full = scene.crowded.borrow().iter().any(|it| it["pool"] == "answered");
    println!(
        "{count} blocked connections in {filled:.1?}, table full: {is_full}; new ones of another client had \
         their verdict after {middle:.1?} (median), {longest:.1?} (longest)"
    );
    // Where this takes longer, entries go because they are silent, before there is no room.
    assert!(is_full || filled > SILENT, "{:#?}", scene.crowded.borrow());
    assert!(scene.instance.end(Signal::INT).success(), "{}", scene.instance.stderr());
}

#[test]
fn blocked_connections_of_many_clients_free_nobody_and_block_nobody() {
    let options = "run --iface left --json --sweep 1 --max-flows 1500 --max-undecided 1500";
    try_flood(&PROGRAMS, || withstand(options, 2_000));
}

/// At the sizes that are the default: `cargo test -p ndpi-user --test load -- --ignored --nocapture`.
#[test]
#[ignore = "makes 300,000 connections, for some minutes"]
fn blocked_connections_of_many_clients_free_nobody_and_block_nobody_at_default_sizes() {
    try_flood(&PROGRAMS, || withstand("run --iface left --json", 300_000));
}
