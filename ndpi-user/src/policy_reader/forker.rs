//! The process that forks a child for each reading, and says how that ended. It never sees a policy.

use std::io;
use std::mem::MaybeUninit;
use std::os::fd::{AsFd as _, OwnedFd};
use std::panic::{AssertUnwindSafe, catch_unwind};

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::io::{Errno, IoSliceMut, write};
use rustix::net::{RecvAncillaryBuffer, RecvAncillaryMessage, RecvFlags, recvmsg};
use rustix::pipe::{PipeFlags, pipe_with};
use rustix::process::{
    Pid, Resource, Rlimit, Signal, WaitOptions, getpid, getppid, kill_process,
    set_parent_process_death_signal, setrlimit, waitpid,
};
use rustix::thread::set_name;

use super::bounds::Bounds;
use super::child::{self, Work};
use crate::apart::{end, kept, leave_session};

/// How a child has ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum End {
    /// It has read the policy.
    Done,
    /// By a signal.
    Signal(i32),
    /// In some other way.
    Failed,
    /// It was ended, as it took too long.
    TooLong,
}

impl End {
    /// As it is said to the session.
    fn number(self) -> i32 {
        match self {
            Self::Done => 0,
            Self::Signal(signal) => signal,
            Self::Failed => -1,
            Self::TooLong => -2,
        }
    }

    pub(super) fn of(number: i32) -> Self {
        match number {
            0 => Self::Done,
            -2 => Self::TooLong,
            1.. => Self::Signal(number),
            _ => Self::Failed,
        }
    }
}

/// Has a child read what the other end of each socket wants that comes by `post`, until the other end of that is closed.
///
/// # Errors
/// It cannot leave the session, or `post` is no longer a socket.
pub(super) fn serve(
    post: &OwnedFd,
    session: Pid,
    bounds: Bounds,
    work: Work<'_>,
) -> io::Result<()> {
    leave_session([post.as_fd(), post.as_fd()], session)?;
    set_name(c"ndpi-policies")?;
    // Time zones, which take files; the names of all are looked for in folders.
    drop(jiff::tz::db().available());
    // Its children have what it has, and each a processor's time of its own. The first second beyond it is a signal that
    // says so.
    let (seconds, memory) = (bounds.cpu_seconds, Some(bounds.memory));
    setrlimit(Resource::Cpu, Rlimit { current: Some(seconds), maximum: Some(seconds + 1) })?;
    setrlimit(Resource::Data, Rlimit { current: memory, maximum: memory })?;
    // Where the kernel does not confine it, nDPI's process has said so.
    let confined = kept().forks().receives_descriptors().apply().is_ok();
    while let Some(socket) = receive_socket(post)? {
        let end = read(socket, confined, bounds, work)?;
        write(post, &end.number().to_ne_bytes())?;
    }
    Ok(())
}

/// The next socket; nothing where the session is gone.
fn receive_socket(post: &OwnedFd) -> io::Result<Option<OwnedFd>> {
    let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(1))];
    let mut others = RecvAncillaryBuffer::new(&mut space);
    let mut byte = [0];
    let flags = RecvFlags::CMSG_CLOEXEC;
    loop {
        match recvmsg(post, &mut [IoSliceMut::new(&mut byte)], &mut others, flags) {
            Err(Errno::INTR) => {}
            Ok(message) if message.bytes == 0 => return Ok(None),
            message => {
                message?;
                let mut rights = others.drain().filter_map(|it| match it {
                    RecvAncillaryMessage::ScmRights(mut sockets) => sockets.next(),
                    _ => None,
                });
                return rights.next().map(Some).ok_or_else(|| io::ErrorKind::InvalidData.into());
            }
        }
    }
}

/// Forks a child for a reading, and waits for its end.
fn read(socket: OwnedFd, confined: bool, bounds: Bounds, work: Work<'_>) -> io::Result<End> {
    let (over, alive) = pipe_with(PipeFlags::CLOEXEC)?;
    let parent = getpid();
    // SAFETY: this process has one thread, so that nobody else holds a lock that would stay held in the child.
    let child = match unsafe { libc::fork() } {
        -1 => return Ok(End::Failed),
        0 => {
            drop(over);
            let _held = alive;
            let work = || confine(parent, confined).and_then(|()| child::serve(socket, work));
            let worked = catch_unwind(AssertUnwindSafe(work));
            end(i32::from(!matches!(worked, Ok(Ok(())))))
        }
        pid => Pid::from_raw(pid).ok_or(io::ErrorKind::InvalidData)?,
    };
    drop((alive, socket));
    let in_time = is_over(&over, bounds)?;
    if !in_time {
        kill_process(child, Signal::KILL)?;
    }
    let status = waitpid(Some(child), WaitOptions::empty())?.map(|(_, status)| status);
    Ok(match status {
        _ if !in_time => End::TooLong,
        Some(status) if status.exit_status() == Some(0) => End::Done,
        Some(status) => status.terminating_signal().map_or(End::Failed, End::Signal),
        None => End::Failed,
    })
}

/// Ends with the process that has forked it, and gives up forking.
fn confine(parent: Pid, confined: bool) -> io::Result<()> {
    set_parent_process_death_signal(Some(Signal::KILL))?;
    if getppid() != Some(parent) {
        end(1);
    }
    if confined {
        kept().apply().map_err(io::Error::other)?;
    }
    Ok(())
}

/// Waits until the other end of a pipe is closed; whether that was in time.
fn is_over(over: &OwnedFd, bounds: Bounds) -> io::Result<bool> {
    let time = Timespec::try_from(bounds.time).map_err(io::Error::other)?;
    loop {
        match poll(&mut [PollFd::new(over, PollFlags::IN)], Some(&time)) {
            Err(Errno::INTR) => {}
            ready => return Ok(ready? > 0),
        }
    }
}
