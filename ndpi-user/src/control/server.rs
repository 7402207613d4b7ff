//! The instance's end: a thread that takes connections, and one for each of them.

use std::fs;
use std::io;
use std::os::fd::{AsFd as _, OwnedFd};
use std::os::unix::fs::PermissionsExt as _;
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::thread::{self, JoinHandle};
use std::time::Duration;

use crossbeam::channel::{Receiver, Sender, bounded};
use ndpi_text::shown;
use rustix::event::{EventfdFlags, PollFd, PollFlags, eventfd, poll};
use rustix::net::sockopt::socket_peercred;

use super::{Answer, Command, Reply, Request, line};

/// Requests are a few words; what is longer is none.
const LONGEST_REQUEST: usize = 4096;

/// How long whoever connected may take for a request, and for reading the reply.
const PATIENCE: Duration = Duration::from_secs(2);

/// Connections at a time; one that comes beyond is hung up on. Who says nothing has its own for
/// [`PATIENCE`], and keeps nobody waiting.
const MOST_CONNECTIONS: usize = 32;

/// Pause after a connection could not be taken.
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);

/// How long the end waits for replies that are on their way.
const LAST_REPLIES: Duration = Duration::from_secs(1);

/// Requests cannot be taken.
#[derive(Debug, thiserror::Error)]
#[error("cannot listen for commands at {}", shown(path))]
pub struct StartError {
    path: PathBuf,
    source: io::Error,
}

/// What an instance says to a command.
pub enum Reaction {
    /// An answer.
    Answer(Box<Answer>),
    /// Batches of lines, each of which ends with its line.
    Lines(Box<dyn Iterator<Item = Vec<u8>> + Send>),
}

impl From<Answer> for Reaction {
    fn from(answer: Answer) -> Self {
        Self::Answer(Box::new(answer))
    }
}

/// Takes requests until it is dropped; the socket goes with it.
#[derive(Debug)]
pub struct Server {
    path: PathBuf,
    stop: Arc<OwnedFd>,
    thread: Option<JoinHandle<()>>,
    /// Disconnects when the last connection is over.
    over: Receiver<()>,
}

impl Server {
    /// Listens at `path`, in place of what a crashed instance left there, and has `handle` carry
    /// out what is asked, each request on a thread of its own.
    ///
    /// # Errors
    ///
    /// The socket cannot be made.
    pub fn start(
        path: &Path,
        handle: impl Fn(Command) -> Reaction + Send + Sync + 'static,
    ) -> Result<Self, StartError> {
        let failed = |source| StartError { path: path.to_owned(), source };
        let listener = listen(path).map_err(failed)?;
        let stop = eventfd(0, EventfdFlags::CLOEXEC).map_err(|error| failed(error.into()))?;
        let stop = Arc::new(stop);
        let stopped = Arc::clone(&stop);
        let (open, over) = bounded(0);
        let thread = thread::spawn(move || serve(&listener, &stopped, &Arc::new(handle), &open));
        Ok(Self { path: path.to_owned(), stop, thread: Some(thread), over })
    }
}

impl Drop for Server {
    /// Removes the socket, and waits a moment for replies that are on their way.
    fn drop(&mut self) {
        if let Err(error) = fs::remove_file(&self.path) {
            log::debug!("removing {}: {error}", shown(&self.path));
        }
        if let Err(error) = rustix::io::write(&self.stop, &1u64.to_ne_bytes()) {
            return log::error!("cannot stop listening for commands: {error}");
        }
        if self.thread.take().is_some_and(|thread| thread.join().is_err()) {
            log::error!("the thread that listens for commands panicked, see above");
        }
        // Nothing is ever sent: it is over when all ends of the channel are gone, or the time is.
        let _ = self.over.recv_timeout(LAST_REPLIES);
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

fn serve<H: Fn(Command) -> Reaction + Send + Sync + 'static>(
    listener: &UnixListener,
    stop: &OwnedFd,
    handle: &Arc<H>,
    open: &Sender<()>,
) {
    let connections = Arc::new(());
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
        match listener.accept() {
            Ok((stream, _)) if Arc::strong_count(&connections) <= MOST_CONNECTIONS => {
                let own = (Arc::clone(&connections), open.clone());
                connect(stream, Arc::clone(handle), own);
            }
            Ok(_) => log::debug!("a command was not heard: {MOST_CONNECTIONS} are on their way"),
            Err(error) => {
                log::debug!("a command was not heard: {error}");
                // Where no descriptor is left, the listener stays ready.
                thread::sleep(ACCEPT_PAUSE);
            }
        }
    }
}

/// Answers on a thread of its own, which holds on to `own` as long as it is at it.
fn connect<H: Fn(Command) -> Reaction + Send + Sync + 'static>(
    stream: UnixStream,
    handle: Arc<H>,
    own: impl Send + 'static,
) {
    let answer = move || {
        if let Err(error) = answer(&stream, &*handle) {
            // Whoever asked has gone, or never said anything.
            log::debug!("a command was not answered: {error}");
        }
        drop(own);
    };
    if let Err(error) = thread::Builder::new().name("command".into()).spawn(answer) {
        log::warn!("a command was not heard: {error}");
    }
}

/// Reads a request, has it carried out, and replies.
fn answer(stream: &UnixStream, handle: &impl Fn(Command) -> Reaction) -> io::Result<()> {
    let peer = socket_peercred(stream)?.uid;
    let reaction = if peer.is_root() || peer == rustix::process::geteuid() {
        let request = line::read(stream, LONGEST_REQUEST, PATIENCE)?;
        match Request::read(&request) {
            Ok(command) => handle(command),
            Err(why) => Answer::Refused(why).into(),
        }
    } else {
        Answer::Refused("only root may tell this instance what to do".into()).into()
    };
    match reaction {
        Reaction::Answer(answer) => reply(stream, *answer),
        Reaction::Lines(batches) => {
            reply(stream, Answer::Lines {})?;
            for batch in batches {
                line::write(stream, without_end(batch), PATIENCE)?;
            }
            line::write(stream, Vec::new(), PATIENCE)
        }
    }
}

fn reply(stream: &UnixStream, answer: Answer) -> io::Result<()> {
    line::write(stream, serde_json::to_vec(&Reply::new(answer))?, PATIENCE)
}

/// The lines without the end of the last one.
fn without_end(mut lines: Vec<u8>) -> Vec<u8> {
    lines.pop_if(|last| *last == b'\n');
    lines
}
