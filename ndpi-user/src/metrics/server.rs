//! The thread that takes connections and serves all of them.

use std::io;
use std::net::{SocketAddr, TcpListener};
use std::os::fd::{AsFd as _, OwnedFd};
use std::sync::Arc;
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use rustix::event::{EventfdFlags, PollFd, PollFlags, Timespec, eventfd, poll};

use super::connection::{Connection, Next};
use super::pages::Pages;
use crate::snapshot::Snapshot;

/// Connections at a time. Where another comes, the oldest goes that has not asked for anything: whoever asks at
/// once gets an answer, however many only connect.
const MOST: usize = 64;

/// Pause after a connection could not be taken, as where no descriptor is left.
const PAUSE: Duration = Duration::from_millis(50);

/// How much later than others this thread gets a CPU that they want as well (`setpriority(2)`).
const NICENESS: i32 = 10;

/// Nobody can connect.
#[derive(Debug, thiserror::Error)]
#[error("cannot listen for whoever asks for metrics at {address}; choose another with --metrics")]
pub struct BindError {
    address: SocketAddr,
    source: io::Error,
}

/// An address that is listened at. Whoever connects waits until the [`Server`] starts.
#[derive(Debug)]
pub struct Listener(TcpListener);

impl Listener {
    /// Listens at `address`; with port 0, at one that is free.
    ///
    /// # Errors
    ///
    /// The address is no address of this machine, or in use.
    pub fn bind(address: SocketAddr) -> Result<Self, BindError> {
        let failed = |source| BindError { address, source };
        let listener = TcpListener::bind(address).map_err(failed)?;
        listener.set_nonblocking(true).map_err(failed)?;
        Ok(Self(listener))
    }

    /// Where it listens.
    ///
    /// # Errors
    ///
    /// What the system said.
    pub fn address(&self) -> io::Result<SocketAddr> {
        self.0.local_addr()
    }
}

/// Answers until it is dropped.
#[derive(Debug)]
pub struct Server {
    stop: Arc<OwnedFd>,
    thread: Option<JoinHandle<()>>,
}

impl Server {
    /// Answers whoever connects, by what `snapshot` gives.
    ///
    /// # Errors
    ///
    /// The thread cannot be started.
    pub fn start(
        listener: Listener,
        snapshot: impl FnMut() -> Snapshot + Send + 'static,
    ) -> io::Result<Self> {
        let stop = Arc::new(eventfd(0, EventfdFlags::CLOEXEC)?);
        let stopped = Arc::clone(&stop);
        let pages = Pages::new(snapshot);
        let serve = move || {
            if let Err(error) = rustix::process::setpriority_process(None, NICENESS) {
                log::debug!("metrics are answered as soon as anything else: {error}");
            }
            Serving { listener: listener.0, pages, connections: Vec::new(), paused: None }
                .run(&stopped);
        };
        let thread = thread::Builder::new().name("metrics".into()).spawn(serve)?;
        Ok(Self { stop, thread: Some(thread) })
    }
}

impl Drop for Server {
    /// Ends all connections.
    fn drop(&mut self) {
        if let Err(error) = rustix::io::write(&self.stop, &1u64.to_ne_bytes()) {
            return log::error!("cannot stop answering with metrics: {error}");
        }
        if self.thread.take().is_some_and(|thread| thread.join().is_err()) {
            log::error!("the thread that answers with metrics panicked, see above");
        }
    }
}

/// What the thread has.
struct Serving {
    listener: TcpListener,
    pages: Pages,
    /// The oldest first.
    connections: Vec<Connection>,
    /// Until when no connection is taken.
    paused: Option<Instant>,
}

impl Serving {
    fn run(mut self, stop: &OwnedFd) {
        loop {
            match self.wait(stop) {
                Ok(false) => {}
                Ok(true) => return,
                Err(error) => return log::error!("cannot wait for connections: {error}"),
            }
            let now = Instant::now();
            let pages = &mut self.pages;
            self.connections.retain_mut(|connection| {
                connection.deadline() > now
                    && connection.go_on(|page| pages.page(page, now)) == Next::Keep
            });
            self.accept(now);
        }
    }

    /// Waits until there is something to do; true where that is to stop.
    fn wait(&self, stop: &OwnedFd) -> rustix::io::Result<bool> {
        let mut waiting = vec![PollFd::from_borrowed_fd(stop.as_fd(), PollFlags::IN)];
        if self.paused.is_none() {
            waiting.push(PollFd::from_borrowed_fd(self.listener.as_fd(), PollFlags::IN));
        }
        let each = self.connections.iter();
        waiting.extend(each.map(|it| PollFd::new(it.stream(), it.waits_for())));
        let due = self.connections.iter().map(Connection::deadline).chain(self.paused).min();
        let left = due.map(|due| due.saturating_duration_since(Instant::now()));
        // To the next millisecond, or it would come back just before.
        let left = left.map(|left| left + Duration::from_millis(1));
        let left = left.and_then(|left| Timespec::try_from(left).ok());
        match poll(&mut waiting, left.as_ref()) {
            Ok(_) => Ok(!waiting[0].revents().is_empty()),
            Err(rustix::io::Errno::INTR) => Ok(false),
            Err(error) => Err(error),
        }
    }

    /// Takes the connections that wait, but for those beyond what is kept: they are for the next round.
    fn accept(&mut self, now: Instant) {
        if self.paused.is_some_and(|until| until > now) {
            return;
        }
        self.paused = None;
        for _ in 0..MOST {
            match self.listener.accept() {
                Ok((stream, _)) => self.take(Connection::new(stream, now), now),
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return,
                Err(error) => {
                    log::debug!("a connection was not taken: {error}");
                    self.paused = Some(now + PAUSE);
                    return;
                }
            }
        }
    }

    fn take(&mut self, connection: io::Result<Connection>, now: Instant) {
        let Ok(mut connection) = connection else { return };
        // Most have asked by the time that they are taken.
        if connection.go_on(|page| self.pages.page(page, now)) == Next::Close {
            return;
        }
        if self.connections.len() == MOST {
            let silent = self.connections.iter().position(Connection::is_asking);
            self.connections.remove(silent.unwrap_or(0));
        }
        self.connections.push(connection);
    }
}
