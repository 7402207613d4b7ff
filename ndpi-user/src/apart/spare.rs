//! A second keeper, which waits until the first is gone: whoever ends one has ended nothing that cannot go on.
//!
//! It is the session's child like the first, so that the one outlives the other, and has never done anything, so
//! that its engines are as they were loaded. Neither can be signalled by a worker.

use std::io;
use std::mem;
use std::os::fd::{AsFd, OwnedFd};

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::pipe::{PipeFlags, pipe_with};
use rustix::process::{Signal, getppid, set_parent_process_death_signal};
use rustix::thread::set_name;

use super::leaving::end;
use super::post::Post;

/// How long a spare waits for the worker of the keeper that is gone, which the kernel ends a moment after it. One
/// that has kept the kernel from that has been made to by a packet, and is left to do what it could do before.
const WORKER_ENDS: Timespec = Timespec { tv_sec: 1, tv_nsec: 0 };

/// Which process it is that goes on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Role {
    /// The keeper.
    Keeper,
    /// What was its spare, as the keeper is gone.
    Successor,
}

/// What ties a keeper's workers to it: closed in all of them, they are over.
#[derive(Debug)]
pub(super) struct Tie {
    seen: OwnedFd,
    held: OwnedFd,
}

impl Tie {
    pub(super) fn new() -> io::Result<Self> {
        let (seen, held) = pipe_with(PipeFlags::CLOEXEC)?;
        Ok(Self { seen, held })
    }

    /// What a worker holds until it is over.
    pub(super) fn of_worker(self) -> OwnedFd {
        self.held
    }
}

/// A spare, as its keeper has it.
#[derive(Debug)]
pub(super) struct Spare {
    /// The spare's turn is when it is closed.
    _turn: OwnedFd,
    /// Is closed at the other end when the spare is gone.
    end: OwnedFd,
}

impl Spare {
    /// Forks it; `None` in the spare, when its turn has come. The keeper has one thread.
    ///
    /// # Errors
    /// The kernel has no process or descriptors now.
    pub(super) fn fork(post: &Post, tie: &mut Tie) -> io::Result<Option<Self>> {
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
                // In the keeper's place it would go on as if it were the keeper.
                wait_for_turn(post, tie, &turn).unwrap_or_else(|_| end(1));
                drop(alive);
                Ok(None)
            }
            _ => Ok(Some(Self { _turn: held, end: gone })),
        }
    }

    /// What is closed at the other end when it is gone.
    pub(super) fn end(&self) -> &OwnedFd {
        &self.end
    }

    pub(super) fn is_there(&self) -> bool {
        is_held(&self.end)
    }
}

/// Whether the other end of a pipe that nobody writes to is open.
pub(super) fn is_held(end: &impl AsFd) -> bool {
    poll(&mut [PollFd::new(end, PollFlags::IN)], Some(&Timespec::default())) == Ok(0)
}

/// In the spare: waits until keeper and worker are gone. Where the session is gone, this process is, too.
fn wait_for_turn(post: &Post, tie: &mut Tie, turn: &OwnedFd) -> io::Result<()> {
    set_name(c"ndpi-spare")?;
    set_parent_process_death_signal(Some(Signal::KILL))?;
    if getppid() != Some(post.session) {
        end(0);
    }
    // Its own holds what its workers are to.
    let Tie { seen: worker, held } = mem::replace(tie, Tie::new()?);
    drop(held);
    let (nothing, closed) = (PollFlags::empty(), PollFlags::HUP | PollFlags::ERR);
    loop {
        let mut fds = [PollFd::new(&post.orders, nothing), PollFd::new(turn, nothing)];
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
    // A signal is no reason to wait for longer.
    let _ = poll(&mut [PollFd::new(&worker, PollFlags::IN)], Some(&WORKER_ENDS));
    set_name(c"ndpi-keeper")?;
    Ok(())
}
