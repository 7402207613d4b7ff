//! A process that listens, here or elsewhere: connected to, and again when it was gone.

use std::io::{self, Write as _};
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr, TcpStream, UdpSocket};
use std::os::unix::net::UnixStream;
use std::path::PathBuf;
use std::time::Duration;

use ndpi_text::shown;

use super::interface::{Next, Target, Unit};
use super::other_end::{is_over, keep_alive};

/// How long a connection may take to come about.
const CONNECT_WAIT: Duration = Duration::from_secs(2);

/// Who listens.
#[derive(Clone, Debug)]
pub(crate) enum Peer {
    /// At a Unix socket of streams.
    Unix(PathBuf),
    /// At a TCP port.
    Tcp(SocketAddr),
}

enum Connection {
    Unix(UnixStream),
    Tcp(TcpStream),
}

/// A connection to who listens.
pub(crate) struct StreamTarget {
    peer: Peer,
    connection: Option<Connection>,
}

impl StreamTarget {
    pub(crate) fn unix(path: PathBuf) -> Self {
        Self { peer: Peer::Unix(path), connection: None }
    }

    pub(crate) fn tcp(address: SocketAddr) -> Self {
        Self { peer: Peer::Tcp(address), connection: None }
    }

    fn connect(&self) -> io::Result<Connection> {
        match &self.peer {
            Peer::Unix(path) => UnixStream::connect(path).map(Connection::Unix),
            Peer::Tcp(address) => {
                let stream = TcpStream::connect_timeout(address, CONNECT_WAIT)?;
                keep_alive(&stream)?;
                Ok(Connection::Tcp(stream))
            }
        }
    }
}

impl Connection {
    /// Whether the other end has closed it: what is written then gets lost without an error.
    fn is_over(&self) -> bool {
        match self {
            Self::Unix(stream) => is_over(stream),
            Self::Tcp(stream) => is_over(stream),
        }
    }
}

impl Target for StreamTarget {
    fn name(&self) -> String {
        match &self.peer {
            Peer::Unix(path) => shown(path).to_string(),
            Peer::Tcp(address) => address.to_string(),
        }
    }

    fn ready(&mut self) -> io::Result<bool> {
        if self.connection.as_ref().is_some_and(Connection::is_over) {
            self.connection = None;
        }
        if self.connection.is_some() {
            return Ok(false);
        }
        self.connection = Some(self.connect()?);
        Ok(true)
    }

    fn write(&mut self, bytes: &[u8], _records: usize) -> io::Result<usize> {
        match &mut self.connection {
            Some(Connection::Unix(stream)) => stream.write(bytes),
            Some(Connection::Tcp(stream)) => stream.write(bytes),
            None => Err(io::ErrorKind::NotConnected.into()),
        }
    }

    fn after(&mut self, _error: &io::Error) -> Next {
        self.connection = None;
        // Who listens next is to receive it whole.
        Next::Record
    }
}

/// Messages by UDP, which nobody confirms.
pub(crate) struct Datagrams {
    to: SocketAddr,
    socket: Option<UdpSocket>,
}

impl Datagrams {
    pub(crate) fn new(to: SocketAddr) -> Self {
        Self { to, socket: None }
    }
}

impl Target for Datagrams {
    fn name(&self) -> String {
        self.to.to_string()
    }

    fn ready(&mut self) -> io::Result<bool> {
        if self.socket.is_some() {
            return Ok(false);
        }
        let any: SocketAddr = match self.to {
            SocketAddr::V4(_) => (Ipv4Addr::UNSPECIFIED, 0).into(),
            SocketAddr::V6(_) => (Ipv6Addr::UNSPECIFIED, 0).into(),
        };
        let socket = UdpSocket::bind(any)?;
        socket.connect(self.to)?;
        self.socket = Some(socket);
        Ok(true)
    }

    fn unit(&self) -> Unit {
        Unit::Record
    }

    fn write(&mut self, bytes: &[u8], _records: usize) -> io::Result<usize> {
        let Some(socket) = &self.socket else { return Err(io::ErrorKind::NotConnected.into()) };
        match socket.send(bytes) {
            // Of an earlier one: nobody listened there. That is what UDP knows of a collector that is gone.
            Err(error) if error.kind() == io::ErrorKind::ConnectionRefused => Ok(bytes.len()),
            sent => sent,
        }
    }

    fn after(&mut self, _error: &io::Error) -> Next {
        self.socket = None;
        Next::Record
    }
}
