//! A second process of a kind, which waits until the first is gone: whoever ends one has ended nothing that cannot go
//! on.
//!
//! It is the session's child like the first, so that the one outlives the other, and has never done anything, so
//! that it is as the first one was at the start. Neither can be signalled by what they start.

use std::ffi::CStr;
use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::pipe::{PipeFlags, pipe_with};
use rustix::process::{Pid, Signal, getppid, set_parent_process_death_signal};
use rustix::thread::set_name;

use super::leaving::end;

/// Which process it is that goes on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Role {
    /// The first.
    First,
    /// What was its spare, as the first is gone.
    Successor,
}

/// What a spare is to know while it waits.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Waiting<'a> {
    /// Its name meanwhile, and from when its turn has come.
    pub(crate) names: [&'static CStr; 2],
    pub(crate) session: Pid,
    /// Is closed at the other end when the session is over.
    pub(crate) post: BorrowedFd<'a>,
}

/// A spare, as whoever goes before it has it.
#[derive(Debug)]
pub(crate) struct Spare {
    pid: Option<Pid>,
    /// The spare's turn is when it is closed.
    _turn: OwnedFd,
    /// Is closed at the other end when the spare is gone.
    end: OwnedFd,
}

impl Spare {
    /// Sees to it that there is one, where the kernel allows that: else until a later look goes on without. It comes
    /// back in the spare as well, when its turn has come. This process has one thread.
    pub(crate) fn keep(spare: &mut Option<Self>, waiting: Waiting<'_>) -> Role {
        if spare.as_ref().is_some_and(|spare| is_held(&spare.end)) {
            return Role::First;
        }
        *spare = None;
        match Self::fork(waiting) {
            Ok(None) => return Role::Successor,
            forked => *spare = forked.ok().flatten(),
        }
        Role::First
    }

    /// Forks it; `None` in the spare, when its turn has come.
    fn fork(waiting: Waiting<'_>) -> io::Result<Option<Self>> {
        let (turn, held) = pipe_with(PipeFlags::CLOEXEC)?;
        let (gone, alive) = pipe_with(PipeFlags::CLOEXEC)?;
        // SAFETY: forks, as without these flags: the child has a copy of all memory, this thread's stack with it,
        // and there is no other thread that could hold a lock. The C library's `fork` knows no such flags.
        let forked = unsafe {
            libc::syscall(libc::SYS_clone, libc::CLONE_PARENT | libc::SIGCHLD, 0, 0, 0, 0)
        };
        match forked {
            -1 => Err(io::Error::last_os_error()),
            0 => {
                drop((held, gone));
                // In the first one's place it would go on as if it were that.
                wait_for_turn(waiting, &turn).unwrap_or_else(|_| end(1));
                drop(alive);
                Ok(None)
            }
            pid => {
                let pid = i32::try_from(pid).ok().and_then(Pid::from_raw);
                Ok(Some(Self { pid, _turn: held, end: gone }))
            }
        }
    }

    /// What is closed at the other end when it is gone.
    pub(crate) fn end(&self) -> &OwnedFd {
        &self.end
    }

    /// Which process it is.
    pub(crate) fn pid(&self) -> Option<Pid> {
        self.pid
    }
}

/// Whether the other end of a pipe that nobody writes to is open.
pub(super) fn is_held(end: &impl AsFd) -> bool {
    poll(&mut [PollFd::new(end, PollFlags::IN)], Some(&Timespec::default())) == Ok(0)
}

/// In the spare: waits until the first is gone. Where the session is gone, this process is, too.
fn wait_for_turn(waiting: Waiting<'_>, turn: &OwnedFd) -> io::Result<()> {
    let Waiting { names: [meanwhile, then], session, post } = waiting;
    set_name(meanwhile)?;
    set_parent_process_death_signal(Some(Signal::KILL))?;
    if getppid() != Some(session) {
        end(0);
    }
    let (nothing, closed) = (PollFlags::empty(), PollFlags::HUP | PollFlags::ERR);
    loop {
        let mut fds = [PollFd::new(&post, nothing), PollFd::new(turn, nothing)];
        match poll(&mut fds, None) {
            Err(rustix::io::Errno::INTR) => continue,
            result => result?,
        };
        if fds[0].revents().intersects(closed) {
            end(0);
        }
        if fds[1].revents().intersects(closed) {
            break;
        }
    }
    Ok(set_name(then)?)
}
