//! The process: one that watches, one that works, and a spare of the first.

use std::io::{self, Stdin};
use std::process::ExitCode;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::thread;
use std::time::Duration;

use anyhow::{Context as _, Error, Result, ensure};
use ndpi_confine::{keep_capabilities, refuse_what_no_service_does};
use rustix::process::{
    Pid, Signal, WaitOptions, WaitStatus, getpid, getppid, set_parent_process_death_signal, wait,
};
use rustix::thread::{CapabilitySet, set_name, set_no_new_privs};
use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};

use super::spare::{Spare, Turn};

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
    let mut watcher = Watcher { spare: None, worker: None };
    loop {
        watcher.complete(|| work(&input, &job))?;
        let (pid, status) = wait_for_any()?;
        if watcher.is_over(pid, status) {
            if let Some(spare) = watcher.spare.take() {
                spare.dismiss();
            }
            return Ok(ExitCode::SUCCESS);
        }
    }
}

/// The process that watches.
struct Watcher {
    spare: Option<Spare>,
    worker: Option<Pid>,
}

impl Watcher {
    /// Has a spare, if the kernel allows one, and a process that works.
    fn complete(&mut self, work: impl FnOnce()) -> Result<()> {
        while self.spare.is_none() {
            match Spare::fork() {
                Ok(Turn::First(spare)) => self.spare = Some(spare),
                // Its own worker has ended with the one that was watching, or will have by then.
                Ok(Turn::Successor) => {
                    self.worker = None;
                    log::warn!(
                        "the process that watches one with the network was ended; its spare goes on"
                    );
                    thread::sleep(PAUSE);
                }
                // It is tried again where something ends.
                Err(_) => break,
            }
        }
        if self.worker.is_none() {
            self.worker = Some(start(&mut self.spare, work)?);
            // Until here, it may have been a spare.
            set_name(c"ndpi-net-keeper")?;
        }
        Ok(())
    }

    /// Notes that a process has ended; whether all is done.
    fn is_over(&mut self, pid: Pid, status: WaitStatus) -> bool {
        if self.worker != Some(pid) {
            self.spare.take_if(|spare| spare.pid() == pid);
            return false;
        }
        if status.exit_status() == Some(0) {
            return true;
        }
        self.worker = None;
        log::warn!("the process that has the network {}; starting another", how(status));
        thread::sleep(PAUSE);
        false
    }
}

/// What it never needs: capabilities, and others by what it starts.
fn give_up_rights() -> Result<()> {
    keep_capabilities(CapabilitySet::empty())?;
    set_no_new_privs(true).context("cannot give up what programs could add to its rights")
}

/// Starts the process that works, which ends with this one.
fn start(spare: &mut Option<Spare>, work: impl FnOnce()) -> Result<Pid> {
    let watcher = getpid();
    // SAFETY: this process has one thread, as nothing has started another. So nobody else holds a lock, of the
    // allocator or the C library, that would stay held in the child for ever.
    let pid = unsafe { libc::fork() };
    ensure!(pid >= 0, "cannot start a process: {}", io::Error::last_os_error());
    if let Some(pid) = Pid::from_raw(pid) {
        return Ok(pid);
    }
    // What tells the spare that the watcher is gone is not this one's.
    drop(spare.take());
    set_name(c"ndpi-net")?;
    set_parent_process_death_signal(Some(Signal::KILL))?;
    if getppid() != Some(watcher) {
        std::process::exit(1);
    }
    if let Err(error) = refuse_what_no_service_does() {
        let error = Error::new(error);
        log::warn!("a process with the network keeps all rights that it has: {error:#}");
    }
    work();
    std::process::exit(0)
}

/// Waits until one of those that it has started ends.
fn wait_for_any() -> Result<(Pid, WaitStatus)> {
    loop {
        match wait(WaitOptions::empty()) {
            Ok(Some(ended)) => return Ok(ended),
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
