//! A machine in the middle of a wire: a sandbox with an interface to each side.

use std::io::{Read as _, Write as _};
use std::net::{IpAddr, Ipv4Addr, TcpListener, TcpStream, UdpSocket};
use std::time::Duration;

use crate::interface::{self, Feature};
use crate::namespace::{self, Namespace, inside};
use crate::sandbox::Sandbox;

/// The client's address.
pub const CLIENT: IpAddr = IpAddr::V4(Ipv4Addr::new(198, 18, 5, 1));
/// The server's.
pub const SERVER: IpAddr = IpAddr::V4(Ipv4Addr::new(198, 18, 5, 2));

/// How long a socket waits for what must come.
const PATIENCE: Duration = Duration::from_secs(10);

/// A client and a server in one network, on the two sides of a machine that has no address there,
/// routes nothing and bridges nothing. Its interfaces are `in` and `out`, the others are `wire`.
pub struct Wire {
    /// Where the program runs.
    pub middle: Sandbox,
    client: Namespace,
    server: Namespace,
}

impl Wire {
    /// Makes the three machines.
    pub fn new() -> Self {
        let middle = Sandbox::new();
        // Or it would say things of its own, which its other end would hear.
        middle.ip("link set left down");
        let end = |interface, side, address| {
            let outside = Namespace::new(&namespace::unique(side)).unwrap();
            lay(&middle, interface, &outside, address);
            outside
        };
        let (client, server) = (end("in", "client", CLIENT), end("out", "server", SERVER));
        Self { middle, client, server }
    }

    /// Has both outer ends take frames as drivers of network cards do, and fill in checksums
    /// themselves: a frame that was redirected has lost what the hardware was to do with it.
    pub fn like_hardware(&self) {
        for namespace in [&self.client, &self.server] {
            inside(namespace, || {
                interface::switch("wire", Feature::ReceiveOffload, true).unwrap();
                interface::switch("wire", Feature::TransmitChecksum, false).unwrap();
            });
        }
    }

    /// Connects, and gives both ends.
    pub fn connect(&self) -> (TcpStream, TcpStream) {
        let listener = inside(&self.server, || TcpListener::bind((SERVER, 0)).unwrap());
        let to = listener.local_addr().unwrap();
        let connect = || TcpStream::connect_timeout(&to, PATIENCE).unwrap();
        let client = inside(&self.client, connect);
        let (server, from) = listener.accept().unwrap();
        assert_eq!(from.ip(), CLIENT);
        for end in [&client, &server] {
            end.set_read_timeout(Some(PATIENCE)).unwrap();
        }
        (client, server)
    }

    /// Has the client send datagrams to the server, whether they arrive or not.
    pub fn send(&self, count: u16) {
        let socket = inside(&self.client, || UdpSocket::bind((CLIENT, 0)).unwrap());
        for _ in 0..count {
            socket.send_to(b"lost?", (SERVER, 9)).unwrap();
        }
    }

    /// Has the server send datagrams to the client, whether they arrive or not.
    pub fn send_back(&self, count: u16) {
        let socket = inside(&self.server, || UdpSocket::bind((SERVER, 0)).unwrap());
        for _ in 0..count {
            socket.send_to(b"lost?", (CLIENT, 9)).unwrap();
        }
    }

    /// Gives the client another interface in place of one that is gone.
    pub fn renew_client(&self) {
        lay(&self.middle, "in", &self.client, CLIENT);
        self.like_hardware();
    }

    /// Sends a datagram there and another one back.
    pub fn exchange(&self) {
        let bind = |namespace, address| {
            let socket = inside(namespace, move || UdpSocket::bind((address, 0)).unwrap());
            socket.set_read_timeout(Some(PATIENCE)).unwrap();
            socket
        };
        let (client, server) = (bind(&self.client, CLIENT), bind(&self.server, SERVER));
        let mut buffer = [0; 16];
        client.send_to(b"ping", server.local_addr().unwrap()).unwrap();
        let (len, from) = server.recv_from(&mut buffer).unwrap();
        assert_eq!((&buffer[..len], from), (&b"ping"[..], client.local_addr().unwrap()));
        server.send_to(b"pong", from).unwrap();
        assert_eq!(client.recv(&mut buffer).unwrap(), 4);
    }
}

/// Joins `interface` of the middle with `wire` outside.
fn lay(middle: &Sandbox, interface: &str, outside: &Namespace, address: IpAddr) {
    let name = outside.name();
    middle.ip(&format!("link add {interface} type veth peer name wire netns {name}"));
    middle.ip(&format!("link set {interface} up"));
    outside.ip(&format!("addr add {address}/24 dev wire")).unwrap();
    outside.ip("link set wire up").unwrap();
}

/// Writes on one end and reads it on the other.
pub fn send(from: &mut TcpStream, to: &mut TcpStream, data: &[u8]) {
    from.write_all(data).unwrap();
    let mut received = vec![0; data.len()];
    to.read_exact(&mut received).unwrap();
    assert_eq!(received, data);
}
