//! How every command goes about its work: what it shows, and whether it may install.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{self, RecvTimeoutError};
use std::thread;
use std::time::Duration;

/// Options of all commands that set up or compile.
#[derive(Clone, Copy, Default, clap::Args)]
pub(crate) struct Manner {
    /// Show what cargo, apt-get, pip and rustup print.
    #[arg(short, long)]
    verbose: bool,
    /// Install nothing on this machine, neither distribution packages nor parts of the Rust
    /// toolchain: say what is missing, before anything is compiled.
    #[arg(long)]
    no_install: bool,
}

// Set once, before any thread is started.
static VERBOSE: AtomicBool = AtomicBool::new(false);
static NO_INSTALL: AtomicBool = AtomicBool::new(false);

/// How long a step takes before it is worth a line.
const MOMENT: Duration = Duration::from_millis(1500);

impl Manner {
    /// From here on, all of xtask goes about it so; what was asked for before stays.
    pub(crate) fn adopt(self) {
        VERBOSE.fetch_or(self.verbose, Ordering::Relaxed);
        NO_INSTALL.fetch_or(self.no_install, Ordering::Relaxed);
    }
}

/// Whether other programs' output is shown.
pub(crate) fn is_verbose() -> bool {
    VERBOSE.load(Ordering::Relaxed)
}

/// Whether packages and parts of the toolchain may be installed.
pub(crate) fn may_install() -> bool {
    !NO_INSTALL.load(Ordering::Relaxed)
}

/// Does `work`; says `what` on a line of its own when that takes more than a moment.
pub(crate) fn announced<T>(what: &str, work: impl FnOnce() -> T) -> T {
    announced_after(MOMENT, || eprintln!("{what}"), work)
}

fn announced_after<T>(
    moment: Duration,
    announce: impl FnOnce() + Send,
    work: impl FnOnce() -> T,
) -> T {
    let (done, is_done) = mpsc::channel::<()>();
    thread::scope(|scope| {
        scope.spawn(move || {
            if is_done.recv_timeout(moment) == Err(RecvTimeoutError::Timeout) {
                announce();
            }
        });
        let result = work();
        drop(done);
        result
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_takes_a_moment_is_announced() {
        let said = AtomicBool::new(false);
        let announce = || said.store(true, Ordering::Relaxed);
        assert_eq!(announced_after(Duration::from_mins(1), announce, || 1), 1);
        assert!(!said.load(Ordering::Relaxed));
        let wait = || {
            while !said.load(Ordering::Relaxed) {
                thread::yield_now();
            }
            2
        };
        assert_eq!(announced_after(Duration::ZERO, announce, wait), 2);
    }
}
