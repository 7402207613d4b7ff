//! A machine in the middle of a wire: a sandbox with an interface to each side.

use std::io::{self, Read as _, Write as _};
use std::net::{IpAddr, Ipv4Addr, TcpListener, TcpStream, UdpSocket};
use std::os::fd::AsRawFd as _;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use super::inside::inside;
use super::namespace::{self, Namespace};
use super::sandbox::Sandbox;

pub(crate) const CLIENT: IpAddr = IpAddr::V4(Ipv4Addr::new(198, 18, 5, 1));
pub(crate) const SERVER: IpAddr = IpAddr::V4(Ipv4Addr::new(198, 18, 5, 2));

/// How long a socket waits for what must come.
const PATIENCE: Duration = Duration::from_secs(10);

static NUMBER: AtomicU32 = AtomicU32::new(0);

/// A client and a server in one network, on the two sides of a machine that has no address there,
/// routes nothing and bridges nothing. Its interfaces are `in` and `out`, the others are `wire`.
pub(crate) struct Wire {
    pub(crate) middle: Sandbox,
    client: Namespace,
    server: Namespace,
}

impl Wire {
    pub(crate) fn new() -> Self {
        let middle = Sandbox::new();
        // Or it would say things of its own, which its other end would hear.
        middle.ip("link set left down");
        let number = NUMBER.fetch_add(1, Ordering::Relaxed);
        let name = |side| namespace::named("test", &format!("{side}-{number}"));
        let end = |interface, side, address| {
            let outside = Namespace::new(&name(side)).unwrap();
            lay(&middle, interface, &outside, address);
            outside
        };
        let (client, server) = (end("in", "client", CLIENT), end("out", "server", SERVER));
        Self { middle, client, server }
    }

    /// Has both outer ends take frames as drivers of network cards do, and fill in checksums
    /// themselves: a frame that was redirected has lost what the hardware was to do with it.
    pub(crate) fn like_hardware(&self) {
        for namespace in [&self.client, &self.server] {
            inside(namespace, || {
                ethtool("wire", ETHTOOL_SGRO, 1).unwrap();
                ethtool("wire", ETHTOOL_STXCSUM, 0).unwrap();
            });
        }
    }

    /// Connects, and gives both ends.
    pub(crate) fn connect(&self) -> (TcpStream, TcpStream) {
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
    pub(crate) fn send(&self, count: u16) {
        let socket = inside(&self.client, || UdpSocket::bind((CLIENT, 0)).unwrap());
        for _ in 0..count {
            socket.send_to(b"lost?", (SERVER, 9)).unwrap();
        }
    }

    /// Has the server send datagrams to the client, whether they arrive or not.
    pub(crate) fn send_back(&self, count: u16) {
        let socket = inside(&self.server, || UdpSocket::bind((SERVER, 0)).unwrap());
        for _ in 0..count {
            socket.send_to(b"lost?", (CLIENT, 9)).unwrap();
        }
    }

    /// Gives the client another interface in place of one that is gone.
    pub(crate) fn renew_client(&self) {
        lay(&self.middle, "in", &self.client, CLIENT);
        self.like_hardware();
    }

    /// Sends a datagram there and another one back.
    pub(crate) fn exchange(&self) {
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
pub(crate) fn tell(from: &mut TcpStream, to: &mut TcpStream, words: &[u8]) {
    from.write_all(words).unwrap();
    let mut heard = vec![0; words.len()];
    to.read_exact(&mut heard).unwrap();
    assert_eq!(heard, words);
}

/// Commands of `linux/ethtool.h` that take a number.
const ETHTOOL_STXCSUM: u32 = 0x17;
pub(crate) const ETHTOOL_STSO: u32 = 0x1f;
const ETHTOOL_SGRO: u32 = 0x2c;
const SIOCETHTOOL: libc::c_ulong = 0x8946;

/// `struct ethtool_value`.
#[repr(C)]
struct Value {
    command: u32,
    data: u32,
}

/// Sets something of an interface of this thread's network namespace, as ethtool(8) does.
pub(crate) fn ethtool(interface: &str, command: u32, data: u32) -> io::Result<()> {
    let mut value = Value { command, data };
    // SAFETY: all zeros is a value of this plain structure.
    let mut request: libc::ifreq = unsafe { std::mem::zeroed() };
    for (to, from) in request.ifr_name.iter_mut().zip(interface.bytes()) {
        *to = libc::c_char::from_ne_bytes([from]);
    }
    request.ifr_ifru.ifru_data = (&raw mut value).cast();
    let socket = UdpSocket::bind("127.0.0.1:0")?;
    // SAFETY: the kernel reads the request and the value that it points to; both live until it
    // returns.
    let result = unsafe { libc::ioctl(socket.as_raw_fd(), SIOCETHTOOL, &raw mut request) };
    if result == 0 { Ok(()) } else { Err(io::Error::last_os_error()) }
}
