//! TCP streams between real kernels, sent in the ways of tools that get round filters: what is blocked
//! stays blocked, and what is allowed arrives whole.

use std::io::{self, Read as _, Write as _};
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::os::fd::AsRawFd as _;
use std::thread;
use std::time::Duration;

use socket2::{Domain, Protocol, SockRef, Socket, Type};
use testkit::instance::Instance;
use testkit::interface::{self, Feature};
use testkit::pair::{FAR, NEAR, Pair};
use testkit::program::PROGRAMS;
use testkit::tcp::{Connection, Segment};
use testkit::tls::{answer, hello, in_records};

use crate::ready;

const BLOCKED: &str = "www.facebook.com";
const ALLOWED: &str = "www.example.com";
/// What a server sends when a flow's verdict stands.
const PAGE: usize = 200_000;
/// How long something may take that nobody blocks.
const PATIENCE: Duration = Duration::from_secs(10);
/// How long something is waited for that does not come.
const SILENCE: Duration = Duration::from_millis(60);

/// The queues of a socket in repair (`linux/tcp.h`).
const RECEIVE_QUEUE: libc::c_int = 1;
const SEND_QUEUE: libc::c_int = 2;

/// Sends a hello, and returns how many bytes the server reads of it.
type Way = fn(&Client, &str) -> usize;

/// A client of a real connection.
struct Client {
    stream: TcpStream,
    /// Its numbers, so that other segments can be sent beside its own.
    connection: Connection,
    raw: Socket,
}

impl Client {
    /// Connects; for the far end.
    fn connect(port: u16) -> Self {
        let stream = TcpStream::connect((NEAR, port)).unwrap();
        stream.set_nodelay(true).unwrap();
        let [sent, received] = numbers(&stream).unwrap();
        let addresses = [FAR, NEAR].map(|it| it.parse::<Ipv4Addr>().unwrap());
        let ports = [stream.local_addr().unwrap().port(), port];
        // Both count from what follows the SYN.
        let (client, server) = (sent.wrapping_sub(1), received.wrapping_sub(1));
        let connection = Connection { addresses, ports, client, server };
        let raw = Socket::new(Domain::IPV4, Type::RAW, Some(Protocol::from(libc::IPPROTO_RAW)));
        Self { stream, connection, raw: raw.unwrap() }
    }

    fn write(&self, bytes: &[u8]) {
        (&self.stream).write_all(bytes).unwrap();
    }

    /// Sends a segment that the client's kernel knows nothing of.
    fn inject(&self, segment: &Segment) {
        let to = std::net::SocketAddrV4::new(self.connection.addresses[1], 0);
        self.raw.send_to(&Segment { ttl: 64, ..segment.clone() }.l3(), &to.into()).unwrap();
    }
}

/// The sequence numbers of what a socket sends and receives next (`TCP_REPAIR` in tcp(7)).
fn numbers(stream: &TcpStream) -> io::Result<[u32; 2]> {
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

const WAYS: [(&str, Way); 9] = [
    ("as it is", |client, name| {
        client.write(&hello(name));
        hello(name).len()
    }),
    ("in small pieces", |client, name| {
        for piece in hello(name).chunks(9) {
            client.write(piece);
        }
        hello(name).len()
    }),
    ("in two records", |client, name| {
        client.write(&in_records(name, 60));
        in_records(name, 60).len()
    }),
    ("in records and pieces", |client, name| {
        for piece in in_records(name, 11).chunks(25) {
            client.write(piece);
        }
        in_records(name, 11).len()
    }),
    ("with a dot", |client, name| {
        let hello = hello(&format!("{name}."));
        client.write(&hello);
        hello.len()
    }),
    ("with an urgent byte", |client, name| {
        let hello = hello(name);
        client.write(&hello[..40]);
        SockRef::from(&client.stream).send_out_of_band(b"X").unwrap();
        client.write(&hello[40..]);
        hello.len()
    }),
    ("beside one with a bad checksum", |client, name| {
        let fake = client.connection.data(0, &hello(other(name)));
        client.inject(&Segment { damage: 3, ..fake });
        client.write(&hello(name));
        hello(name).len()
    }),
    ("beside one that is signed", |client, name| {
        let signature = [&[19, 18][..], &[0; 16], &[1, 1]].concat();
        let fake = client.connection.data(0, &hello(other(name)));
        client.inject(&Segment { options: signature, ..fake });
        client.write(&hello(name));
        hello(name).len()
    }),
    ("beside one without flags", |client, name| {
        let fake = client.connection.data(0, &hello(other(name)));
        client.inject(&Segment { flags: 0, ..fake });
        client.write(&hello(name));
        hello(name).len()
    }),
];

/// The site that a fake names: an innocent one for what is blocked, and the other way round.
fn other(name: &str) -> &'static str {
    if name == BLOCKED { ALLOWED } else { BLOCKED }
}

/// How much of a page arrives when its site is asked for in this way.
fn page(
    pair: &Pair,
    instance: &Instance,
    listener: &TcpListener,
    (way, name): (Way, &str),
) -> usize {
    let port = listener.local_addr().unwrap().port();
    let client = pair.far(|| Client::connect(port));
    let (mut server, from) = listener.accept().unwrap();
    for end in [&client.stream, &server] {
        end.set_read_timeout(Some(PATIENCE)).unwrap();
    }
    let length = pair.far(|| way(&client, name));
    server.read_exact(&mut vec![0; length]).unwrap();
    server.write_all(&answer()).unwrap();
    let verdict = instance.wait_for(|it| it["type"] == "verdict" && it["sport"] == from.port());
    let is_blocked = verdict["action"] == "drop";
    server.set_nonblocking(false).unwrap();
    let sender = thread::spawn(move || {
        let _ = server.set_write_timeout(Some(PATIENCE));
        let _ = server.write_all(&vec![7; PAGE]);
        server
    });
    client.stream.set_read_timeout(Some(if is_blocked { SILENCE } else { PATIENCE })).unwrap();
    let (mut arrived, mut buffer) = (0, vec![0; 1 << 16]);
    while arrived < PAGE + answer().len() {
        match (&client.stream).read(&mut buffer) {
            Ok(length) if length > 0 => arrived += length,
            _ => break,
        }
    }
    drop(client);
    drop(sender);
    arrived
}

fn set_offloads(interface: &str, on: bool) {
    for feature in [Feature::TransmitChecksum, Feature::Segmentation, Feature::ReceiveOffload] {
        interface::switch(interface, feature, on).unwrap();
    }
}

#[test]
fn sites_are_blocked_and_allowed_in_whatever_way_they_are_asked_for() {
    if !ready(&PROGRAMS) {
        return;
    }
    for offloads in [true, false] {
        let pair = Pair::new();
        pair.near(|| set_offloads("left", offloads));
        pair.far(|| set_offloads("right", offloads));
        let rule = "[[rule]]\nname = \"the rule\"\napp = \"Facebook\"\naction = \"drop\"\n";
        let policy = pair.sandbox.file("policy.toml", rule);
        let run = format!("run --iface left --json --policy {}", policy.display());
        let instance = pair.sandbox.start(&run);
        let listener = pair.near(|| TcpListener::bind((NEAR, 443)).unwrap());
        for (what, way) in WAYS {
            let whole = PAGE + answer().len();
            let arrived = page(&pair, &instance, &listener, (way, BLOCKED));
            assert!(arrived <= answer().len(), "{what}, offloads {offloads}: {arrived} bytes");
            let arrived = page(&pair, &instance, &listener, (way, ALLOWED));
            assert_eq!(arrived, whole, "{what}, offloads {offloads}");
        }
    }
}
