//! A client of a real connection that sends segments of its own beside those of its kernel.

use std::io::{self, Write as _};
use std::net::{IpAddr, Ipv4Addr, SocketAddrV4, TcpStream};
use std::os::fd::AsRawFd as _;

use socket2::{Domain, Protocol, Socket, Type};
use testkit::pair::{FAR, NEAR};
use testkit::tcp::{Connection, Segment};

/// The queues of a socket in repair (`linux/tcp.h`).
const RECEIVE_QUEUE: libc::c_int = 1;
const SEND_QUEUE: libc::c_int = 2;
/// How far its packets come.
pub(crate) const TTL: u8 = 64;

/// A client of a real connection.
pub(crate) struct Client {
    pub(crate) stream: TcpStream,
    /// Its numbers, so that other segments can be sent beside its own.
    pub(crate) connection: Connection,
    /// Its clock (RFC 7323, section 4), as its kernel stamps segments now.
    pub(crate) stamp: u32,
    raw: Socket,
}

impl Client {
    /// Connects to the near end; for the far one.
    pub(crate) fn connect(port: u16) -> Self {
        Self::connect_to(NEAR, port)
    }

    /// Connects to a server.
    pub(crate) fn connect_to(server: &str, port: u16) -> Self {
        Self::of(TcpStream::connect((server, port)).unwrap(), server)
    }

    /// The same with so much of what it says in its SYN (RFC 7413).
    pub(crate) fn connect_saying(server: &str, port: u16, bytes: &[u8]) -> Self {
        let socket = Socket::new(Domain::IPV4, Type::STREAM, None).unwrap();
        let address = SocketAddrV4::new(server.parse().unwrap(), port);
        let sent = socket.send_to_with_flags(bytes, &address.into(), libc::MSG_FASTOPEN).unwrap();
        assert_eq!(sent, bytes.len());
        Self::of(socket.into(), server)
    }

    /// Connects to a server, behind a segment from the same port that comes before the SYN.
    pub(crate) fn connect_behind(
        server: &str,
        port: u16,
        before: impl FnOnce(Connection) -> Segment,
    ) -> Self {
        let socket = Socket::new(Domain::IPV4, Type::STREAM, None).unwrap();
        socket.bind(&SocketAddrV4::new(FAR.parse().unwrap(), 0).into()).unwrap();
        let own = socket.local_addr().unwrap().as_socket().unwrap().port();
        let addresses = [FAR, server].map(|it| it.parse::<Ipv4Addr>().unwrap());
        let connection = Connection { addresses, ..Connection::new(own, port) };
        let (raw, to) = (raw(), SocketAddrV4::new(addresses[1], 0).into());
        raw.send_to(&before(connection).l3(), &to).unwrap();
        socket.connect(&SocketAddrV4::new(addresses[1], port).into()).unwrap();
        Self::of(socket.into(), server)
    }

    fn of(stream: TcpStream, server: &str) -> Self {
        stream.set_nodelay(true).unwrap();
        let [sent, received] = numbers(&stream).unwrap();
        let own = stream.local_addr().unwrap();
        let IpAddr::V4(from) = own.ip() else { panic!("{own} is none of IPv4") };
        let addresses = [from, server.parse().unwrap()];
        let ports = [own.port(), stream.peer_addr().unwrap().port()];
        // Both count from what follows the SYN.
        let (client, server) = (sent.wrapping_sub(1), received.wrapping_sub(1));
        let connection = Connection { addresses, ports, client, server };
        let stamp = option(&stream, libc::TCP_TIMESTAMP, 0, false).unwrap().cast_unsigned();
        Self { stream, connection, stamp, raw: raw() }
    }

    pub(crate) fn write(&self, bytes: &[u8]) {
        (&self.stream).write_all(bytes).unwrap();
    }

    /// Sends a segment that the client's kernel knows nothing of.
    pub(crate) fn inject(&self, segment: &Segment) {
        self.send(&Segment { ttl: TTL, ..segment.clone() }.l3());
    }

    /// Sends a packet, from its IP header on.
    pub(crate) fn send(&self, l3: &[u8]) {
        let to = SocketAddrV4::new(self.connection.addresses[1], 0);
        self.raw.send_to(l3, &to.into()).unwrap();
    }
}

/// Sends whole packets of IPv4.
fn raw() -> Socket {
    Socket::new(Domain::IPV4, Type::RAW, Some(Protocol::from(libc::IPPROTO_RAW))).unwrap()
}

/// The sequence numbers of what a socket sends and receives next (`TCP_REPAIR` in tcp(7)).
pub(crate) fn numbers(stream: &TcpStream) -> io::Result<[u32; 2]> {
    let set = |name, value: libc::c_int| option(stream, name, value, true).map(drop);
    set(libc::TCP_REPAIR, 1)?;
    let mut numbers = [0; 2];
    for (queue, number) in [SEND_QUEUE, RECEIVE_QUEUE].into_iter().zip(&mut numbers) {
        set(libc::TCP_REPAIR_QUEUE, queue)?;
        *number = option(stream, libc::TCP_QUEUE_SEQ, 0, false)?.cast_unsigned();
    }
    // Without a probe, which would be one packet more.
    set(libc::TCP_REPAIR, -1)?;
    Ok(numbers)
}

/// Sets or reads an option of TCP.
fn option(
    stream: &TcpStream,
    name: libc::c_int,
    mut value: libc::c_int,
    set: bool,
) -> io::Result<libc::c_int> {
    let (fd, place) = (stream.as_raw_fd(), (&raw mut value).cast());
    let mut length = libc::socklen_t::try_from(size_of_val(&value)).expect("four bytes");
    // SAFETY: the option's value is an integer, which `place` points to with its length.
    let result = unsafe {
        if set {
            libc::setsockopt(fd, libc::IPPROTO_TCP, name, place, length)
        } else {
            libc::getsockopt(fd, libc::IPPROTO_TCP, name, place, &raw mut length)
        }
    };
    if result == 0 { Ok(value) } else { Err(io::Error::last_os_error()) }
}
