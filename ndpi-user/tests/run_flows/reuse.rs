//! A client with few ports: a connection that takes the ports of a blocked one is a flow of its own.

use std::io::{self, ErrorKind, Read as _, Write as _};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::time::Duration;

use socket2::{Domain, Socket, Type};

use crate::support::instance::Instance;
use crate::support::pair::{FAR, NEAR, Pair};
use crate::support::ready;

const PROGRAMS: [&str; 4] = ["bpftool", "ip", "tc", "nsenter"];
const PORTS: [u16; 2] = [41_001, 41_002];
/// Connections to the blocked site from each port: more than one flow is answered for `reject`.
const ATTEMPTS: usize = 4;

/// How long something may take that nobody blocks.
const PATIENCE: Duration = Duration::from_secs(10);
/// How long something is waited for that does not come.
const BLOCKED: Duration = Duration::from_millis(100);

struct Scene {
    pair: Pair,
    instance: Instance,
    web: TcpListener,
    /// The server's ends of all connections: it closes none.
    open: Vec<TcpStream>,
}

impl Scene {
    fn new(action: &str) -> Self {
        let pair = Pair::new();
        let rule = "[[rule]]\nname = \"no social networks\"\ncategory = \"SocialNetwork\"\n";
        let policy = pair.sandbox.file("policy.toml", &format!("{rule}action = \"{action}\"\n"));
        let run = format!("run --iface left --json --workers 2 --policy {}", policy.display());
        let instance = pair.sandbox.start(&run);
        let web = pair.near(|| TcpListener::bind((NEAR, 80)).unwrap());
        Self { pair, instance, web, open: Vec::new() }
    }

    /// A connection from `port` with a request to `host`, once its verdict stands: the client's end.
    fn get(&mut self, host: &str, port: u16) -> TcpStream {
        let mut client = self.pair.far(|| connect(port).unwrap());
        let (mut server, from) = self.web.accept().unwrap();
        assert_eq!(from.port(), port);
        for end in [&client, &server] {
            end.set_read_timeout(Some(PATIENCE)).unwrap();
        }
        let agent = "User-Agent: test\r\nAccept: */*\r\n\r\n";
        let request = format!("GET / HTTP/1.1\r\nHost: {host}\r\n{agent}");
        client.write_all(request.as_bytes()).unwrap();
        server.read_exact(&mut vec![0; request.len()]).unwrap();
        let head = "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: 400\r\n\r\n";
        server.write_all((head.to_owned() + &"x".repeat(400)).as_bytes()).unwrap();
        let verdict = self.instance.wait_for(|it| it["type"] == "verdict" && it["dport"] == 80);
        assert_eq!((&verdict["sport"], &verdict["hostname"]), (&port.into(), &host.into()));
        self.open.push(server);
        client
    }

    /// Whether what the client says now reaches the server.
    fn is_heard(&mut self, client: &mut TcpStream) -> bool {
        let server = self.open.last_mut().unwrap();
        server.set_read_timeout(Some(BLOCKED)).unwrap();
        client.write_all(b"more").unwrap();
        server.read(&mut [0; 4]).is_ok_and(|len| len > 0)
    }
}

/// Connects from a port, which is free again as soon as the socket is closed.
fn connect(port: u16) -> io::Result<TcpStream> {
    let socket = Socket::new(Domain::IPV4, Type::STREAM, None)?;
    socket.set_reuse_address(true)?;
    socket.set_linger(Some(Duration::ZERO))?;
    let address = |ip: &str, port| SocketAddr::new(ip.parse().unwrap(), port).into();
    socket.bind(&address(FAR, port))?;
    socket.connect_timeout(&address(NEAR, 80), PATIENCE)?;
    Ok(socket.into())
}

#[test]
fn an_allowed_site_is_reached_from_the_ports_of_blocked_connections() {
    if !ready(&PROGRAMS) {
        return;
    }
    let mut scene = Scene::new("drop");
    for _ in 0..ATTEMPTS {
        for port in PORTS {
            let mut client = scene.get("www.facebook.com", port);
            assert!(!scene.is_heard(&mut client));
        }
    }
    // The server still has all of those, as far as it knows: their ends never arrived.
    for (host, passes) in [("www.example.org", true), ("www.facebook.com", false)] {
        for port in PORTS {
            let mut client = scene.get(host, port);
            assert_eq!(scene.is_heard(&mut client), passes, "{host}");
        }
    }
}

#[test]
fn each_connection_of_a_port_is_told_that_it_is_rejected() {
    if !ready(&PROGRAMS) {
        return;
    }
    let mut scene = Scene::new("reject");
    for _ in 0..ATTEMPTS {
        let mut client = scene.get("www.facebook.com", PORTS[0]);
        let mut response = Vec::new();
        let reset = client.read_to_end(&mut response).unwrap_err();
        assert_eq!(reset.kind(), ErrorKind::ConnectionReset, "{reset}");
    }
    let mut client = scene.get("www.example.org", PORTS[0]);
    assert!(scene.is_heard(&mut client));
}
