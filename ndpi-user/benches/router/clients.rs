//! Clients that connect, ask once, read the answer to its end and connect again.

use std::error::Error;
use std::io::{Read as _, Write as _};
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use socket2::{Domain, Protocol, Socket, Type};
use testkit::topology::{SERVER_V4, Topology};

/// How long a client waits for the server.
const PATIENCE: Duration = Duration::from_secs(5);
/// Where the server listens.
pub(crate) const PORT: u16 = 80;
/// The last byte of the first client's address; the topology has the lower ones.
const FIRST: u8 = 100;
const REQUEST: &[u8] =
    b"GET / HTTP/1.1\r\nHost: www.allowed.example\r\nUser-Agent: bench\r\nConnection: close\r\n\r\n";

type Failure = Box<dyn Error + Send + Sync>;

/// What clients did, all together.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Done {
    /// Connections that were answered to the end.
    pub(crate) complete: u64,
    /// Connections that were not.
    pub(crate) failed: u64,
    pub(crate) lasted: Duration,
}

fn address(number: u8) -> Ipv4Addr {
    Ipv4Addr::new(198, 18, 1, FIRST + number)
}

/// Gives the client's interface an address for each of so many clients: one alone has too few ports.
pub(crate) fn give_addresses(network: &Topology, clients: u8) -> Result<(), Box<dyn Error>> {
    if clients > 255 - FIRST - 1 {
        return Err(format!("there is room for {} clients", 255 - FIRST - 1).into());
    }
    for number in 0..clients {
        network.client.ip(&format!("address add {}/24 dev eth0", address(number)))?;
    }
    Ok(network.client.set("ipv4/ip_local_port_range", "1100 65000")?)
}

/// Has so many clients connect one time after the other for so long, from this thread's namespace.
pub(crate) fn run(clients: u8, lasts: Duration) -> Result<Done, Failure> {
    let (complete, failed, began) = (AtomicU64::new(0), AtomicU64::new(0), Instant::now());
    thread::scope(|scope| {
        for number in 0..clients {
            let (complete, failed) = (&complete, &failed);
            scope.spawn(move || {
                while began.elapsed() < lasts {
                    let counted = if ask(address(number)).is_ok() { complete } else { failed };
                    counted.fetch_add(1, Ordering::Relaxed);
                }
            });
        }
    });
    let (complete, failed) = (complete.into_inner(), failed.into_inner());
    if complete == 0 {
        ask(address(0))?;
    }
    Ok(Done { complete, failed, lasted: began.elapsed() })
}

/// One connection, from this address.
fn ask(from: Ipv4Addr) -> Result<(), Failure> {
    let mut socket = Socket::new(Domain::IPV4, Type::STREAM, Some(Protocol::TCP))?;
    socket.set_read_timeout(Some(PATIENCE))?;
    socket.bind(&SocketAddr::from((from, 0)).into())?;
    socket.connect_timeout(&SocketAddr::from((SERVER_V4, PORT)).into(), PATIENCE)?;
    socket.write_all(REQUEST)?;
    let (mut answer, mut length) = ([0; 2048], 0);
    loop {
        match socket.read(&mut answer)? {
            0 if length == 0 => return Err("the connection ended without an answer".into()),
            0 => return Ok(()),
            more => length += more,
        }
    }
}
