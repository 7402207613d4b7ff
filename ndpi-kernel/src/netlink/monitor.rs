//! Being woken when an interface comes, goes or changes (rtnetlink(7), `RTNLGRP_LINK`).

use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::time::Duration;

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::io::Errno;
use rustix::net::netlink::SocketAddrNetlink;
use rustix::net::{AddressFamily, RecvFlags, SocketFlags, SocketType, bind, recv, socket_with};

use crate::Waker;

/// `RTMGRP_LINK`.
const LINKS: u32 = 1;

/// Receives the kernel's messages about the interfaces of this thread's network namespace. They only say
/// when to look: what is there is read whole ([`super::interfaces`]), so that none can be missed.
#[derive(Debug)]
pub struct LinkMonitor {
    socket: OwnedFd,
}

impl LinkMonitor {
    /// Listens from now on.
    ///
    /// # Errors
    ///
    /// If the socket cannot be opened or bound (netlink(7)).
    pub fn open() -> io::Result<Self> {
        let flags = SocketFlags::CLOEXEC | SocketFlags::NONBLOCK;
        // No protocol is `NETLINK_ROUTE`.
        let socket = socket_with(AddressFamily::NETLINK, SocketType::RAW, flags, None)?;
        bind(&socket, &SocketAddrNetlink::new(0, LINKS))?;
        Ok(Self { socket })
    }

    /// Returns when something has changed, `timeout` is over or `waker` is used; says whether it was.
    ///
    /// # Errors
    ///
    /// If waiting fails (poll(2)), or the socket does.
    pub fn wait(&self, waker: &Waker, timeout: Duration) -> io::Result<bool> {
        let timeout = Timespec::try_from(timeout).map_err(io::Error::other)?;
        let mut watched = [
            PollFd::new(&self.socket, PollFlags::IN),
            PollFd::from_borrowed_fd(waker.as_fd(), PollFlags::IN),
        ];
        match poll(&mut watched, Some(&timeout)) {
            Ok(_) | Err(Errno::INTR) => {}
            Err(error) => return Err(error.into()),
        }
        if !watched[1].revents().is_empty() {
            return Ok(true);
        }
        self.drain()?;
        Ok(false)
    }

    /// Takes all that has come.
    fn drain(&self) -> io::Result<()> {
        let mut buffer = vec![0; 16 << 10];
        loop {
            match recv(self.socket.as_fd(), &mut buffer, RecvFlags::TRUNC) {
                // More came than there was room for: a reason to look, as any message is.
                Ok(_) | Err(Errno::INTR | Errno::NOBUFS) => {}
                Err(Errno::AGAIN) => return Ok(()),
                Err(error) => return Err(error.into()),
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, Instant};

    use super::LinkMonitor;
    use crate::Waker;

    #[test]
    fn waiting_ends_when_it_is_woken() {
        let (monitor, waker) = (LinkMonitor::open().unwrap(), Waker::new().unwrap());
        assert!(!monitor.wait(&waker, Duration::from_millis(1)).unwrap());
        waker.wake();
        let start = Instant::now();
        while !monitor.wait(&waker, Duration::from_mins(1)).unwrap() {}
        assert!(start.elapsed() < Duration::from_secs(30));
    }
}
