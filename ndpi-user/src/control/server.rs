//! The instance's end: a thread that takes one request after the other.

use std::fs;
use std::io;
use std::os::fd::{AsFd as _, OwnedFd};
use std::os::unix::fs::PermissionsExt as _;
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::thread::{self, JoinHandle};
use std::time::Duration;

use rustix::event::{EventfdFlags, PollFd, PollFlags, eventfd, poll};
use rustix::net::sockopt::socket_peercred;

use super::{Command, Outcome, PROTOCOL, Reply, Request, line};

/// Requests are a few words; what is longer is none.
const LONGEST_REQUEST: usize = 4096;

/// How long whoever connected may take for a request, and for reading the reply.
const PATIENCE: Duration = Duration::from_secs(2);

/// Requests cannot be taken.
#[derive(Debug, thiserror::Error)]
#[error("cannot listen for commands at {}", .path.display())]
pub struct StartError {
    path: PathBuf,
    source: io::Error,
}

/// Takes requests until it is dropped; the socket goes with it.
#[derive(Debug)]
pub struct Server {
    path: PathBuf,
    stop: Arc<OwnedFd>,
    thread: Option<JoinHandle<()>>,
}

impl Server {
    /// Listens at `path`, in place of what a crashed instance left there, and has `handle` carry
    /// out what is asked, on a thread of its own.
    ///
    /// # Errors
    ///
    /// The socket cannot be made.
    pub fn start(
        path: &Path,
        handle: impl FnMut(Command) -> Outcome + Send + 'static,
    ) -> Result<Self, StartError> {
        let failed = |source| StartError { path: path.to_owned(), source };
        let listener = listen(path).map_err(failed)?;
        let stop = eventfd(0, EventfdFlags::CLOEXEC).map_err(|error| failed(error.into()))?;
        let stop = Arc::new(stop);
        let stopped = Arc::clone(&stop);
        let thread = thread::spawn(move || serve(&listener, &stopped, handle));
        Ok(Self { path: path.to_owned(), stop, thread: Some(thread) })
    }
}

impl Drop for Server {
    /// Removes the socket, and waits for a request that is being carried out.
    fn drop(&mut self) {
        if let Err(error) = fs::remove_file(&self.path) {
            log::debug!("removing {}: {error}", self.path.display());
        }
        if let Err(error) = rustix::io::write(&self.stop, &1u64.to_ne_bytes()) {
            return log::error!("cannot stop listening for commands: {error}");
        }
        if self.thread.take().is_some_and(|thread| thread.join().is_err()) {
            log::error!("the thread that listens for commands panicked, see above");
        }
    }
}

fn listen(path: &Path) -> io::Result<UnixListener> {
    // Whoever may use this path is this process alone: it holds the lock beside it.
    match fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    let listener = UnixListener::bind(path)?;
    fs::set_permissions(path, fs::Permissions::from_mode(0o600))?;
    listener.set_nonblocking(true)?;
    Ok(listener)
}

fn serve(listener: &UnixListener, stop: &OwnedFd, mut handle: impl FnMut(Command) -> Outcome) {
    loop {
        let mut waiting = [
            PollFd::from_borrowed_fd(stop.as_fd(), PollFlags::IN),
            PollFd::from_borrowed_fd(listener.as_fd(), PollFlags::IN),
        ];
        match poll(&mut waiting, None) {
            Err(rustix::io::Errno::INTR) => continue,
            Err(error) => return log::error!("cannot wait for commands: {error}"),
            Ok(_) if !waiting[0].revents().is_empty() => return,
            Ok(_) => {}
        }
        let answered = listener.accept().and_then(|(stream, _)| answer(&stream, &mut handle));
        if let Err(error) = answered {
            // Whoever asked has gone, or never said anything.
            log::debug!("a command was not answered: {error}");
        }
    }
}

/// Reads a request, has it carried out, and replies.
fn answer(stream: &UnixStream, handle: &mut impl FnMut(Command) -> Outcome) -> io::Result<()> {
    let peer = socket_peercred(stream)?.uid;
    let outcome = if peer.is_root() || peer == rustix::process::geteuid() {
        let request = line::read(stream, LONGEST_REQUEST, PATIENCE)?;
        match understood(&request) {
            Ok(command) => handle(command),
            Err(why) => Outcome::Refused(why),
        }
    } else {
        Outcome::Refused("only root may tell this instance what to do".into())
    };
    let reply = serde_json::to_vec(&Reply::new(outcome))?;
    line::write(stream, reply, PATIENCE)
}

/// The command in a request, or why there is none.
fn understood(request: &[u8]) -> Result<Command, String> {
    #[derive(serde::Deserialize)]
    struct Versioned {
        protocol: u32,
    }
    let unknown = |error| format!("this request is not understood: {error}");
    let Versioned { protocol } = serde_json::from_slice(request).map_err(unknown)?;
    if protocol != PROTOCOL {
        return Err(format!(
            "the request is of version {protocol}, this instance understands version {PROTOCOL}: \
             use the ndpi-xdp that it is"
        ));
    }
    serde_json::from_slice(request).map(|Request { command, .. }| command).map_err(unknown)
}
