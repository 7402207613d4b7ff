//! Sockets at the ends of a flow.

use std::io::{self, ErrorKind, Read};
use std::net::{IpAddr, SocketAddr, TcpListener, TcpStream, UdpSocket};
use std::thread::{self, JoinHandle};

use ndpi_flow::{Sample, tcp};
use socket2::{Domain, Socket, Type};
use testkit::namespace::{Namespace, inside};
use testkit::topology::Topology;

use super::inside::PATIENCE;

/// A port that nobody listens on.
const CLOSED: u16 = 4;

/// A TCP connection.
pub(super) struct Connection {
    pub(super) client: TcpStream,
    pub(super) server: TcpStream,
}

/// A UDP socket at each end, connected to the other.
pub(super) struct Datagrams {
    pub(super) client: UdpSocket,
    pub(super) server: UdpSocket,
}

impl Connection {
    pub(super) fn new(network: &Topology, client: IpAddr, server: IpAddr) -> Self {
        let listener = inside(&network.server, || TcpListener::bind((server, 0)).unwrap());
        let to = listener.local_addr().unwrap();
        let client_end = inside(&network.client, || TcpStream::connect(to).unwrap());
        let (server_end, from) = listener.accept().unwrap();
        assert_eq!(from.ip(), client);
        for end in [&client_end, &server_end] {
            end.set_read_timeout(Some(PATIENCE)).unwrap();
        }
        Self { client: client_end, server: server_end }
    }

    /// Fails unless each end gets a reset next.
    pub(super) fn assert_reset(&mut self) {
        for (name, end) in [("client", &mut self.client), ("server", &mut self.server)] {
            let error = end.read(&mut [0; 16]).expect_err(name);
            assert_eq!(error.kind(), ErrorKind::ConnectionReset, "{name}: {error}");
        }
    }
}

impl Datagrams {
    pub(super) fn new(network: &Topology, client: IpAddr, server: IpAddr) -> Self {
        let bound =
            |namespace, address| inside(namespace, || UdpSocket::bind((address, 0)).unwrap());
        let ends =
            Self { client: bound(&network.client, client), server: bound(&network.server, server) };
        ends.client.connect(ends.server.local_addr().unwrap()).unwrap();
        ends.server.connect(ends.client.local_addr().unwrap()).unwrap();
        for end in [&ends.client, &ends.server] {
            end.set_read_timeout(Some(PATIENCE)).unwrap();
        }
        ends
    }
}

/// Starts to connect to `server`, on a port where nobody would answer otherwise.
pub(super) fn connect(network: &Topology, server: IpAddr) -> JoinHandle<io::Result<()>> {
    let to = SocketAddr::new(server, CLOSED);
    let open = || Socket::new(Domain::for_address(to), Type::STREAM, None).unwrap();
    let socket = inside(&network.client, open);
    thread::spawn(move || socket.connect_timeout(&to.into(), PATIENCE))
}

/// Whether a packet opens such a connection.
pub(super) fn is_syn_to(sample: &Sample, server: IpAddr) -> bool {
    let (_, to) = sample.key.endpoints(sample.direction);
    to == (server, CLOSED) && tcp::opens(sample.tcp_flags)
}

/// Sends a datagram to a broadcast address.
pub(super) fn broadcast(namespace: &Namespace, to: &str, bytes: &[u8]) {
    let socket = inside(namespace, || UdpSocket::bind("0.0.0.0:0").unwrap());
    socket.set_broadcast(true).unwrap();
    socket.send_to(bytes, to).unwrap();
}
