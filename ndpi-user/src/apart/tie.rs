//! The tie of workers to the keeper that has forked them: whoever takes its place waits for their end.

use std::io;
use std::mem;
use std::os::fd::OwnedFd;

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::pipe::{PipeFlags, pipe_with};

/// How long it waits for the worker of the keeper that is gone, which the kernel ends a moment after it. One
/// that has kept the kernel from that has been made to by a packet, and is left to do what it could do before.
const WORKER_ENDS: Timespec = Timespec { tv_sec: 1, tv_nsec: 0 };

/// Closed in all of a keeper's workers, they are over.
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

    /// In what was the spare: waits for the last keeper's worker, and ties its own by another.
    ///
    /// # Errors
    /// The kernel has no descriptors.
    pub(super) fn take_over(&mut self) -> io::Result<()> {
        let Self { seen: worker, held } = mem::replace(self, Self::new()?);
        drop(held);
        // A signal is no reason to wait for longer.
        let _ = poll(&mut [PollFd::new(&worker, PollFlags::IN)], Some(&WORKER_ENDS));
        Ok(())
    }
}
