//! A client with few ports: a connection that takes the ports of a blocked one is a flow of its own.

use std::io::{self, ErrorKind, Read as _, Write as _};
use std::net::{Ipv4Addr, SocketAddr, SocketAddrV4, TcpListener, TcpStream};
use std::ops::Range;
use std::thread;
use std::time::{Duration, Instant};

use rustix::net::{AddressFamily, SendFlags, SocketType, ipproto, sendto, socket};
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use socket2::{Domain, Socket, Type};
use testkit::instance::Instance;
use testkit::pair::{FAR, NEAR, Pair};
use testkit::program::PROGRAMS;
use testkit::tcp::{Connection, Segment, flags};

use crate::ready;

/// The ports that a client has. Three quarters of them are taken by attempts on a blocked site.
const PORTS: Range<u16> = 41_000..41_024;
/// How often each of those is: more than one flow of a port is answered for `reject`.
const ATTEMPTS: usize = 3;

/// How long something may take that nobody blocks.
const PATIENCE: Duration = Duration::from_secs(10);
/// How long something is waited for that does not come.
const BLOCKED: Duration = Duration::from_millis(40);

struct Scene {
    pair: Pair,
    instance: Instance,
    web: TcpListener,
    /// The server's ends of the last connections: it closes none.
    open: Vec<TcpStream>,
}

impl Scene {
    fn new(action: &str) -> Self {
        let pair = Pair::new();
        let rule = "[[rule]]\nname = \"no social networks\"\ncategory = \"SocialNetwork\"\n";
        let policy = pair.sandbox.file("policy.toml", &format!("{rule}action = \"{action}\"\n"));
        let run = format!("run --iface left --json --workers 2 --policy {}", policy.display());
        let instance = pair.sandbox.start(&run);
        let web = pair.near(|| listen(NEAR, 80).unwrap());
        Self { pair, instance, web, open: Vec::new() }
    }

    /// A connection from each port with a request to `host`, once their verdicts stand: the client's
    /// ends. All ask at once: where the server holds an earlier connection of the port, the first SYN
    /// is answered by a challenge ACK, and the second one comes a second later.
    fn get(&mut self, host: &str, ports: Range<u16>) -> Vec<TcpStream> {
        let clients = self.pair.far(|| connect_all(ports.clone())).unwrap();
        let mut servers: Vec<_> = ports.clone().map(|_| self.web.accept().unwrap()).collect();
        servers.sort_by_key(|(_, from)| from.port());
        assert!(servers.iter().map(|(_, from)| from.port()).eq(ports.clone()));
        self.open = servers.into_iter().map(|(server, _)| server).collect();
        for ((client, server), port) in clients.iter().zip(&self.open).zip(ports) {
            exchange(client, server, host);
            let verdict = self.instance.wait_for(|it| it["type"] == "verdict" && it["dport"] == 80);
            assert_eq!((&verdict["sport"], &verdict["hostname"]), (&port.into(), &host.into()));
        }
        clients
    }

    /// How many of these clients reach their server within `patience` with what they say now.
    fn heard(&self, clients: &[TcpStream], patience: Duration) -> usize {
        for mut client in clients {
            client.write_all(b"more").unwrap();
        }
        let deadline = Instant::now() + patience;
        let is_heard = |mut server: &TcpStream| {
            let left = deadline.saturating_duration_since(Instant::now());
            server.set_read_timeout(Some(left.max(Duration::from_millis(1)))).unwrap();
            server.read(&mut [0; 4]).is_ok_and(|len| len > 0)
        };
        self.open.iter().filter(|server| is_heard(server)).count()
    }
}

/// A listener for as many connections as are made here before one is accepted.
fn listen(ip: &str, port: u16) -> io::Result<TcpListener> {
    let socket = Socket::new(Domain::IPV4, Type::STREAM, None)?;
    socket.bind(&SocketAddr::new(ip.parse().unwrap(), port).into())?;
    socket.listen(1024)?;
    Ok(socket.into())
}

/// A request to `host`, and its answer.
fn exchange(mut client: &TcpStream, mut server: &TcpStream, host: &str) {
    for end in [client, server] {
        end.set_read_timeout(Some(PATIENCE)).unwrap();
    }
    let agent = "User-Agent: test\r\nAccept: */*\r\n\r\n";
    let request = format!("GET / HTTP/1.1\r\nHost: {host}\r\n{agent}");
    client.write_all(request.as_bytes()).unwrap();
    server.read_exact(&mut vec![0; request.len()]).unwrap();
    let head = "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: 400\r\n\r\n";
    // Where the flow is rejected, the server may have been reset by now.
    let _ = server.write_all((head.to_owned() + &"x".repeat(400)).as_bytes());
}

/// Connects from all ports, from as many at the same time as a listener has room for.
fn connect_all(ports: Range<u16>) -> io::Result<Vec<TcpStream>> {
    let mut clients = Vec::with_capacity(ports.len());
    for some in ports.collect::<Vec<_>>().chunks(64) {
        thread::scope(|scope| {
            let all: Vec<_> = some.iter().map(|&port| scope.spawn(move || connect(port))).collect();
            for one in all {
                clients.push(one.join().expect("it does not panic")?);
            }
            io::Result::Ok(())
        })?;
    }
    Ok(clients)
}

/// Connects from a port, which is free again as soon as the connection is ended by [`reset`].
fn connect(port: u16) -> io::Result<TcpStream> {
    let socket = Socket::new(Domain::IPV4, Type::STREAM, None)?;
    socket.set_reuse_address(true)?;
    let address = |ip: &str, port| SocketAddr::new(ip.parse().unwrap(), port).into();
    socket.bind(&address(FAR, port))?;
    socket.connect_timeout(&address(NEAR, 80), PATIENCE)?;
    Ok(socket.into())
}

/// Ends connections at once, with a RST, as `connect` to `AF_UNSPEC` does (`tcp_disconnect` of the kernel).
/// Closing their descriptors would not do: a process that another test starts at this moment holds copies
/// of them until it executes its program, and as long the ports stay taken.
fn reset(clients: Vec<TcpStream>) {
    for client in clients {
        rustix::net::connect_unspec(&client).expect("a connection is ended");
    }
}

/// Has a client with these ports try a blocked site from so many of them, so often, and then an allowed one
/// of the same server from all.
fn reach(ports: Range<u16>, taken: u16, attempts: usize) {
    let mut scene = Scene::new("drop");
    let taken = ports.start..ports.start + taken;
    let mut held = Vec::new();
    for _ in 0..attempts {
        let clients = scene.get("www.facebook.com", taken.clone());
        assert_eq!(scene.heard(&clients, BLOCKED), 0);
        // The client's ends are ended, the server's are not: what would end them is dropped.
        reset(clients);
        held.append(&mut scene.open);
    }
    let clients = scene.get("www.example.org", ports.clone());
    assert_eq!(scene.heard(&clients, PATIENCE), ports.len());
    held.append(&mut scene.open);
    reset(clients);
    // And what was allowed on a port allows no blocked site there.
    let clients = scene.get("www.facebook.com", ports);
    assert_eq!(scene.heard(&clients, BLOCKED), 0);
}

#[test]
fn an_allowed_site_is_reached_from_the_ports_of_blocked_connections() {
    if ready(&PROGRAMS) {
        reach(PORTS, 18, ATTEMPTS);
    }
}

/// `cargo test -p ndpi-user --test network -- --ignored 750_attempts`.
#[test]
#[ignore = "makes 750 blocked connections from 1000 ports, and then one from each of those"]
fn an_allowed_site_is_reached_after_750_attempts_on_a_blocked_one() {
    if ready(&PROGRAMS) {
        // Descriptors of both ends, and of the server's that nobody has closed.
        let limits = getrlimit(Resource::Nofile);
        setrlimit(Resource::Nofile, Rlimit { current: limits.maximum, ..limits }).unwrap();
        reach(30_000..31_000, 750, 1);
    }
}

#[test]
fn each_connection_of_a_port_is_told_that_it_is_rejected() {
    if !ready(&PROGRAMS) {
        return;
    }
    let mut scene = Scene::new("reject");
    let ports = PORTS.start..PORTS.start + 4;
    for _ in 0..2 * ATTEMPTS {
        let clients = scene.get("www.facebook.com", ports.clone());
        for mut client in &clients {
            let reset = client.read_to_end(&mut Vec::new()).unwrap_err();
            assert_eq!(reset.kind(), ErrorKind::ConnectionReset, "{reset}");
        }
    }
    let clients = scene.get("www.example.org", ports.clone());
    assert_eq!(scene.heard(&clients, PATIENCE), ports.len());
}

/// Sends segments from the far end, whatever sender they name.
fn send_from_far(pair: &Pair, segments: &[Segment]) {
    pair.far(|| {
        let raw = socket(AddressFamily::INET, SocketType::RAW, Some(ipproto::RAW)).unwrap();
        let near = SocketAddr::V4(SocketAddrV4::new(NEAR.parse().unwrap(), 0));
        for segment in segments {
            sendto(&raw, &segment.l3(), SendFlags::empty(), &near).unwrap();
        }
    });
}

#[test]
fn a_client_that_forges_its_servers_answer_stays_blocked() {
    if !ready(&PROGRAMS) {
        return;
    }
    let mut scene = Scene::new("drop");
    let ports = PORTS.start..PORTS.start + 1;
    let clients = scene.get("www.facebook.com", ports.clone());
    assert_eq!(scene.heard(&clients, BLOCKED), 0);
    let addresses = [FAR, NEAR].map(|it| it.parse::<Ipv4Addr>().unwrap());
    let forged = Connection { addresses, ..Connection::new(ports.start, 80) };
    let (syn, answer) = (forged.syn(), forged.syn_ack());
    let acknowledges = Segment { flags: flags::ACK, ..answer.clone() };
    // Each would let go of the verdict, or of what a server says that holds the connection.
    for _ in 0..3 {
        send_from_far(&scene.pair, &[syn.clone(), answer.clone(), acknowledges.clone()]);
        assert_eq!(scene.heard(&clients, BLOCKED), 0);
    }
    // The same port is free again for who really connects.
    reset(clients);
    let clients = scene.get("www.example.org", ports);
    assert_eq!(scene.heard(&clients, PATIENCE), 1);
}
