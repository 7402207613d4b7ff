//! Blocked connections that fill the table without malice. At the sizes that are the default, 35 a second do
//! so, since each is kept for minutes or hours.

use std::cell::RefCell;
use std::io::{Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::time::{Duration, Instant};

use rustix::process::Signal;
use serde_json::Value;
use testkit::instance::Instance;
use testkit::pair::{FAR, NEAR, Pair};
use testkit::wait_until;

use super::PROGRAMS;
use crate::ready;

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
    fn new() -> Self {
        let pair = Pair::new();
        pair.sandbox.ip(&format!("address add {NEAR_OTHER}/32 dev left"));
        pair.sandbox.ip(&format!("route add {OTHER}/32 dev left"));
        pair.far_ip(&format!("address add {OTHER}/32 dev right"));
        pair.far_ip(&format!("route add {NEAR_OTHER}/32 via {NEAR} src {OTHER}"));
        let policy = pair.sandbox.file("policy.toml", POLICY);
        let instance = pair.sandbox.start(&format!("{OPTIONS} --policy {}", policy.display()));
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
    let Some(_cpus) = ready(&PROGRAMS) else { return };
    let mut scene = Scene::new();
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
    wait_until(|| scene.instance.stderr().contains(full));
    assert!(scene.instance.end(Signal::INT).success(), "{}", scene.instance.stderr());
}
