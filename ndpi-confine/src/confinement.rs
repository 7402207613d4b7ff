//! The rights that a process keeps, and the order in which it gives up the rest.

use std::path::{Path, PathBuf};
use std::thread;
use std::time::Duration;

use rustix::thread::set_no_new_privs;

use crate::error::ConfineError;
use crate::{calls, capabilities, files, filter};

/// Looks for other threads, a millisecond apart, after which those that are there have come to stay.
const LAST_LOOK: u32 = 200;

/// What a process keeps besides memory, threads, time and its open descriptors.
#[derive(Clone, Debug, Default)]
pub struct Confinement {
    readable: Vec<PathBuf>,
    forks: bool,
    receives: bool,
    bpf: Vec<u32>,
}

/// What has been enforced beyond what always is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Enforced {
    /// Whether files other than those named are out of reach. If not, the kernel has no Landlock, and
    /// whatever this process's user may read can be opened for reading.
    pub files: bool,
}

impl Confinement {
    /// Nothing is kept.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// This file, or those below this folder, can be opened for reading. A path that leads nowhere when
    /// the process is confined gives nothing later.
    #[must_use]
    pub fn reads(mut self, path: impl AsRef<Path>) -> Self {
        self.readable.push(path.as_ref().to_owned());
        self
    }

    /// Processes can be forked off, waited for and signalled, and can confine themselves further. Only
    /// with Landlock since Linux 6.12 are they alone in what can be signalled.
    #[must_use]
    pub fn forks(mut self) -> Self {
        self.forks = true;
        self
    }

    /// Messages of sockets that are open can be received with what comes beside their bytes: descriptors.
    #[must_use]
    pub fn receives_descriptors(mut self) -> Self {
        self.receives = true;
        self
    }

    /// These commands of `bpf(2)` can be given, as far as the capabilities allow them, which are given
    /// up all the same: for descriptors that are open. That needs Linux 5.19.
    #[must_use]
    pub fn bpf(mut self, commands: &[u32]) -> Self {
        self.bpf.extend(commands);
        self
    }

    /// Confines this process, for good.
    ///
    /// # Errors
    /// There are other threads, or the kernel refuses a step. Those before it have been taken.
    pub fn apply(&self) -> Result<Enforced, ConfineError> {
        if !is_alone() {
            return Err(ConfineError::Threads);
        }
        let calls = calls::allowed((self.forks, self.receives), &self.bpf);
        let calls = filter::allowing(&calls).map_err(ConfineError::Calls)?;
        capabilities::give_up(!self.readable.is_empty())
            .map_err(|error| ConfineError::Capabilities(error.into()))?;
        set_no_new_privs(true).map_err(|error| ConfineError::NoNewPrivileges(error.into()))?;
        let files = files::restrict(&self.readable).map_err(ConfineError::Files)?;
        filter::install(&calls).map_err(ConfineError::Calls)?;
        Ok(Enforced { files })
    }
}

/// Whether this is the only thread of its process. `/proc` may be out of reach already; this call does
/// nothing where it is alone, and is refused where it is not. A thread that was joined may still be on its
/// way out.
fn is_alone() -> bool {
    (0..LAST_LOOK).any(|look| {
        if look > 0 {
            thread::sleep(Duration::from_millis(1));
        }
        // SAFETY: touches no memory, and separates this thread from no other: there is none, or it fails.
        unsafe { libc::unshare(libc::CLONE_THREAD) == 0 }
    })
}
