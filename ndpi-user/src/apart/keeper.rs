//! The processes that keep the engines as they were loaded, as the session has them.

use std::fs::File;
use std::io;
use std::os::fd::OwnedFd;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::Ordering;

use crossbeam::channel::Receiver;
use ndpi::Engine;
use rustix::pipe::{PipeFlags, pipe_with};
use rustix::process::{Pid, WaitOptions, getpid, waitpgid};

use super::client::Client;
use super::crash_folder::CrashFolder;
use super::evidence::Evidence;
use super::gauge::{Counts, Gauge};
use super::keeping::keep;
use super::leaving::end;
use super::memory::Memory;
use super::post::Post;
use super::remote::RemoteEngine;
use super::watch::Watch;

/// The keeper and its spare, which end with this.
#[derive(Debug)]
pub(crate) struct Keeper {
    /// Both, by their group of processes.
    group: Pid,
    memory: Arc<Memory>,
    /// Each byte asks for the worker's end; closing it for that of all.
    orders: Option<File>,
    /// Is closed at the other end when neither is left.
    lives: OwnedFd,
    counts: Arc<Counts>,
    /// Where what has ended nDPI is to be written to.
    crashes: Option<(CrashFolder, Receiver<Vec<u8>>)>,
}

impl Keeper {
    /// Forks it with these engines, and returns what stands for each of them here, which keeps what may end nDPI for
    /// this folder. None of its processes has more than `memory_max` bytes of data. To be called before there are threads, and before anything is open that the worker is not to
    /// have.
    ///
    /// # Errors
    /// There can be no process, or no memory.
    pub(crate) fn fork(
        engines: Vec<Engine>,
        crashes: Option<CrashFolder>,
        memory_max: Option<u64>,
    ) -> io::Result<(Self, Vec<RemoteEngine>)> {
        let threads = engines.len();
        let memory = Arc::new(Memory::new(threads)?);
        let (orders, ours) = pipe_with(PipeFlags::CLOEXEC)?;
        let (lives, alive) = pipe_with(PipeFlags::CLOEXEC)?;
        let session = getpid();
        // SAFETY: this process has one thread, so that nobody else holds a lock that would stay held in the child.
        let group = match unsafe { libc::fork() } {
            -1 => return Err(io::Error::last_os_error()),
            0 => {
                drop((ours, lives));
                let post = Post { orders: orders.into(), alive, session, memory_max };
                let keep = || keep(&memory, engines, post);
                // Nothing that was half done when it panicked is looked at again.
                drop(catch_unwind(AssertUnwindSafe(keep)));
                end(1)
            }
            pid => Pid::from_raw(pid).ok_or(io::ErrorKind::InvalidData)?,
        };
        let pid = group.as_raw_nonzero().get().unsigned_abs();
        memory.head().processes[0].store(pid, Ordering::Release);
        let counts = Arc::<Counts>::default();
        let (fatal, written) = CrashFolder::queue();
        let evidence = crashes.is_some().then(|| Arc::new(Evidence::new(fatal)));
        let remote = |at| {
            let client = Client::new(Arc::clone(&memory), at);
            RemoteEngine::new(client, Arc::clone(&counts)).keeping(evidence.clone())
        };
        let engines = (0..threads).map(remote).collect();
        let crashes = crashes.map(|folder| (folder, written));
        Ok((Self { group, memory, orders: Some(ours.into()), lives, counts, crashes }, engines))
    }

    /// How the workers have fared.
    pub(crate) fn gauge(&self) -> Gauge {
        Gauge::new(&self.memory, &self.counts)
    }

    /// Reports deaths from here on, writes what nDPI dies of where that is wanted, has a worker ended that does not
    /// answer, and calls `gone` should neither the keeper nor its spare be left.
    ///
    /// # Errors
    /// There can be no thread, or no descriptors.
    pub(crate) fn watch(&self, gone: impl FnOnce() + Send + 'static) -> io::Result<Watch> {
        let orders = self.orders.as_ref().map(File::try_clone).transpose()?;
        let keepers = (self.group, self.lives.try_clone()?, orders);
        let start =
            |(folder, fatal): &(CrashFolder, Receiver<_>)| folder.clone().start(fatal.clone());
        let crashes = self.crashes.as_ref().map(start).transpose()?;
        Watch::start(Arc::clone(&self.memory), (keepers, crashes), gone)
    }
}

impl Drop for Keeper {
    fn drop(&mut self) {
        drop(self.orders.take());
        // Until there is none.
        while waitpgid(self.group, WaitOptions::empty()).is_ok() {}
    }
}
