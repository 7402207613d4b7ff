//! The session's side: has a policy read, gives the files that it names, and takes over what it comes to.

use std::io;
use std::os::fd::OwnedFd;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use ndpi_policy::{Files, InForce, Outcome, take_over};
use rustix::io::{Errno, read};
use rustix::net::{Shutdown, shutdown};
use rustix::process::{Pid, WaitOptions, getpid, setpgid, waitpgid};

use super::bounds::Bounds;
use super::child::Work;
use super::end::End;
use super::forker::serve;
use super::post::{Asked, Processes, Request, is_served, pair};
use super::served::Served;
use super::watch::watch;
use super::wire::{Message, Wire, Word};
use crate::apart::end;

/// How often a policy is read where whoever has it read is ended meanwhile.
const ATTEMPTS: usize = 5;

/// What a child hands over, if it does, and how it ended.
type Reading = (Option<Vec<u8>>, End);

/// Has policies read, by processes that end with this.
#[derive(Debug)]
pub(crate) struct PolicyReader {
    /// Where requests are received by the forker, or by its spare where that is gone.
    post: Arc<OwnedFd>,
    /// Both, by their group of processes.
    group: Pid,
    processes: Processes,
    bounds: Bounds,
}

impl PolicyReader {
    /// Forks the process whose children do `work`, which forks its spare. To be called before there are threads.
    ///
    /// # Errors
    /// There can be no process.
    pub(crate) fn fork(bounds: Bounds, work: Work<'_>) -> io::Result<Self> {
        let (ours, its) = pair()?;
        let session = getpid();
        // SAFETY: this process has one thread, so that nobody else holds a lock that would stay held in the child.
        let group = match unsafe { libc::fork() } {
            -1 => return Err(io::Error::last_os_error()),
            0 => {
                drop(ours);
                let serve = || serve(its, session, bounds, work);
                let served = catch_unwind(AssertUnwindSafe(serve));
                end(i32::from(!matches!(served, Ok(Ok(())))))
            }
            pid => Pid::from_raw(pid).ok_or(io::ErrorKind::InvalidData)?,
        };
        // It does so itself, but who waits for the group may be sooner; where it is gone already, nobody does.
        let _ = setpgid(Some(group), Some(group));
        let post = Arc::new(ours);
        Ok(Self { processes: Processes::of(Arc::clone(&post)), post, group, bounds })
    }

    /// Says from here on how its processes were ended.
    ///
    /// # Errors
    /// There can be no thread.
    pub(crate) fn watch(&self) -> io::Result<()> {
        watch(Arc::clone(&self.post), self.group)
    }

    /// Which processes they are.
    pub(crate) fn processes(&self) -> Processes {
        self.processes.clone()
    }

    /// What reading the policy at `path` comes to, whose files these are, in place of one that has what `before` says.
    ///
    /// # Errors
    /// Reading it ends who reads it, or nobody is there to do so: in words.
    pub(crate) fn read(
        &self,
        path: &Path,
        before: Option<InForce>,
        files: &dyn Files,
    ) -> Result<Outcome, String> {
        let request = Word::Read(path.as_os_str().to_owned(), before);
        for _ in 0..ATTEMPTS {
            let served = Served::of(files, self.bounds.memory);
            // Where whoever had it read is gone, its child is as well, and the spare takes the next request.
            let Some((handed, end)) = self.ask(&request, &served)? else { continue };
            end.explain().map_err(|why| refused(&why))?;
            // What is no message, or no policy, is as good as no word of it.
            let handed = handed.and_then(|handed| take_over(&handed, &|it| served.given(it)).ok());
            return handed.ok_or_else(|| refused("who reads it hands over what is no policy"));
        }
        Err(refused(&format!("the process that forks it was ended {ATTEMPTS} times meanwhile")))
    }

    /// Has a child read; nothing where whoever forks it has ended meanwhile.
    fn ask(&self, request: &Word, served: &Served<'_>) -> Result<Option<Reading>, String> {
        let Asked { child, answer } =
            Request::send(&self.post).map_err(|error| self.unasked(&error))?;
        let wire = Wire(child);
        let handed = wire.say(request).and_then(|()| self.handed(&wire, served)).unwrap_or(None);
        // One that goes on talking talks to nobody, until it is ended.
        drop(wire);
        let mut number = [0; 4];
        let end = loop {
            match read(&answer, &mut number) {
                Err(Errno::INTR) => {}
                end => break end,
            }
        };
        let is_said = end == Ok(number.len());
        Ok(is_said.then(|| (handed, End::of(i32::from_ne_bytes(number)))))
    }

    /// Why nobody could be asked.
    fn unasked(&self, error: &io::Error) -> String {
        if is_served(&self.post) {
            return refused(&format!("that cannot be asked ({error})"));
        }
        "the process that reads policies is gone: start ndpi-xdp again to have another one read"
            .into()
    }

    /// Gives the files that are asked for, and returns what is handed over.
    fn handed(&self, wire: &Wire<OwnedFd>, served: &Served<'_>) -> io::Result<Option<Vec<u8>>> {
        let (longest, mut handed) = (self.bounds.handed(), Vec::new());
        while let Some(message) = wire.receive()? {
            match message {
                Message::Word(Word::File(path, longest)) => {
                    served.send(PathBuf::from(path), longest, wire)?;
                }
                Message::Part(part, last) if handed.len() + part.len() <= longest => {
                    handed.extend(part);
                    if last {
                        return Ok(Some(handed));
                    }
                }
                _ => return Ok(None),
            }
        }
        Ok(None)
    }
}

impl Drop for PolicyReader {
    fn drop(&mut self) {
        // Whoever looks at its processes may have the post as well.
        let _ = shutdown(&*self.post, Shutdown::Both);
        // Until there is none: somebody else may wait for them, too.
        while matches!(waitpgid(self.group, WaitOptions::empty()), Ok(_) | Err(Errno::INTR)) {}
    }
}

fn refused(why: &str) -> String {
    format!(
        "policies are read in a process without rights, and {why}: ndpi-xdp policy check reads it as well, and may say \
         where"
    )
}
