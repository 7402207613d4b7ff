//! The other end: asks a running instance.

use std::io;
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::time::Duration;

use super::{Command, Outcome, PROTOCOL, Reply, Request, line};

/// Longest reply: one with the problems of a large policy.
const LONGEST_REPLY: usize = 16 << 20;

/// How long an instance may take: it may have many flows to judge, and another command before.
const PATIENCE: Duration = Duration::from_mins(1);

/// A running instance could not be asked.
#[derive(Debug, thiserror::Error)]
pub enum AskError {
    /// There is none.
    #[error(
        "no ndpi-xdp that listens at {} is running: start one with: ndpi-xdp run, or name the \
         folder that it was started with: --pin-dir", .0.display()
    )]
    Nobody(PathBuf),
    /// This process may not ask it.
    #[error(
        "only root and its own user may tell the running ndpi-xdp at {} what to do; \
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

/// Asks the instance that listens at `path`, and waits for its answer.
///
/// # Errors
///
/// There is none, this process may not ask it, or it does not answer.
pub fn ask(path: &Path, command: Command) -> Result<Outcome, AskError> {
    let failed = |doing| move |source| AskError::Call { doing, path: path.to_owned(), source };
    let stream = UnixStream::connect(path).map_err(|error| match error.kind() {
        // No socket, or one that a crashed instance left.
        io::ErrorKind::NotFound | io::ErrorKind::ConnectionRefused => {
            AskError::Nobody(path.to_owned())
        }
        io::ErrorKind::PermissionDenied => AskError::Denied(path.to_owned()),
        _ => failed("connect to")(error),
    })?;
    let request = serde_json::to_vec(&Request::new(command)).map_err(io::Error::from);
    line::write(&stream, request.map_err(failed("ask"))?, PATIENCE).map_err(failed("ask"))?;
    let reply = line::read(&stream, LONGEST_REPLY, PATIENCE).map_err(failed("hear from"))?;
    let understood = failed("understand");
    let reply: Reply = serde_json::from_slice(&reply).map_err(|error| understood(error.into()))?;
    if reply.protocol != PROTOCOL {
        return Err(AskError::Version { theirs: reply.protocol });
    }
    Ok(reply.outcome)
}
