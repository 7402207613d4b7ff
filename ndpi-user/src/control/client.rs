//! The other end: asks a running instance.

use std::io::{self, BufRead as _, BufReader};
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::net::RecvFlags;
use rustix::net::sockopt::socket_peercred;
use socket2::{Domain, SockAddr, Socket, Type};

use super::{Answer, Command, PROTOCOL, Reply, ReplyError, Request, line};

/// Longest reply: one with the problems of a large policy.
const LONGEST_REPLY: usize = 16 << 20;

/// How long an instance may take: it may have many flows to judge, and another command before.
const PATIENCE: Duration = Duration::from_mins(1);

/// How often a process that does not answer is looked at.
const SLICE: Duration = Duration::from_millis(500);

/// A running instance could not be asked.
#[derive(Debug, thiserror::Error)]
pub enum AskError {
    /// There is none.
    #[error(
        "no ndpi-xdp that uses {} is running: start one with: ndpi-xdp run, or say what \
         it was started with: --name or --pin-dir", .0.display()
    )]
    Nobody(PathBuf),
    /// This process may not ask it.
    #[error(
        "only root and its own user may tell the running ndpi-xdp of {} what to do; \
         try again with: sudo ndpi-xdp …", .0.display()
    )]
    Denied(PathBuf),
    /// It could not be asked, or did not answer.
    #[error("cannot {doing} the running ndpi-xdp at {}", .path.display())]
    Call {
        /// What was being done.
        doing: &'static str,
        /// Where it listens.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// It does not run on.
    #[error(
        "the running ndpi-xdp at {} does not answer: its process {pid} is stopped; let it go on, and \
         it does what it was asked: kill -CONT {pid}", .path.display()
    )]
    Stopped {
        /// Where it listens.
        path: PathBuf,
        /// The process.
        pid: i32,
    },
    /// It is of another version.
    #[error(
        "the running ndpi-xdp answers in version {theirs}, this one understands version {PROTOCOL}: \
         use the one that is running"
    )]
    Version {
        /// The version of its answer.
        theirs: u32,
    },
}

impl AskError {
    /// The same of the instance with these pins: they are all that a person knows of it.
    #[must_use]
    pub fn by_pins(self, pins: &Path) -> Self {
        match self {
            Self::Nobody(_) => Self::Nobody(pins.to_owned()),
            Self::Denied(_) => Self::Denied(pins.to_owned()),
            error => error,
        }
    }
}

/// Asks the instance that listens at `path`, and waits for its answer.
///
/// # Errors
///
/// There is none, this process may not ask it, or it does not answer.
pub fn ask(path: &Path, command: Command) -> Result<Answer, AskError> {
    ask_within(path, command, PATIENCE)
}

/// The same, but for no longer than that.
///
/// # Errors
///
/// As for [`ask`].
pub fn ask_within(path: &Path, command: Command, patience: Duration) -> Result<Answer, AskError> {
    let failed = |doing| move |source| AskError::Call { doing, path: path.to_owned(), source };
    let stream = send(path, command, patience)?;
    let reply = line::read(&stream, LONGEST_REPLY, patience).map_err(failed("hear from"))?;
    let understood = failed("understand");
    Reply::read(&reply).map_err(|error| not_read(error, understood))
}

/// Why a reply could not be read; what is no reply has `failed`.
fn not_read(error: ReplyError, failed: impl FnOnce(io::Error) -> AskError) -> AskError {
    match error {
        ReplyError::Malformed(error) => failed(error.into()),
        ReplyError::Version(theirs) => AskError::Version { theirs },
    }
}

/// Sends a request, and waits until the reply begins.
fn send(path: &Path, command: Command, patience: Duration) -> Result<UnixStream, AskError> {
    match send_once(path, command.clone(), patience) {
        // One that ends hangs up on who waited for it: asked again, its successor answers, or nobody.
        Err(AskError::Call { source, .. }) if is_hang_up(&source) => {
            send_once(path, command, patience)
        }
        sent => sent,
    }
}

/// Whether the other end was closed before it had said anything.
fn is_hang_up(error: &io::Error) -> bool {
    use io::ErrorKind::{BrokenPipe, ConnectionReset, UnexpectedEof};
    matches!(error.kind(), BrokenPipe | ConnectionReset | UnexpectedEof)
}

fn send_once(path: &Path, command: Command, patience: Duration) -> Result<UnixStream, AskError> {
    let failed = |doing| move |source| AskError::Call { doing, path: path.to_owned(), source };
    let stream = connect(path, patience).map_err(|error| match error.kind() {
        // No socket, or one that a crashed instance left.
        io::ErrorKind::NotFound | io::ErrorKind::ConnectionRefused => {
            AskError::Nobody(path.to_owned())
        }
        io::ErrorKind::PermissionDenied => AskError::Denied(path.to_owned()),
        _ => failed("connect to")(error),
    })?;
    let request = serde_json::to_vec(&Request::new(command)).map_err(io::Error::from);
    line::write(&stream, request.map_err(failed("ask"))?, patience).map_err(failed("ask"))?;
    await_reply(&stream, path, patience)?;
    Ok(stream)
}

/// Asks the instance that listens at `path`, and gives each line of its answer to `take`.
///
/// # Errors
///
/// As for [`ask`]; or it did not say all.
pub fn read_lines(
    path: &Path,
    command: Command,
    take: &mut impl FnMut(&[u8]),
) -> Result<(), AskError> {
    let failed = |source| AskError::Call { doing: "hear from", path: path.to_owned(), source };
    let stream = send(path, command, PATIENCE)?;
    stream.set_read_timeout(Some(PATIENCE)).map_err(failed)?;
    let (mut reader, mut line) = (BufReader::new(&stream), Vec::new());
    reader.read_until(b'\n', &mut line).map_err(failed)?;
    let answer = Reply::read(&line).map_err(|error| not_read(error, failed))?;
    if let Answer::Refused(why) = answer {
        return Err(failed(io::Error::other(why)));
    }
    loop {
        line.clear();
        match reader.read_until(b'\n', &mut line).map_err(failed)? {
            0 => return Err(failed(io::ErrorKind::UnexpectedEof.into())),
            1 => return Ok(()),
            length => take(&line[..length - 1]),
        }
    }
}

/// Connects, or fails at once where more wait already than the instance has room for.
fn connect(path: &Path, patience: Duration) -> io::Result<UnixStream> {
    let socket = Socket::new(Domain::UNIX, Type::STREAM, None)?;
    socket.connect_timeout(&SockAddr::unix(path)?, patience)?;
    Ok(OwnedFd::from(socket).into())
}

/// Waits until the instance replies, for as long as its process runs.
fn await_reply(stream: &UnixStream, path: &Path, patience: Duration) -> Result<(), AskError> {
    let failed = |source| AskError::Call { doing: "hear from", path: path.to_owned(), source };
    let peer = socket_peercred(stream).map_err(|error| failed(error.into()))?.pid;
    let deadline = Instant::now() + patience;
    let slice = Timespec::try_from(SLICE).ok();
    while Instant::now() < deadline {
        match poll(&mut [PollFd::new(stream, PollFlags::IN)], slice.as_ref()) {
            Ok(0) => {}
            Err(rustix::io::Errno::INTR) => continue,
            Ok(_) => return has_begun(stream).map_err(failed),
            Err(error) => return Err(failed(error.into())),
        }
        let pid = peer.as_raw_nonzero().get();
        if is_stopped(pid) {
            return Err(AskError::Stopped { path: path.to_owned(), pid });
        }
    }
    Err(failed(io::ErrorKind::TimedOut.into()))
}

/// Whether a reply has begun to come in, and not the end of the connection.
fn has_begun(stream: &UnixStream) -> io::Result<()> {
    match rustix::net::recv(stream, &mut [0; 1], RecvFlags::PEEK)? {
        (_, 0) => Err(io::ErrorKind::UnexpectedEof.into()),
        _ => Ok(()),
    }
}

/// Whether a process is stopped, by a signal or a debugger (`proc_pid_stat(5)`).
fn is_stopped(pid: i32) -> bool {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
    // Behind the name, which may have parentheses of its own.
    let state = stat.rsplit_once(") ").and_then(|(_, rest)| rest.chars().next());
    matches!(state, Some('T' | 't'))
}
