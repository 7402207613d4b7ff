//! Leaving the session: its descriptors and signals, its user, and all rights.

use std::error::Error as _;
use std::fs::OpenOptions;
use std::io;
use std::os::fd::{AsRawFd as _, BorrowedFd};

use ndpi_confine::{ConfineError, Confinement, Enforced};
use rustix::process::{
    Gid, Pid, Signal, Uid, geteuid, getppid, set_parent_process_death_signal, setpgid,
};
use rustix::stdio::{dup2_stdin, dup2_stdout};
use rustix::thread::{set_name, set_thread_groups, set_thread_res_gid, set_thread_res_uid};

/// The user and group that own nothing, by the number that all systems give them.
const NOBODY: u32 = 65534;

/// What nDPI and the C library look up while they work.
const READ_LATER: [&str; 3] = ["/proc/cpuinfo", "/etc/localtime", "/usr/share/zoneinfo"];

/// Signals that mean the session, which ends the keeper with itself: a terminal and service managers send them to
/// all processes. The last is that of a terminal which lets only its foreground write.
const IGNORED: [i32; 12] = [
    libc::SIGINT,
    libc::SIGTERM,
    libc::SIGQUIT,
    libc::SIGHUP,
    libc::SIGUSR1,
    libc::SIGUSR2,
    libc::SIGALRM,
    libc::SIGVTALRM,
    libc::SIGPROF,
    libc::SIGIO,
    libc::SIGPWR,
    libc::SIGTTOU,
];

/// What a worker keeps: nothing but what is looked up.
pub(crate) fn kept() -> Confinement {
    READ_LATER.iter().fold(Confinement::new(), Confinement::reads)
}

/// Ends with the session, keeps nothing of it that is open but these and standard error, and becomes nobody.
pub(crate) fn leave_session(kept: [BorrowedFd<'_>; 2], parent: Pid) -> io::Result<()> {
    set_name(c"ndpi-keeper")?;
    // The session waits for all of the group, and for those that are started later.
    setpgid(None, None)?;
    for signal in IGNORED {
        // SAFETY: ignoring a signal calls nothing.
        unsafe { libc::signal(signal, libc::SIG_IGN) };
    }
    let nothing = OpenOptions::new().read(true).write(true).open("/dev/null")?;
    dup2_stdin(&nothing)?;
    dup2_stdout(&nothing)?;
    drop(nothing);
    close_but(kept);
    if geteuid().is_root() {
        become_nobody();
    }
    // Another user's process forgets this, so it comes last.
    set_parent_process_death_signal(Some(Signal::KILL))?;
    if getppid() != Some(parent) {
        end(0);
    }
    Ok(())
}

/// Closes all that is open but the standard descriptors and these.
fn close_but(kept: [BorrowedFd<'_>; 2]) {
    let mut kept = kept.map(|fd| fd.as_raw_fd().cast_unsigned());
    kept.sort_unstable();
    let [lower, upper] = kept;
    for (first, last) in [(3, lower - 1), (lower + 1, upper - 1), (upper + 1, u32::MAX)] {
        if first <= last {
            // SAFETY: what is behind them is used no more: this process does nothing but what this file says.
            unsafe { libc::syscall(libc::SYS_close_range, first, last, 0) };
        }
    }
}

/// Gives up this user, where the capabilities allow it; they go in any case.
fn become_nobody() {
    let (user, group) = (Uid::from_raw(NOBODY), Gid::from_raw(NOBODY));
    let became = set_thread_groups(&[])
        .and_then(|()| set_thread_res_gid(group, group, group))
        .and_then(|()| set_thread_res_uid(user, user, user));
    if let Err(error) = became {
        log::info!("nDPI's process goes on as this user, without capabilities: {error}");
    }
}

/// Gives up all but forking; whether it did.
pub(super) fn confine() -> bool {
    let confined = kept().forks().apply();
    if let Some(shortfall) = shortfall(&confined) {
        log::warn!("{shortfall}");
    }
    confined.is_ok()
}

/// What is to be said of a keeper that is not confined as it should be.
fn shortfall(confined: &Result<Enforced, ConfineError>) -> Option<String> {
    match confined {
        Ok(Enforced { files: true, .. }) => None,
        Ok(_) => Some(
            "this kernel has no Landlock: nDPI works in a process that can start no program and open no connection, \
             but can still read the files of the user that it runs as"
                .into(),
        ),
        Err(error) => {
            let error = error
                .source()
                .map_or_else(|| error.to_string(), |cause| format!("{error}: {cause}"));
            Some(format!(
                "nDPI works in a process of its own, but the kernel refuses it nothing: {error}"
            ))
        }
    }
}

/// Ends the process at once: what would run otherwise is the parent's to do.
pub(crate) fn end(code: i32) -> ! {
    // SAFETY: as said.
    unsafe { libc::_exit(code) }
}
