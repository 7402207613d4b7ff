//! A router that is attached to on both sides: with address translation each connection is a flow on
//! each side, and whole on both; without, one flow.

use std::io::{ErrorKind, Read as _, Write as _};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::thread;
use std::time::Duration;

use rustix::process::Signal;
use serde_json::Value;
use testkit::instance::Instance;
use testkit::namespace::{Namespace, inside};
use testkit::program::run;
use testkit::sandbox::Sandbox;

use crate::ready;

const PROGRAMS: [&str; 5] = ["bpftool", "ip", "nft", "nsenter", "tc"];

const CLIENT: &str = "198.18.20.2";
const INSIDE: &str = "198.18.20.1";
const OUTSIDE: &str = "198.18.21.1";
const SERVER: &str = "198.18.21.2";

const PATIENCE: Duration = Duration::from_secs(10);
/// How long something is waited for that does not come.
const BLOCKED: Duration = Duration::from_millis(300);

const MASQUERADE: &str = "add table ip n
add chain ip n out { type nat hook postrouting priority 100; }
add rule ip n out oifname wan masquerade";

/// What is sent to the router's own address goes to the host inside: a container's port.
const DNAT: &str = "add table ip n
add chain ip n in { type nat hook prerouting priority -100; }
add rule ip n in iifname wan tcp dport 80 dnat to 198.18.20.2:8080";

/// A witness: what passes through the router.
const COUNT: &str = "add table ip w
delete table ip w
add table ip w
add chain ip w through { type filter hook forward priority 0; }
add rule ip w through counter";

/// Interfaces `lan` and `wan` of a router, with a host behind each.
struct Router {
    sandbox: Sandbox,
    instance: Instance,
    inner: Namespace,
    outer: Namespace,
}

impl Router {
    fn new(translation: Option<&str>) -> Self {
        let sandbox = Sandbox::new();
        let host = |side| Namespace::new(&format!("{}-{side}", sandbox.name())).unwrap();
        let (inner, outer) = (host("inner"), host("outer"));
        sandbox.network.set("ipv6/conf/all/disable_ipv6", "1").unwrap();
        sandbox.network.set("ipv4/ip_forward", "1").unwrap();
        lay(&sandbox, "lan", INSIDE, &inner, CLIENT);
        lay(&sandbox, "wan", OUTSIDE, &outer, SERVER);
        inner.ip(&format!("route add 198.18.21.0/24 via {INSIDE}")).unwrap();
        if let Some(rules) = translation {
            for rule in rules.lines() {
                nft(&sandbox, rule);
            }
        }
        if translation != Some(MASQUERADE) {
            outer.ip(&format!("route add 198.18.20.0/24 via {OUTSIDE}")).unwrap();
        }
        let rule = "[[rule]]\nname = \"no social networks\"\ncategory = \"SocialNetwork\"\n";
        let policy = sandbox.file("policy.toml", &format!("{rule}action = \"drop\"\n"));
        let arguments = format!("run --iface lan --iface wan --json --policy {}", policy.display());
        let instance = sandbox.start(&arguments);
        Self { sandbox, instance, inner, outer }
    }
}

fn nft(sandbox: &Sandbox, command: &str) -> String {
    let ran = run(sandbox.command("nft").arg(command));
    assert_eq!(ran.code, Some(0), "{command}: {ran:#?}");
    ran.stdout
}

fn lay(sandbox: &Sandbox, interface: &str, near: &str, host: &Namespace, far: &str) {
    let name = host.name();
    host.set("ipv6/conf/all/disable_ipv6", "1").unwrap();
    sandbox.ip(&format!("link add {interface} type veth peer name wire netns {name}"));
    sandbox.ip(&format!("link set {interface} up"));
    sandbox.ip(&format!("address add {near}/24 dev {interface}"));
    host.ip(&format!("address add {far}/24 dev wire")).unwrap();
    host.ip("link set wire up").unwrap();
}

/// A connection between two hosts.
struct Talk {
    client: TcpStream,
    server: TcpStream,
}

impl Talk {
    /// Connects from one host to what another one listens to under `to`.
    fn new(from: &Namespace, server: &Namespace, listens: &str, to: &str) -> Self {
        let listener = inside(server, || TcpListener::bind(listens).unwrap());
        let to: SocketAddr = to.parse().unwrap();
        let client = inside(from, || TcpStream::connect_timeout(&to, PATIENCE).unwrap());
        let (server, _) = listener.accept().unwrap();
        for end in [&client, &server] {
            end.set_read_timeout(Some(PATIENCE)).unwrap();
        }
        Self { client, server }
    }

    /// Asks for a page of a site and gets it.
    fn get(&mut self, host: &str) {
        let agent = "User-Agent: test\r\nAccept: */*\r\n\r\n";
        let request = format!("GET / HTTP/1.1\r\nHost: {host}\r\n{agent}");
        self.client.write_all(request.as_bytes()).unwrap();
        self.server.read_exact(&mut vec![0; request.len()]).unwrap();
        let head = "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: 400\r\n\r\n";
        self.server.write_all((head.to_owned() + &"x".repeat(400)).as_bytes()).unwrap();
    }

    /// Whether what the client says now reaches the server.
    fn is_heard(&mut self) -> bool {
        let mut rest = Vec::new();
        self.client.set_read_timeout(Some(BLOCKED)).unwrap();
        // Or the answer's bytes would be taken for what comes now.
        let _ = self.client.read_to_end(&mut rest);
        self.server.set_read_timeout(Some(BLOCKED)).unwrap();
        self.client.write_all(b"more").unwrap();
        match self.server.read(&mut [0; 4]) {
            Ok(len) => len > 0,
            Err(error) => {
                assert_eq!(error.kind(), ErrorKind::WouldBlock);
                false
            }
        }
    }
}

impl Router {
    /// The verdict on the next flow that goes to `port` of `destination`: the site's name and the action.
    fn verdict(&self, destination: &str, port: u16) -> (Value, Value) {
        let record = self.instance.wait_for(|it| {
            it["type"] == "verdict" && it["dst"] == destination && it["dport"] == port
        });
        (record["hostname"].clone(), record["action"].clone())
    }

    /// Has the kernel count what it forwards from now on.
    fn count_forwarded(&self) {
        for rule in COUNT.lines() {
            nft(&self.sandbox, rule);
        }
    }

    /// How much it has forwarded since.
    fn forwarded(&self) -> u64 {
        let listed = nft(&self.sandbox, "list chain ip w through");
        let (_, count) = listed.split_once("packets ").unwrap();
        count.split_whitespace().next().unwrap().parse().unwrap()
    }

    /// Ends the program; the records of flows to the servers that were still to come.
    fn flows(&self) -> Vec<Value> {
        self.instance.signal(Signal::INT);
        let mut records = self.instance.rest();
        records.retain(|it| it["type"] == "flow" && (it["dport"] == 80 || it["dport"] == 8080));
        records
    }
}

/// Both sites, one of them blocked.
const SITES: [(&str, &str, bool); 2] =
    [("www.facebook.com", "drop", false), ("www.example.org", "count", true)];

/// With the source translated, XDP sees what the client sends under one pair of addresses, and what the
/// server sends under another.
#[test]
fn a_masquerading_router_sees_whole_flows_on_both_sides() {
    if !ready(&PROGRAMS) {
        return;
    }
    let router = Router::new(Some(MASQUERADE));
    for (site, action, passes) in SITES {
        let mut talk =
            Talk::new(&router.inner, &router.outer, &format!("{SERVER}:80"), "198.18.21.2:80");
        talk.get(site);
        // On either side, in whichever order.
        for _ in 0..2 {
            assert_eq!(router.verdict(SERVER, 80), (site.into(), action.into()));
        }
        assert_eq!(talk.is_heard(), passes, "{site}");
    }
    let flows = router.flows();
    let mut sources = whole(&flows);
    sources.sort_unstable();
    assert_eq!(sources, [CLIENT, CLIENT, OUTSIDE, OUTSIDE]);
}

#[test]
fn a_port_that_is_handed_on_to_a_container_has_whole_flows_on_both_sides() {
    if !ready(&PROGRAMS) {
        return;
    }
    let router = Router::new(Some(DNAT));
    for (site, action, passes) in SITES {
        let listens = format!("{CLIENT}:8080");
        let mut talk = Talk::new(&router.outer, &router.inner, &listens, &format!("{OUTSIDE}:80"));
        talk.get(site);
        for _ in 0..2 {
            let verdict = router.instance.wait_for(|it| it["type"] == "verdict");
            assert_eq!((&verdict["hostname"], &verdict["action"]), (&site.into(), &action.into()));
        }
        assert_eq!(talk.is_heard(), passes, "{site}");
    }
    assert_eq!(whole(&router.flows()).len(), 4);
}

#[test]
fn a_router_that_translates_nothing_counts_each_packet_once() {
    if !ready(&PROGRAMS) {
        return;
    }
    let router = Router::new(None);
    let mut open = Vec::new();
    for (site, action, passes) in SITES {
        // Of what is blocked nothing is left to forward: the second connection's alone is counted.
        router.count_forwarded();
        let listens = format!("{SERVER}:80");
        let mut talk = Talk::new(&router.inner, &router.outer, &listens, &listens);
        talk.get(site);
        assert_eq!(router.verdict(SERVER, 80), (site.into(), action.into()));
        assert_eq!(talk.is_heard(), passes, "{site}");
        open.push(talk);
    }
    // Acknowledgements may take their time.
    thread::sleep(BLOCKED);
    let forwarded = router.forwarded();
    let flows = router.flows();
    assert_eq!(flows.len(), 2, "{flows:#?}");
    let allowed = flows.iter().find(|it| it["action"] == "count").unwrap();
    assert_eq!(allowed["packets"], forwarded, "{allowed:#}");
}

/// The sources of flows, each of which is known by a site's name and was seen in both directions: a
/// handshake, a request, an answer, and what acknowledges them.
#[track_caller]
fn whole(flows: &[Value]) -> Vec<&str> {
    for flow in flows {
        assert!(flow["packets"].as_u64() >= Some(7), "{flow:#}");
        assert!(flow["hostname"].is_string(), "{flow:#}");
    }
    flows.iter().map(|flow| flow["src"].as_str().unwrap()).collect()
}
