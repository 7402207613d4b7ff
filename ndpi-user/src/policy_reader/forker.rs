//! The process that forks a child for each reading, and says how that ended. It never sees a policy.

use std::io;
use std::os::fd::{AsFd as _, OwnedFd};
use std::panic::{AssertUnwindSafe, catch_unwind};

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::io::{Errno, write};
use rustix::pipe::{PipeFlags, pipe_with};
use rustix::process::{
    Pid, Resource, Rlimit, Signal, WaitOptions, getpid, getppid, kill_process,
    set_parent_process_death_signal, setrlimit, waitpid,
};
use rustix::thread::set_name;

use super::bounds::Bounds;
use super::child::{self, Work};
use super::end::End;
use super::post::{Request, say_processes};
use crate::apart::{Role, Spare, Waiting, end, kept, leave_session};

/// How often it is looked whether there can be a spare where there is none.
const LOOK: Timespec = Timespec { tv_sec: 1, tv_nsec: 0 };

/// Has a child read what is asked for by `post`, until the other end of that is closed.
///
/// # Errors
/// It cannot leave the session, or `post` is no longer a socket.
pub(super) fn serve(post: OwnedFd, session: Pid, bounds: Bounds, work: Work<'_>) -> io::Result<()> {
    leave_session([post.as_fd(), post.as_fd()], session)?;
    set_name(c"ndpi-policies")?;
    // Time zones, which take files; the names of all are looked for in folders.
    drop(jiff::tz::db().available());
    // Its spare and its children have what it has, and each a processor's time of its own. The first second beyond it is
    // a signal that says so.
    let (seconds, memory) = (bounds.cpu_seconds, Some(bounds.memory));
    setrlimit(Resource::Cpu, Rlimit { current: Some(seconds), maximum: Some(seconds + 1) })?;
    setrlimit(Resource::Data, Rlimit { current: memory, maximum: memory })?;
    // Where the kernel does not confine it, nDPI's process has said so.
    let confined = kept().forks().receives_descriptors().apply().is_ok();
    let mut forker = Forker { post, session, spare: None };
    while let Some(happened) = forker.next()? {
        let Happened::Asked(Request { child: socket, answer }) = happened else { continue };
        let ((over, alive), parent) = (pipe_with(PipeFlags::CLOEXEC)?, getpid());
        // SAFETY: this process has one thread, so that nobody else holds a lock that would stay held in the child.
        let child = match unsafe { libc::fork() } {
            0 => {
                // What says that this process lives is not its child's.
                drop((over, answer, forker));
                let _held = alive;
                let work = || confine(parent, confined).and_then(|()| child::serve(socket, work));
                let worked = catch_unwind(AssertUnwindSafe(work));
                end(i32::from(!matches!(worked, Ok(Ok(())))))
            }
            pid => Pid::from_raw(pid.max(0)),
        };
        drop((alive, socket));
        let ended = child.map_or(Ok(End::Failed), |child| end_of(child, &over, bounds))?;
        // The session may have lost interest.
        let _ = write(&answer, &ended.number().to_ne_bytes());
    }
    Ok(())
}

/// What has happened.
enum Happened {
    Asked(Request),
    /// Something to look after.
    Other,
}

/// What it has, and its children have not.
struct Forker {
    post: OwnedFd,
    session: Pid,
    spare: Option<Spare>,
}

impl Forker {
    /// Waits for what happens next, with a spare; nothing where the session is gone.
    fn next(&mut self) -> io::Result<Option<Happened>> {
        self.have_a_spare();
        let mut fds = vec![PollFd::new(&self.post, PollFlags::IN)];
        fds.extend(self.spare.iter().map(|spare| PollFd::new(spare.end(), PollFlags::IN)));
        match poll(&mut fds, self.spare.is_none().then_some(&LOOK)) {
            Err(Errno::INTR) => return Ok(Some(Happened::Other)),
            result => result?,
        };
        // Where both have come, the spare goes before what may need it.
        if fds.get(1).is_some_and(|end| !end.revents().is_empty()) || fds[0].revents().is_empty() {
            return Ok(Some(Happened::Other));
        }
        Ok(Request::receive(&self.post)?.map(Happened::Asked))
    }

    /// Has a spare, if the kernel allows one, and says so where it is another one than before.
    fn have_a_spare(&mut self) {
        let before = self.spare.as_ref().map(Spare::pid);
        let names = [c"ndpi-pol-spare", c"ndpi-policies"];
        loop {
            let waiting = Waiting { names, session: self.session, post: self.post.as_fd() };
            // A successor has the same to do, and none of its own yet.
            if Spare::keep(&mut self.spare, waiting) == Role::First {
                break;
            }
        }
        let spare = self.spare.as_ref().map(Spare::pid);
        if spare.is_none() || spare != before {
            say_processes(&self.post, spare.flatten());
        }
    }
}

/// Waits for the end of a child, and ends it where it takes too long.
fn end_of(child: Pid, over: &OwnedFd, bounds: Bounds) -> io::Result<End> {
    let in_time = is_over(over, bounds)?;
    if !in_time {
        kill_process(child, Signal::KILL)?;
    }
    let status = waitpid(Some(child), WaitOptions::empty())?.map(|(_, status)| status);
    Ok(match status {
        _ if !in_time => End::TooLong,
        Some(status) if status.exit_status() == Some(0) => End::Done,
        Some(status) => status.terminating_signal().map_or(End::Failed, End::Signal),
        None => End::Failed,
    })
}

/// Ends with the process that has forked it, and gives up forking.
fn confine(parent: Pid, confined: bool) -> io::Result<()> {
    set_parent_process_death_signal(Some(Signal::KILL))?;
    if getppid() != Some(parent) {
        end(1);
    }
    if confined {
        kept().apply().map_err(io::Error::other)?;
    }
    Ok(())
}

/// Waits until the other end of a pipe is closed; whether that was in time.
fn is_over(over: &OwnedFd, bounds: Bounds) -> io::Result<bool> {
    let time = Timespec::try_from(bounds.time).map_err(io::Error::other)?;
    loop {
        match poll(&mut [PollFd::new(over, PollFlags::IN)], Some(&time)) {
            Err(Errno::INTR) => {}
            ready => return Ok(ready? > 0),
        }
    }
}
