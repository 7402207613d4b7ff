//! A copy of the process that watches, which waits until that is gone.

use std::io;
use std::os::fd::OwnedFd;

use rustix::io::{Errno, read, write};
use rustix::pipe::{PipeFlags, pipe_with};
use rustix::process::Pid;
use rustix::thread::set_name;

/// What the spare is told where it is not needed any more.
const DISMISSED: u8 = 1;

/// Whose turn it is where a spare was forked.
pub(super) enum Turn {
    /// That of the first, which has a spare now.
    First(Spare),
    /// That of what was the spare, as the first is gone.
    Successor,
}

/// A spare, as whoever goes before it has it.
#[derive(Debug)]
pub(super) struct Spare {
    pid: Pid,
    /// The spare's turn is when it is closed without a word.
    turn: OwnedFd,
}

impl Spare {
    /// Forks it, and comes back in the spare as well, when its turn has come. This process has one thread.
    ///
    /// # Errors
    ///
    /// The kernel has no process or descriptors now.
    pub(super) fn fork() -> io::Result<Turn> {
        let (told, turn) = pipe_with(PipeFlags::CLOEXEC)?;
        // SAFETY: there is no other thread that could hold a lock, which would stay held in the child.
        match unsafe { libc::fork() } {
            -1 => Err(io::Error::last_os_error()),
            0 => {
                drop(turn);
                if is_dismissed(&told) {
                    std::process::exit(0);
                }
                Ok(Turn::Successor)
            }
            pid => {
                let pid = Pid::from_raw(pid).ok_or(io::ErrorKind::InvalidData)?;
                Ok(Turn::First(Self { pid, turn }))
            }
        }
    }

    /// Which process it is.
    pub(super) fn pid(&self) -> Pid {
        self.pid
    }

    /// Ends it.
    pub(super) fn dismiss(self) {
        // Where it is gone, so much the better.
        let _ = write(&self.turn, &[DISMISSED]);
    }
}

/// In the spare: waits for what is said, or for the end of whoever would.
fn is_dismissed(told: &OwnedFd) -> bool {
    // It waits under another name as well.
    let _ = set_name(c"ndpi-net-spare");
    loop {
        match read(told, &mut [0; 1]) {
            Err(Errno::INTR) => {}
            said => return said == Ok(1),
        }
    }
}
