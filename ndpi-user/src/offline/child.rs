//! A process for one capture set, forked off with an engine that has seen nothing.

use std::fs::{self, File};
use std::io;
use std::mem::ManuallyDrop;
use std::os::fd::OwnedFd;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::PathBuf;

use rustix::pipe::{PipeFlags, pipe_with};
use rustix::process::{
    Pid, Signal, WaitOptions, WaitStatus, getpid, getppid, kill_process,
    set_parent_process_death_signal, waitpid,
};

use super::job::Job;
use super::message::Sender;
use super::ordered::Ordered;
use super::single;
use crate::captures::{Bar, Sandbox, reading};

/// Whether this process may fork: it has no other thread.
pub(super) fn can_fork() -> bool {
    fs::read_dir("/proc/self/task").is_ok_and(|threads| threads.count() == 1)
}

/// A capture set's process. It is ended with this.
#[derive(Debug)]
pub(super) struct Child {
    /// `None` once it has been waited for.
    pid: Option<Pid>,
    /// What it says.
    pub(super) pipe: File,
}

impl Child {
    /// Begins the classification of `set` in a process of its own. That [`can_fork`] must have been
    /// asked before.
    pub(super) fn fork(job: &Job, sandbox: Sandbox, set: &[PathBuf]) -> io::Result<Self> {
        let (read, write) = pipe_with(PipeFlags::CLOEXEC)?;
        let parent = getpid();
        // SAFETY: this process has one thread, see `can_fork`. So nobody else holds a lock, of the
        // allocator, the C library or nDPI, that would stay held in the child for ever.
        match unsafe { libc::fork() } {
            -1 => Err(io::Error::last_os_error()),
            0 => {
                drop(read);
                work(job, sandbox, set, write, parent)
            }
            pid => Ok(Self { pid: Pid::from_raw(pid), pipe: read.into() }),
        }
    }

    /// Passes a signal on to it.
    pub(super) fn signal(&self, signal: Signal) {
        if let Some(pid) = self.pid {
            // It may be over already; then there is nothing to stop.
            let _ = kill_process(pid, signal);
        }
    }

    /// Waits for its end, and says how it ended.
    pub(super) fn wait(&mut self) -> io::Result<Option<WaitStatus>> {
        let Some(pid) = self.pid.take() else { return Ok(None) };
        loop {
            match waitpid(Some(pid), WaitOptions::empty()) {
                Err(rustix::io::Errno::INTR) => {}
                Err(error) => return Err(error.into()),
                Ok(ended) => return Ok(ended.map(|(_, status)| status)),
            }
        }
    }
}

impl Drop for Child {
    fn drop(&mut self) {
        self.signal(Signal::KILL);
        // There is nobody to report it to; the system takes a child that is not waited for.
        let _ = self.wait();
    }
}

/// The child: classifies `set` and ends.
fn work(job: &Job, sandbox: Sandbox, set: &[PathBuf], pipe: OwnedFd, parent: Pid) -> ! {
    let classify = || {
        set_parent_process_death_signal(Some(Signal::KILL))?;
        // Where the parent has ended before that, nobody reads what comes.
        if getppid() == Some(parent) { classify(job, sandbox, set, pipe) } else { Ok(()) }
    };
    // Nothing that was half done when it panicked is looked at again.
    let done = catch_unwind(AssertUnwindSafe(classify));
    let code = i32::from(!matches!(done, Ok(Ok(()))));
    // SAFETY: ends the process at once. What would run otherwise, destructors and the flushing of
    // buffers, is the parent's to do, which still has all of it.
    unsafe { libc::_exit(code) }
}

fn classify(job: &Job, sandbox: Sandbox, set: &[PathBuf], pipe: OwnedFd) -> io::Result<()> {
    job.stop.leave_to_parent();
    let sender = Sender::new(pipe.into());
    if let Err(error) = sandbox.narrow(&reading(set.iter().map(PathBuf::as_path))) {
        return sender.failed(&format!("{:#}", anyhow::Error::new(error)));
    }
    let progress = sender.clone();
    // That the parent is gone shows in the output.
    let bar = Bar::sent(move |bytes| drop(progress.read(bytes)));
    let out = Ordered::new(sender.clone());
    // Its memory is that of the parent until it is written to, and taking it down would write to all of
    // it: longer than most captures take to read. The process ends with it.
    let engine = ManuallyDrop::new(job.engine());
    let engine = match &*engine {
        Ok(engine) => engine,
        Err(error) => return sender.failed(&format!("{error:#}")),
    };
    match single::run(job, engine, set, out.place(0), &bar) {
        Ok(outcome) => sender.outcome(&outcome),
        Err(error) => sender.failed(&format!("{error:#}")),
    }
}
