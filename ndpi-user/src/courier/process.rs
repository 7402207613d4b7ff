//! The process: one that watches, and one that works.

use std::io::{self, Stdin};
use std::process::ExitCode;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::thread;
use std::time::Duration;

use anyhow::{Context as _, Error, Result, ensure};
use ndpi_confine::{keep_capabilities, refuse_what_no_service_does};
use rustix::process::{Pid, WaitOptions, WaitStatus, waitpid};
use rustix::thread::{CapabilitySet, set_no_new_privs};
use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};

/// How long it takes until one that has died is started again.
const PAUSE: Duration = Duration::from_secs(1);

/// Has a process work at what standard input says first, with standard input, and another one where that has died, until
/// whoever started this is gone.
///
/// # Errors
///
/// It was not started by an instance, or there can be no process.
pub(crate) fn run<J>(
    read_job: impl FnOnce(&Stdin) -> io::Result<J>,
    work: impl Fn(&Stdin, &J),
) -> Result<ExitCode> {
    let input = io::stdin();
    let job = read_job(&input).context("this command is for `run` to start, which it is not")?;
    give_up_rights()?;
    // They are meant for the instance, which has last records then.
    for signal in [SIGHUP, SIGINT, SIGTERM] {
        signal_hook::flag::register(signal, Arc::<AtomicBool>::default())
            .context("cannot leave signals to the instance")?;
    }
    loop {
        let status = wait_for(start(|| work(&input, &job))?)?;
        if status.exit_status() == Some(0) {
            return Ok(ExitCode::SUCCESS);
        }
        log::warn!("the process that has the network {}; starting another", how(status));
        thread::sleep(PAUSE);
    }
}

/// What it never needs: capabilities, and others by what it starts.
fn give_up_rights() -> Result<()> {
    keep_capabilities(CapabilitySet::empty())?;
    set_no_new_privs(true).context("cannot give up what programs could add to its rights")
}

/// Starts the process that works.
fn start(work: impl FnOnce()) -> Result<Pid> {
    // SAFETY: this process has one thread, as nothing has started another. So nobody else holds a lock, of the
    // allocator or the C library, that would stay held in the child for ever.
    let pid = unsafe { libc::fork() };
    ensure!(pid >= 0, "cannot start a process: {}", io::Error::last_os_error());
    if let Some(pid) = Pid::from_raw(pid) {
        return Ok(pid);
    }
    if let Err(error) = refuse_what_no_service_does() {
        let error = Error::new(error);
        log::warn!("a process with the network keeps all rights that it has: {error:#}");
    }
    work();
    std::process::exit(0)
}

fn wait_for(pid: Pid) -> Result<WaitStatus> {
    loop {
        match waitpid(Some(pid), WaitOptions::empty()) {
            Ok(Some((_, status))) => return Ok(status),
            Ok(None) | Err(rustix::io::Errno::INTR) => {}
            Err(error) => {
                return Err(error).context("waiting for the process that has the network");
            }
        }
    }
}

fn how(status: WaitStatus) -> String {
    match (status.terminating_signal(), status.exit_status()) {
        (Some(signal), _) => format!("was ended by signal {signal}"),
        (_, Some(code)) => format!("ended with status {code}"),
        _ => "is gone".into(),
    }
}
