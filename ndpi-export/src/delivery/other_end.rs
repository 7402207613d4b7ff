//! The other end of a socket pair to another process.

use std::os::fd::BorrowedFd;
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags, Timespec, poll};

/// Waits so long; whether whoever has the other end is gone. What it says meanwhile is left to be taken.
pub fn is_over_within(socket: BorrowedFd<'_>, time: Duration) -> bool {
    let until = Instant::now() + time;
    loop {
        let left = until.saturating_duration_since(Instant::now());
        if left.is_zero() {
            return false;
        }
        // Without being asked, it says when the other end is gone.
        let mut sockets = [PollFd::from_borrowed_fd(socket, PollFlags::empty())];
        match poll(&mut sockets, Timespec::try_from(left).ok().as_ref()) {
            Ok(0) | Err(rustix::io::Errno::INTR) => {}
            Ok(_) | Err(_) => return true,
        }
    }
}
