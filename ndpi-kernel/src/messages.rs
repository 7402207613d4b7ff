//! The programs' own messages, by aya-log, as messages of the `log` crate.

use std::fmt;
use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::sync::Arc;
use std::thread::JoinHandle;

use aya::Ebpf;
use aya_log::EbpfLogger;
use log::Log;
use rustix::event::{EventfdFlags, PollFd, PollFlags, eventfd, poll};

/// Messages of the programs, which a thread passes on once it is started, until dropped.
pub(super) struct Messages {
    stop: Arc<OwnedFd>,
    /// Where they come from, until there is a thread.
    logger: Option<EbpfLogger<&'static dyn Log>>,
    thread: Option<JoinHandle<()>>,
}

impl Messages {
    /// The messages of the object's programs; `None` when they have none.
    pub(super) fn of(object: &mut Ebpf) -> io::Result<Option<Self>> {
        let logger = match EbpfLogger::init(object) {
            Ok(logger) => logger,
            Err(aya_log::Error::MapNotFound) => return Ok(None),
            Err(error) => return Err(io::Error::other(error)),
        };
        let stop = Arc::new(eventfd(0, EventfdFlags::CLOEXEC)?);
        Ok(Some(Self { stop, logger: Some(logger), thread: None }))
    }

    /// Starts passing them on. A second time it does nothing.
    pub(super) fn start(&mut self) -> io::Result<()> {
        let Some(logger) = self.logger.take() else { return Ok(()) };
        let stopped = Arc::clone(&self.stop);
        let thread = std::thread::Builder::new().name("kernel-messages".into());
        self.thread = Some(thread.spawn(move || pass_on(logger, &stopped))?);
        Ok(())
    }
}

impl fmt::Debug for Messages {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.debug_struct("Messages").field("thread", &self.thread).finish_non_exhaustive()
    }
}

impl Drop for Messages {
    fn drop(&mut self) {
        // Nothing else writes to it: it has room for this one.
        let _ = rustix::io::write(self.stop.as_fd(), &1u64.to_ne_bytes());
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

fn pass_on(mut logger: EbpfLogger<&'static dyn Log>, stop: &OwnedFd) {
    loop {
        let mut watched = [PollFd::new(&logger, PollFlags::IN), PollFd::new(stop, PollFlags::IN)];
        let waited = poll(&mut watched, None);
        let stopped = !watched[1].revents().is_empty();
        logger.flush();
        if stopped || waited.is_err_and(|error| error != rustix::io::Errno::INTR) {
            return;
        }
    }
}
