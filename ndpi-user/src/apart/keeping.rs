//! The work of the process that keeps the engines as they were loaded: it forks the workers.

use std::io::{self, Read as _};
use std::os::fd::{AsFd as _, OwnedFd};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::Ordering;
use std::time::Instant;

use ndpi::Engine;
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::pipe::{PipeFlags, pipe_with};
use rustix::process::{
    Pid, Resource, Rlimit, Signal, WaitOptions, getpid, kill_process, setrlimit, waitpid,
};

use super::exchange::{Exchange, wake};
use super::leaving::{confine, end, leave_session};
use super::memory::Memory;
use super::post::Post;
use super::restarts::Restarts;
use super::spare::{Role, Spare, Waiting};
use super::tie::Tie;
use super::worker;

/// How often it is looked whether what is missing can be started.
const LOOK: Timespec = Timespec { tv_sec: 1, tv_nsec: 0 };

/// The keeper: forks workers until the session is gone.
///
/// # Errors
/// It cannot leave the session, or look after what it has started.
pub(super) fn keep(memory: &Memory, engines: Vec<Engine>, post: Post) -> io::Result<()> {
    leave_session([post.orders.as_fd(), post.alive.as_fd()], post.session)?;
    bound_memory(post.memory_max);
    let (confined, tie, restarts) = (confine(), Tie::new()?, Restarts::default());
    let mut keeping = Keeping { memory, engines, post, confined, tie, spare: None, restarts };
    let (mut number, mut worker) = (1, None);
    loop {
        if keeping.have_a_spare() == Role::Successor {
            (number, worker) = (keeping.take_over()?, None);
            continue;
        }
        if worker.is_none() && keeping.may_start() {
            let ((over, alive), keeper) = (pipe_with(PipeFlags::CLOEXEC)?, getpid());
            // SAFETY: the keeper has one thread.
            worker = match unsafe { libc::fork() } {
                0 => {
                    drop(over);
                    keeping.work((number, keeper), alive)
                }
                // There may be memory for it later.
                -1 => None,
                pid => Pid::from_raw(pid).map(|pid| Worker { pid, over }),
            };
            keeping.note_processes(worker.as_ref());
        }
        if keeping.is_over(worker.as_ref())?
            && let Some(Worker { pid, .. }) = worker.take()
        {
            // What has closed its end and goes on is no worker.
            let _ = kill_process(pid, Signal::KILL);
            let ended = waitpid(Some(pid), WaitOptions::empty())?;
            keeping.restarts.note(Instant::now());
            keeping.note_death(number, ended.and_then(|(_, status)| status.terminating_signal()));
            number = number.wrapping_add(1);
        }
    }
}

/// Has the kernel refuse this process and its workers more memory. That flows are given up before it is needed is the
/// session's to see to; this is for code that a packet runs in nDPI's place.
fn bound_memory(most: Option<u64>) {
    if most.is_some() {
        // Lower than what it was cannot fail; higher, it is as bounded as it was.
        let _ = setrlimit(Resource::Data, Rlimit { current: most, maximum: most });
    }
}

/// A worker that runs.
struct Worker {
    pid: Pid,
    /// Is closed at the other end when it is over.
    over: OwnedFd,
}

struct Keeping<'a> {
    memory: &'a Memory,
    /// As they were loaded: what workers do touches their own copies.
    engines: Vec<Engine>,
    post: Post,
    confined: bool,
    tie: Tie,
    spare: Option<Spare>,
    restarts: Restarts,
}

impl Keeping<'_> {
    /// Has a spare, if the kernel allows one. It comes back in the spare as well, when its turn has come.
    fn have_a_spare(&mut self) -> Role {
        let names = [c"ndpi-spare", c"ndpi-keeper"];
        let Post { session, orders, .. } = &self.post;
        Spare::keep(&mut self.spare, Waiting { names, session: *session, post: orders.as_fd() })
    }

    /// Goes on where another keeper was ended, and its worker with it; the number of the next one.
    ///
    /// # Errors
    /// The kernel has no descriptors.
    fn take_over(&mut self) -> io::Result<u32> {
        self.tie.take_over()?;
        self.restarts = Restarts::default();
        let head = self.memory.head();
        // A worker that was hostile may have written anything here. It is then only what it has said of flows.
        let number = head.deaths.count.load(Ordering::Acquire).wrapping_add(1);
        if head.worker.load(Ordering::Acquire) == 0 {
            return Ok(number);
        }
        self.note_death(number, Some(libc::SIGKILL));
        Ok(number.wrapping_add(1))
    }

    /// Says which processes these are.
    fn note_processes(&self, worker: Option<&Worker>) {
        let pids = [Some(getpid()), worker.map(|worker| worker.pid)];
        for (place, pid) in self.memory.head().processes.iter().zip(pids) {
            let pid = pid.map_or(0, |pid| pid.as_raw_nonzero().get().unsigned_abs());
            place.store(pid, Ordering::Release);
        }
    }

    fn note_death(&self, number: u32, signal: Option<i32>) {
        let head = self.memory.head();
        head.worker.store(0, Ordering::Release);
        head.deaths.note(number, signal);
        wake(&head.deaths.count);
        self.memory.exchanges().iter().for_each(Exchange::rouse);
    }

    /// Whether a worker may be started, which then leaves alone what was asked before.
    fn may_start(&self) -> bool {
        let (head, pausing) = (self.memory.head(), self.restarts.is_pausing(Instant::now()));
        if head.pausing.swap(pausing.into(), Ordering::AcqRel) != u32::from(pausing) {
            wake(&head.worker);
        }
        if !pausing {
            self.memory.exchanges().iter().for_each(Exchange::begin);
        }
        !pausing
    }

    /// What the worker does, which holds `alive` and its tie until it is over.
    fn work(self, (number, keeper): (u32, Pid), alive: OwnedFd) -> ! {
        let Self { memory, engines, post, confined, tie, spare, .. } = self;
        drop((post, spare));
        let _held = (alive, tie.of_worker());
        let work = || worker::work(memory, engines, number, (keeper, confined));
        drop(catch_unwind(AssertUnwindSafe(work)));
        end(1)
    }

    /// Waits until something has happened, and no longer than a moment where a process is missing; whether the
    /// worker is over, or is to be.
    fn is_over(&mut self, worker: Option<&Worker>) -> io::Result<bool> {
        let complete = worker.is_some() && self.spare.is_some();
        let ends = worker.map(|worker| &worker.over).into_iter();
        let ends = ends.chain(self.spare.as_ref().map(Spare::end));
        let mut fds = vec![PollFd::new(&self.post.orders, PollFlags::IN)];
        fds.extend(ends.map(|end| PollFd::new(end, PollFlags::IN)));
        match poll(&mut fds, (!complete).then_some(&LOOK)) {
            Err(rustix::io::Errno::INTR) => return Ok(false),
            result => result?,
        };
        let happened = |at: usize| fds.get(at).is_some_and(|fd| !fd.revents().is_empty());
        let (ordered, over) = (happened(0), worker.is_some() && happened(1));
        if ordered && self.post.orders.read(&mut [0])? == 0 {
            // The worker and the spare end with it.
            end(0);
        }
        Ok(ordered || over)
    }
}
