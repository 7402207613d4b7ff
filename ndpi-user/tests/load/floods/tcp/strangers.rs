//! Connections of very many clients, to a server that nobody is: their packets are written here, and pass both
//! ends without a socket of the kernel's.

use std::io::{ErrorKind, Read as _};
use std::net::{Ipv4Addr, SocketAddr};
use std::ops::Range;
use std::time::Instant;

use ndpi_common::parse::ethertype;
use socket2::{Domain, Protocol, Socket, Type};
use testkit::pair::{FAR, NEAR, Pair};
use testkit::tcp::{Connection, Segment};

use super::{BLOCKED, PATIENCE, SENT};

/// How many are asked for before the last one's verdict is waited for: the samples of these find room.
const AT_ONCE: usize = 100;
const CLIENTS: u32 = 1024;
const PORT: u16 = 80;

pub(super) struct Strangers {
    near: Socket,
    far: Socket,
    /// What comes in at the near end, from the IP header on.
    arriving: Socket,
}

impl Strangers {
    pub(super) fn new(pair: &Pair) -> Self {
        // Neither end has these addresses, nor forwards to anybody who does.
        pair.sandbox.ip(&format!("route add 198.19.128.0/17 via {FAR}"));
        pair.far_ip(&format!("route add 198.19.0.0/17 via {NEAR}"));
        let raw = || {
            Socket::new(Domain::IPV4, Type::RAW, Some(Protocol::from(libc::IPPROTO_RAW))).unwrap()
        };
        let arriving = pair.near(|| {
            let all = Protocol::from(i32::from(ethertype::IPV4.to_be()));
            Socket::new(Domain::PACKET, Type::DGRAM, Some(all)).unwrap()
        });
        arriving.set_nonblocking(true).unwrap();
        Self { near: pair.near(raw), far: pair.far(raw), arriving }
    }

    /// Has these connections ask for the blocked site. `decided` waits for the verdict on one, by its client.
    pub(super) fn ask(&self, numbers: Range<u32>, decided: impl Fn(Ipv4Addr, u16)) {
        for some in numbers.collect::<Vec<_>>().chunks(AT_ONCE) {
            for &number in some {
                self.exchange(connection(number));
            }
            let last = connection(some[some.len() - 1]);
            decided(last.addresses[0], last.ports[0]);
        }
    }

    fn exchange(&self, connection: Connection) {
        let request = request();
        connection.handshake().iter().for_each(|segment| self.send(segment));
        self.send(&connection.data(0, request.as_bytes()));
        self.send(
            &connection.answer(request.len(), b"HTTP/1.1 200 OK\r\nContent-Length: 400\r\n\r\n"),
        );
    }

    fn send(&self, segment: &Segment) {
        let (from, to) = if segment.from_client { (&self.far, 1) } else { (&self.near, 0) };
        let to = SocketAddr::from((segment.addresses[to], 0));
        from.send_to(&segment.l3(), &to.into()).unwrap();
    }

    /// Waits until nothing of the connection arrives, and sees that it stays so.
    pub(super) fn is_blocked(&self, number: u32) -> bool {
        let deadline = Instant::now() + PATIENCE;
        while self.arrives(number) {
            assert!(Instant::now() < deadline, "it passes");
        }
        !(0..SENT).any(|_| self.arrives(number))
    }

    /// Whether a packet of its client arrives. On veth, what is not dropped has by the time it is sent.
    fn arrives(&self, number: u32) -> bool {
        let connection = connection(number);
        self.drain(None);
        self.send(&connection.data(i32::try_from(request().len()).unwrap(), b"more"));
        self.drain(Some(connection.addresses[0]))
    }

    /// Reads all that has arrived; says whether something was from this client.
    fn drain(&self, from: Option<Ipv4Addr>) -> bool {
        let (mut packet, mut found) = ([0; 64], false);
        loop {
            match (&self.arriving).read(&mut packet) {
                Ok(_) => found |= from.is_some_and(|from| packet[12..16] == from.octets()),
                Err(error) if error.kind() == ErrorKind::WouldBlock => return found,
                Err(error) => panic!("cannot read what arrives: {error}"),
            }
        }
    }
}

fn request() -> String {
    format!("GET / HTTP/1.1\r\nHost: {BLOCKED}\r\nUser-Agent: test\r\nAccept: */*\r\n\r\n")
}

/// A connection of one of the clients, each from a port of its own.
fn connection(number: u32) -> Connection {
    let client = Ipv4Addr::from_bits(0xc613_8000 + number % CLIENTS);
    let port = u16::try_from(2000 + number / CLIENTS).unwrap();
    let addresses = [client, Ipv4Addr::new(198, 19, 0, 1)];
    Connection { addresses, ..Connection::new(port, PORT) }
}
