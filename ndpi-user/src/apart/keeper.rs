//! The process that keeps the engines as they were loaded, and forks the workers.

use std::collections::VecDeque;
use std::fs::File;
use std::io::{self, Read as _};
use std::mem;
use std::os::fd::{AsFd as _, OwnedFd};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use ndpi::Engine;
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::pipe::{PipeFlags, pipe_with};
use rustix::process::{Pid, Signal, WaitOptions, getpid, kill_process, waitpid};

use super::client::Client;
use super::exchange::{Exchange, wake};
use super::gauge::{Counts, Gauge};
use super::leaving::{confine, end, leave_session};
use super::memory::Memory;
use super::remote::RemoteEngine;
use super::watch::Watch;
use super::worker;

/// So many deaths within that time, and no worker is started for a while.
const MOST_DEATHS: usize = 5;
const WITHIN: Duration = Duration::from_mins(1);
const PAUSE: Duration = Duration::from_mins(1);

/// The keeper, as the session has it. It ends with this.
#[derive(Debug)]
pub(crate) struct Keeper {
    pid: Pid,
    memory: Arc<Memory>,
    /// Each byte asks for the worker's end; closing it for the keeper's.
    orders: Option<File>,
    counts: Arc<Counts>,
}

impl Keeper {
    /// Forks it with these engines, and returns what stands for each of them here. To be called before there are
    /// threads, and before anything is open that the worker is not to have.
    ///
    /// # Errors
    /// There can be no process, or no memory.
    pub(crate) fn fork(engines: Vec<Engine>) -> io::Result<(Self, Vec<RemoteEngine>)> {
        let threads = engines.len();
        let memory = Arc::new(Memory::new(threads)?);
        let (theirs, ours) = pipe_with(PipeFlags::CLOEXEC)?;
        let parent = getpid();
        // SAFETY: this process has one thread, so that nobody else holds a lock that would stay held in the child.
        let pid = match unsafe { libc::fork() } {
            -1 => return Err(io::Error::last_os_error()),
            0 => {
                drop(ours);
                let keep = || keep(&memory, engines, theirs, parent);
                // Nothing that was half done when it panicked is looked at again.
                drop(catch_unwind(AssertUnwindSafe(keep)));
                end(1)
            }
            pid => Pid::from_raw(pid).ok_or(io::ErrorKind::InvalidData)?,
        };
        let counts = Arc::<Counts>::default();
        let remote =
            |at| RemoteEngine::new(Client::new(Arc::clone(&memory), at), Arc::clone(&counts));
        let engines = (0..threads).map(remote).collect();
        Ok((Self { pid, memory, orders: Some(ours.into()), counts }, engines))
    }

    /// How the workers have fared.
    pub(crate) fn gauge(&self) -> Gauge {
        Gauge::new(&self.memory, &self.counts)
    }

    /// Reports deaths from here on, has a worker ended that does not answer, and calls `gone` should the keeper
    /// itself be no more.
    ///
    /// # Errors
    /// There can be no thread.
    pub(crate) fn watch(&self, gone: impl FnOnce() + Send + 'static) -> io::Result<Watch> {
        let orders = self.orders.as_ref().map(File::try_clone).transpose()?;
        Watch::start(Arc::clone(&self.memory), (self.pid, orders), gone)
    }
}

impl Drop for Keeper {
    fn drop(&mut self) {
        drop(self.orders.take());
        // It may be gone before.
        let _ = waitpid(Some(self.pid), WaitOptions::empty());
    }
}

/// The keeper: forks workers until the session is gone.
fn keep(memory: &Memory, mut engines: Vec<Engine>, orders: OwnedFd, parent: Pid) -> io::Result<()> {
    leave_session(&orders, parent)?;
    let confined = confine();
    let (mut orders, mut deaths) = (File::from(orders), VecDeque::new());
    for number in 1.. {
        pause(memory, &orders, &mut deaths)?;
        let (alive, theirs) = pipe_with(PipeFlags::CLOEXEC)?;
        memory.exchanges().iter().for_each(Exchange::begin);
        let keeper = getpid();
        // SAFETY: the keeper has one thread.
        let pid = match unsafe { libc::fork() } {
            -1 => return Err(io::Error::last_os_error()),
            0 => {
                drop((alive, orders));
                // It is held until the worker is over, which the keeper sees by it.
                let _alive = theirs;
                // The keeper's own are not touched by what happens here.
                let engines = mem::take(&mut engines);
                let work = || worker::work(memory, engines, number, (keeper, confined));
                drop(catch_unwind(AssertUnwindSafe(work)));
                end(1)
            }
            pid => Pid::from_raw(pid).ok_or(io::ErrorKind::InvalidData)?,
        };
        drop(theirs);
        let signal = outlive(pid, &alive, &mut orders)?;
        deaths.push_back(Instant::now());
        memory.head().worker.store(0, Ordering::Release);
        memory.head().deaths.note(number, signal);
        wake(&memory.head().deaths.count);
        memory.exchanges().iter().for_each(Exchange::rouse);
    }
    Ok(())
}

/// Waits until a worker may be started. Where the session is gone, this process is, too.
fn pause(memory: &Memory, orders: &File, deaths: &mut VecDeque<Instant>) -> io::Result<()> {
    deaths.retain(|death| death.elapsed() < WITHIN);
    if deaths.len() < MOST_DEATHS {
        return Ok(());
    }
    deaths.clear();
    let (head, until) = (memory.head(), Instant::now() + PAUSE);
    head.pausing.store(1, Ordering::Release);
    wake(&head.worker);
    loop {
        let left = until.saturating_duration_since(Instant::now());
        if left.is_zero() {
            break;
        }
        let left = Timespec::try_from(left).map_err(|_| io::ErrorKind::InvalidInput)?;
        let mut fds = [PollFd::new(orders, PollFlags::empty())];
        match poll(&mut fds, Some(&left)) {
            Ok(_) if fds[0].revents().contains(PollFlags::HUP) => end(0),
            Ok(_) | Err(rustix::io::Errno::INTR) => {}
            Err(error) => return Err(error.into()),
        }
    }
    head.pausing.store(0, Ordering::Release);
    Ok(())
}

/// Waits until the worker is over, and ends it where that is asked for; returns the signal that it ended by.
fn outlive(worker: Pid, alive: &OwnedFd, orders: &mut File) -> io::Result<Option<i32>> {
    loop {
        let mut fds = [
            PollFd::new(alive, PollFlags::IN),
            PollFd::from_borrowed_fd(orders.as_fd(), PollFlags::IN),
        ];
        match poll(&mut fds, None) {
            Err(rustix::io::Errno::INTR) => continue,
            result => result?,
        };
        let [over, ordered] = fds.map(|fd| !fd.revents().is_empty());
        if ordered && orders.read(&mut [0])? == 0 {
            // The worker ends with its keeper.
            end(0);
        }
        if over || ordered {
            // What has closed its end and goes on is no worker.
            let _ = kill_process(worker, Signal::KILL);
            let ended = waitpid(Some(worker), WaitOptions::empty())?;
            return Ok(ended.and_then(|(_, status)| status.terminating_signal()));
        }
    }
}
