//! The session's side: has a policy read, gives the files that it names, and takes over what it comes to.

use std::io::{self, IoSlice};
use std::mem::MaybeUninit;
use std::os::fd::{AsFd as _, OwnedFd};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::sync::Mutex;

use ndpi_policy::{Files, InForce, Outcome, take_over};
use rustix::io::{Errno, read};
use rustix::net::{
    AddressFamily, SendAncillaryBuffer, SendAncillaryMessage, SendFlags, SocketFlags, SocketType,
    sendmsg, socketpair,
};
use rustix::process::{Pid, WaitOptions, getpid, waitpid};
use signal_hook::low_level::signal_name;

use super::bounds::Bounds;
use super::child::Work;
use super::forker::{End, serve};
use super::served::Served;
use super::wire::{Message, Wire, Word};
use crate::apart::end;
use crate::locked::locked;

/// Has policies read, by a process that ends with this.
#[derive(Debug)]
pub(crate) struct PolicyReader {
    /// Where the forker receives sockets and says how its children ended; nothing once that is gone.
    post: Mutex<Option<OwnedFd>>,
    pub(crate) process: Pid,
    bounds: Bounds,
}

impl PolicyReader {
    /// Forks the process whose children do `work`. To be called before there are threads.
    ///
    /// # Errors
    /// There can be no process.
    pub(crate) fn fork(bounds: Bounds, work: Work<'_>) -> io::Result<Self> {
        let (ours, its) = pair()?;
        let session = getpid();
        // SAFETY: this process has one thread, so that nobody else holds a lock that would stay held in the child.
        let process = match unsafe { libc::fork() } {
            -1 => return Err(io::Error::last_os_error()),
            0 => {
                drop(ours);
                let serve = || serve(&its, session, bounds, work);
                let served = catch_unwind(AssertUnwindSafe(serve));
                end(i32::from(!matches!(served, Ok(Ok(())))))
            }
            pid => Pid::from_raw(pid).ok_or(io::ErrorKind::InvalidData)?,
        };
        Ok(Self { post: Mutex::new(Some(ours)), process, bounds })
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
        let mut post = locked(&self.post);
        let served = Served::of(files, self.bounds.memory);
        let request = Word::Read(path.as_os_str().to_owned(), before);
        let asked = post.as_ref().ok_or_else(gone)?;
        let (handed, end) = self.ask(asked, &request, &served).inspect_err(|_| *post = None)?;
        explain(end)?;
        // What is no message, or no policy, is as good as no word of it.
        let handed = handed.and_then(|handed| take_over(&handed, &|it| served.given(it)).ok());
        handed.ok_or_else(|| refused("who reads it hands over what is no policy"))
    }

    /// What a child hands over, if it does, and how it ended.
    fn ask(
        &self,
        post: &OwnedFd,
        request: &Word,
        served: &Served<'_>,
    ) -> Result<(Option<Vec<u8>>, End), String> {
        let wire = start(post).map_err(|_| gone())?;
        let handed = wire.say(request).and_then(|()| self.handed(&wire, served)).unwrap_or(None);
        // One that goes on talking talks to nobody, until it is ended.
        drop(wire);
        let mut number = [0; 4];
        let end = loop {
            match read(post, &mut number) {
                Err(Errno::INTR) => {}
                end => break end,
            }
        };
        if end == Ok(number.len()) {
            Ok((handed, End::of(i32::from_ne_bytes(number))))
        } else {
            Err(gone())
        }
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
        drop(locked(&self.post).take());
        // Somebody else may have waited for it.
        let _ = waitpid(Some(self.process), WaitOptions::empty());
    }
}

fn pair() -> io::Result<(OwnedFd, OwnedFd)> {
    let (domain, kind) = (AddressFamily::UNIX, SocketType::SEQPACKET);
    Ok(socketpair(domain, kind, SocketFlags::CLOEXEC, None)?)
}

/// Has a child forked that reads what it is told by this.
fn start(post: &OwnedFd) -> io::Result<Wire<OwnedFd>> {
    let (ours, its) = pair()?;
    let sockets = [its.as_fd()];
    let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(1))];
    let mut others = SendAncillaryBuffer::new(&mut space);
    others.push(SendAncillaryMessage::ScmRights(&sockets));
    sendmsg(post, &[IoSlice::new(&[0])], &mut others, SendFlags::NOSIGNAL)?;
    Ok(Wire(ours))
}

fn explain(end: End) -> Result<(), String> {
    let why = match end {
        End::Done => return Ok(()),
        End::Signal(libc::SIGXCPU) => "it takes more processor time than any policy may".into(),
        End::Signal(libc::SIGABRT) => "it takes more memory than any policy may".into(),
        End::Signal(signal) => match signal_name(signal) {
            Some(name) => format!("it ends who reads it by {name}"),
            None => format!("it ends who reads it by signal {signal}"),
        },
        End::Failed => "it ends who reads it by a fault of ndpi-xdp".into(),
        End::TooLong => "it takes longer to read than any policy may".into(),
    };
    Err(refused(&why))
}

fn refused(why: &str) -> String {
    format!(
        "policies are read in a process without rights, and {why}: ndpi-xdp policy check reads it as well, and may say \
         where"
    )
}

fn gone() -> String {
    "the process that reads policies is gone: start ndpi-xdp again to have another one read".into()
}
