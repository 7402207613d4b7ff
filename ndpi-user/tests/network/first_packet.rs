//! Rules with `first_packet = true`, between real sockets: a server that was decided is blocked from
//! the next flow's SYN on.

use std::io::{self, Read as _, Write as _};
use std::net::{SocketAddr, TcpListener, TcpStream, UdpSocket};
use std::time::Duration;

use rustix::process::Signal;
use serde_json::Value;
use testkit::instance::Instance;
use testkit::pair::{FAR, NEAR, Pair};
use testkit::program::PROGRAMS;

use crate::ready;

const NAME: &str = "www.facebook.com";
/// Another address of the near end.
const OTHER: &str = "198.18.8.1";
/// Another client, behind the far end.
const SECOND: &str = "198.18.8.2";

const POLICY: &str = "[[rule]]\nname = \"no social networks\"\ncategory = \"SocialNetwork\"\n\
                      action = \"drop\"\nfirst_packet = true\n";

/// How long a connection may take that nobody blocks.
const PATIENCE: Duration = Duration::from_secs(10);
/// How long one is waited for that is blocked: its first SYN is answered at once, or never.
const BLOCKED: Duration = Duration::from_millis(300);

struct Scene {
    pair: Pair,
    policy: std::path::PathBuf,
}

impl Scene {
    fn new() -> Self {
        Self::with(POLICY)
    }

    fn with(policy: &str) -> Self {
        let pair = Pair::new();
        pair.sandbox.ip(&format!("address add {OTHER}/32 dev left"));
        pair.sandbox.ip("link set lo up");
        pair.far_ip(&format!("route add {OTHER}/32 via {NEAR}"));
        pair.far_ip(&format!("address add {SECOND}/32 dev right"));
        pair.sandbox.ip(&format!("route add {SECOND}/32 via {FAR}"));
        let policy = pair.sandbox.file("policy.toml", policy);
        Self { pair, policy }
    }

    /// Two clients get a page of the near end's, by which its server is known.
    fn teach(&self, instance: &Instance, web: &TcpListener) {
        for client in [FAR, SECOND] {
            // Whose address a connection has that is bound to none.
            self.pair.far_ip(&format!("route replace {NEAR}/32 dev right src {client}"));
            get(&mut self.connect(web, PATIENCE).unwrap(), web, NAME);
            let decided = verdict(instance, 80);
            assert_eq!(decided.get("decided_by"), None, "{decided:#}");
            assert_eq!(decided["src"], client);
        }
    }

    fn start(&self) -> Instance {
        self.start_with("")
    }

    fn start_with(&self, option: &str) -> Instance {
        let policy = self.policy.display();
        // Two workers, with an nDPI engine each: what one learns must be of use to the other.
        let command = format!("run --iface left --json --workers 2 --policy {policy} {option}");
        self.pair.sandbox.start(&command)
    }

    fn listen(&self, address: &str, port: u16) -> TcpListener {
        self.pair.near(|| TcpListener::bind((address, port)).unwrap())
    }

    fn connect(&self, to: &TcpListener, patience: Duration) -> io::Result<TcpStream> {
        let to = to.local_addr().unwrap();
        self.pair.far(|| TcpStream::connect_timeout(&to, patience))
    }

    /// Asks the near end for a name's address, which it says is its own.
    fn resolve(&self, name: &str, ttl: u32) {
        let server = self.pair.near(|| UdpSocket::bind((NEAR, 53)).unwrap());
        let client = self.pair.far(|| UdpSocket::bind((FAR, 0)).unwrap());
        for socket in [&server, &client] {
            socket.set_read_timeout(Some(PATIENCE)).unwrap();
        }
        client.send_to(&query(name), (NEAR, 53)).unwrap();
        let (_, from) = server.recv_from(&mut [0; 512]).unwrap();
        server.send_to(&answer(name, NEAR, ttl), from).unwrap();
        client.recv(&mut [0; 512]).unwrap();
    }
}

/// A DNS query for a name's IPv4 address.
fn query(name: &str) -> Vec<u8> {
    let mut message = vec![0x12, 0x34, 1, 0, 0, 1, 0, 0, 0, 0, 0, 0];
    for label in name.split('.') {
        message.push(u8::try_from(label.len()).unwrap());
        message.extend(label.bytes());
    }
    message.extend([0, 0, 1, 0, 1]);
    message
}

/// The response to it.
fn answer(name: &str, address: &str, ttl: u32) -> Vec<u8> {
    let mut message = query(name);
    message[2..4].copy_from_slice(&[0x81, 0x80]);
    message[7] = 1;
    message.extend([0xc0, 12, 0, 1, 0, 1]);
    message.extend(ttl.to_be_bytes());
    message.extend([0, 4]);
    message.extend(address.parse::<std::net::Ipv4Addr>().unwrap().octets());
    message
}

/// A request and its response, by which nDPI knows the flow.
fn get(client: &mut TcpStream, listener: &TcpListener, host: &str) {
    let agent = "User-Agent: test\r\nAccept: */*\r\n\r\n";
    let request = format!("GET / HTTP/1.1\r\nHost: {host}\r\n{agent}");
    client.write_all(request.as_bytes()).unwrap();
    let (mut server, _) = listener.accept().unwrap();
    server.set_read_timeout(Some(PATIENCE)).unwrap();
    let mut heard = vec![0; request.len()];
    server.read_exact(&mut heard).unwrap();
    let content = "x".repeat(400);
    let head = "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: 400\r\n\r\n";
    server.write_all((head.to_owned() + &content).as_bytes()).unwrap();
}

/// The verdict on the next flow to a port.
fn verdict(instance: &Instance, port: u16) -> Value {
    instance.wait_for(|record| record["type"] == "verdict" && record["dport"] == port)
}

/// Packets that the closing table says were dropped at ingress for a server's sake.
fn dropped_for_server(instance: &Instance) -> u64 {
    let table = instance.stderr();
    let row = |line: &str| {
        let columns: Vec<_> = line.split_whitespace().collect();
        (columns.get(..3)? == ["ingress", "dropped", "server"])
            .then(|| columns[3].replace(',', "").parse().unwrap())
    };
    table.lines().find_map(row).unwrap_or(0)
}

#[test]
fn the_syn_of_the_next_flow_meets_the_verdict() {
    if !ready(&PROGRAMS) {
        return;
    }
    let scene = Scene::new();
    let mut instance = scene.start();
    let [web, port, address] =
        [(NEAR, 80), (NEAR, 8080), (OTHER, 80)].map(|(address, port)| scene.listen(address, port));

    scene.teach(&instance, &web);
    assert!(scene.connect(&web, BLOCKED).is_err(), "its SYN was answered");
    let decided = verdict(&instance, 80);
    assert_eq!((&decided["action"], &decided["decided_by"]), (&"drop".into(), &"server".into()));
    assert_eq!((&decided["state"], &decided["inspected"]), (&"INSPECTING".into(), &1.into()));
    assert_eq!(
        (&decided["rule"], &decided["hostname"]),
        (&"no social networks".into(), &NAME.into())
    );

    for (listener, port) in [(&port, 8080), (&address, 80)] {
        let mut other = scene.connect(listener, PATIENCE).expect("only that server is blocked");
        get(&mut other, listener, "www.example.org");
        let decided = verdict(&instance, port);
        assert_eq!((&decided["action"], decided.get("decided_by")), (&"count".into(), None));
    }

    assert!(instance.end(Signal::INT).success(), "{}", instance.stderr());
    let record = instance.wait_for(|it| it["type"] == "flow" && it["decided_by"] == "server");
    assert_eq!(record["leaked"], 0, "{record:#}");
    assert_eq!(record["dropped"], record["packets"], "{record:#}");
    assert!(dropped_for_server(&instance) > 0, "{}", instance.stderr());
    assert!(
        instance.stderr().contains("1 by earlier flows of their server"),
        "{}",
        instance.stderr()
    );
}

#[test]
fn a_dns_answer_decides_the_first_flow_and_says_for_how_long() {
    if !ready(&PROGRAMS) {
        return;
    }
    let scene = Scene::new();
    let instance = scene.start();
    let web = scene.listen(NEAR, 443);
    scene.resolve(NAME, 2);
    verdict(&instance, 53);

    // The handshake may be over before the verdict stands.
    let connect = || drop(scene.connect(&web, BLOCKED));
    connect();
    let decided = verdict(&instance, 443);
    assert_eq!(
        (&decided["action"], &decided["decided_by"]),
        (&"drop".into(), &"first-packet".into())
    );
    assert_eq!((&decided["app"], &decided["hostname"]), (&"Facebook".into(), &NAME.into()));
    assert_eq!(decided["confidence"], "DPI (cache)");
    assert!(scene.connect(&web, BLOCKED).is_err());
    assert_eq!(verdict(&instance, 443)["decided_by"], "server");

    // nDPI keeps the name for a minute; what we remember of the server is over with the answer.
    let to = web.local_addr().unwrap();
    let connects = || scene.pair.far(|| TcpStream::connect_timeout(&to, BLOCKED)).is_ok();
    assert!((0..40).any(|_| connects()), "the server is not forgotten");
}

#[test]
fn a_dry_run_lets_the_packets_to_a_blocked_server_pass_under_its_reason() {
    if !ready(&PROGRAMS) {
        return;
    }
    let scene = Scene::new();
    let mut instance = scene.start_with("--dry-run");
    let web = scene.listen(NEAR, 443);
    scene.resolve(NAME, 60);
    verdict(&instance, 53);
    for by in ["first-packet", "server"] {
        let _connected = scene.connect(&web, PATIENCE).expect("nothing is dropped");
        let decided = verdict(&instance, 443);
        assert_eq!((&decided["action"], &decided["decided_by"]), (&"drop".into(), &by.into()));
        assert_eq!(decided["dry_run"], true);
    }
    assert!(instance.end(Signal::INT).success(), "{}", instance.stderr());
    assert_eq!(dropped_for_server(&instance), 0);
    let passed = |line: &str| line.split_whitespace().take(3).eq(["ingress", "passed", "server"]);
    assert!(instance.stderr().lines().any(passed), "{}", instance.stderr());
}

#[test]
fn a_change_of_policy_lets_servers_go() {
    if !ready(&PROGRAMS) {
        return;
    }
    let scene = Scene::new();
    let instance = scene.start();
    let web = scene.listen(NEAR, 80);
    scene.teach(&instance, &web);
    assert!(scene.connect(&web, BLOCKED).is_err());
    assert_eq!(verdict(&instance, 80)["decided_by"], "server");

    let other = POLICY.replace("SocialNetwork", "Streaming");
    std::fs::write(&scene.policy, other).unwrap();
    let to: SocketAddr = web.local_addr().unwrap();
    let connects = || scene.pair.far(|| TcpStream::connect_timeout(&to, BLOCKED)).is_ok();
    assert!((0..100).any(|_| connects()), "{}", instance.stderr());
}

#[test]
fn the_client_of_a_rejected_server_hears_of_it_at_its_syn() {
    if !ready(&PROGRAMS) {
        return;
    }
    let scene = Scene::with(&POLICY.replace("drop", "reject"));
    let instance = scene.start();
    let web = scene.listen(NEAR, 80);
    scene.teach(&instance, &web);
    let refused = scene.connect(&web, PATIENCE).unwrap_err();
    assert_eq!(refused.kind(), io::ErrorKind::ConnectionRefused, "{refused}");
    assert_eq!(verdict(&instance, 80)["decided_by"], "server");
}

#[test]
fn one_client_has_no_server_blocked_for_others() {
    if !ready(&PROGRAMS) {
        return;
    }
    let scene = Scene::new();
    let instance = scene.start();
    let web = scene.listen(NEAR, 80);
    // As `curl --connect-to`: the server is called by a name that is not its own.
    for _ in 0..3 {
        get(&mut scene.connect(&web, PATIENCE).unwrap(), &web, NAME);
        assert_eq!(verdict(&instance, 80)["action"], "drop");
    }
    scene.pair.far_ip(&format!("route replace {NEAR}/32 dev right src {SECOND}"));
    get(&mut scene.connect(&web, PATIENCE).unwrap(), &web, "www.example.org");
    let decided = verdict(&instance, 80);
    assert_eq!((&decided["action"], &decided["src"]), (&"count".into(), &SECOND.into()));
}

#[test]
fn a_release_lets_a_blocked_server_go_for_its_time() {
    if !ready(&PROGRAMS) {
        return;
    }
    let scene = Scene::new();
    let instance = scene.start();
    let web = scene.listen(NEAR, 80);
    scene.teach(&instance, &web);
    assert!(scene.connect(&web, BLOCKED).is_err(), "its SYN was answered");
    let made = scene.pair.sandbox.run("release --app Facebook --for 1h");
    assert_eq!(made.code, Some(0), "{made:#?}");
    // Its answer comes when it is in force.
    get(&mut scene.connect(&web, PATIENCE).unwrap(), &web, NAME);
    let is_content = |it: &Value| it["type"] == "verdict" && it.get("decided_by").is_none();
    let decided = instance.wait_for(|it| is_content(it) && it["rule"] == "release 1");
    assert_eq!((&decided["action"], &decided["dport"]), (&"count".into(), &80.into()));
    let ended = scene.pair.sandbox.run("release --end 1");
    assert_eq!(ended.code, Some(0), "{ended:#?}");
    assert!(scene.connect(&web, BLOCKED).is_err(), "its SYN was answered again");
}
