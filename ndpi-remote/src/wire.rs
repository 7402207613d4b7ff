//! A connection that never waits but where it says so.

use std::io::{self, Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::os::fd::{AsFd, BorrowedFd};
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags, Timespec, poll};

/// A connection.
#[derive(Debug)]
pub struct Wire {
    stream: TcpStream,
    /// What is still to be sent, from `sent` on.
    out: Vec<u8>,
    sent: usize,
}

/// Connects to the first of these addresses that `greet` makes something of; waits for so long at most, for each.
///
/// # Errors
///
/// What came of the last one: `failed` makes it of an error of the connection.
pub fn connect<T, E>(
    addresses: Vec<SocketAddr>,
    wait: Duration,
    failed: impl Fn(io::Error) -> E,
    greet: impl Fn(Wire) -> Result<T, E>,
) -> Result<T, E> {
    let mut last = failed(io::ErrorKind::AddrNotAvailable.into());
    for address in addresses {
        match Wire::open(&address, wait).map_err(&failed).and_then(&greet) {
            Ok(connection) => return Ok(connection),
            Err(error) => last = error,
        }
    }
    Err(last)
}

impl Wire {
    fn open(address: &SocketAddr, wait: Duration) -> io::Result<Self> {
        let stream = TcpStream::connect_timeout(address, wait)?;
        stream.set_nodelay(true)?;
        stream.set_nonblocking(true)?;
        Ok(Self { stream, out: Vec::new(), sent: 0 })
    }

    /// What is to be sent, to be added to.
    pub fn out(&mut self) -> &mut Vec<u8> {
        &mut self.out
    }

    /// Bytes that are still to be sent.
    pub fn unsent(&self) -> usize {
        self.out.len() - self.sent
    }

    /// Sends what is queued, as far as it is taken; whether that was all.
    ///
    /// # Errors
    ///
    /// The connection is gone: closed ([`io::ErrorKind::WriteZero`]), or broken.
    pub fn flush(&mut self) -> io::Result<bool> {
        while self.sent < self.out.len() {
            match self.stream.write(&self.out[self.sent..]) {
                Ok(0) => return Err(io::ErrorKind::WriteZero.into()),
                Ok(taken) => self.sent += taken,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Ok(false),
                Err(error) => return Err(error),
            }
        }
        self.out.clear();
        self.sent = 0;
        Ok(true)
    }

    /// Receives what is there: how many bytes, 0 at the end; `None` where nothing is there now.
    ///
    /// # Errors
    ///
    /// The connection is broken.
    pub fn receive(&mut self, bytes: &mut [u8]) -> io::Result<Option<usize>> {
        loop {
            match self.stream.read(bytes) {
                Ok(read) => return Ok(Some(read)),
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Ok(None),
                Err(error) => return Err(error),
            }
        }
    }

    /// Waits until there is something to receive, or more can be sent, where anything is still to be; false at once
    /// where it is later than `until`.
    ///
    /// # Errors
    ///
    /// The kernel refuses it.
    pub fn wait(&self, until: Instant) -> io::Result<bool> {
        let left = until.saturating_duration_since(Instant::now());
        if left.is_zero() {
            return Ok(false);
        }
        let is_sent = self.unsent() == 0;
        let wanted = if is_sent { PollFlags::IN } else { PollFlags::IN | PollFlags::OUT };
        let timeout = Timespec::try_from(left).ok();
        match poll(&mut [PollFd::new(&self.stream, wanted)], timeout.as_ref()) {
            Ok(_) | Err(rustix::io::Errno::INTR) => Ok(true),
            Err(error) => Err(error.into()),
        }
    }
}

impl AsFd for Wire {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.stream.as_fd()
    }
}
