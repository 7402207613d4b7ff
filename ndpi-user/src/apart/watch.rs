//! The thread that reports how workers and keepers have ended.

use std::fs::File;
use std::io::{self, Write as _};
use std::os::fd::OwnedFd;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use anyhow::{Result, bail};
use rustix::process::{Pid, WaitOptions, waitpgid};
use signal_hook::low_level::signal_name;

use super::crash_folder::CrashWriter;
use super::exchange::{wait_for, wake};
use super::memory::Memory;
use super::spare::is_held;

/// How often it is looked for what nobody wakes it for.
const EVERY: Duration = Duration::from_millis(500);

/// The keeper and its spare: their group of processes, what is closed at the other end when neither is left, and
/// where the worker's end is asked for.
pub(super) type Keepers = (Pid, OwnedFd, Option<File>);

/// Reports until it is dropped.
#[derive(Debug)]
pub(crate) struct Watch {
    over: Arc<AtomicBool>,
    memory: Arc<Memory>,
    thread: Option<JoinHandle<()>>,
    keeper_gone: Arc<AtomicBool>,
    /// Ends with the engines.
    _crashes: Option<CrashWriter>,
}

impl Watch {
    pub(super) fn start(
        memory: Arc<Memory>,
        (keepers, crashes): (Keepers, Option<CrashWriter>),
        gone: impl FnOnce() + Send + 'static,
    ) -> io::Result<Self> {
        let over = Arc::<AtomicBool>::default();
        let keeper_gone = Arc::<AtomicBool>::default();
        let watching = (Arc::clone(&memory), Arc::clone(&over), Arc::clone(&keeper_gone));
        let run = move || {
            let (memory, over, keeper_gone) = watching;
            if run(&memory, keepers, &over) == Ended::KeeperGone {
                keeper_gone.store(true, Ordering::Release);
                gone();
            }
        };
        let thread = Some(thread::Builder::new().name("ndpi-watch".into()).spawn(run)?);
        Ok(Self { over, memory, thread, keeper_gone, _crashes: crashes })
    }

    /// Looks no more.
    ///
    /// # Errors
    /// Keeper and spare were ended at once by somebody else.
    pub(crate) fn end(self) -> Result<()> {
        if self.keeper_gone.load(Ordering::Acquire) {
            bail!("the process that nDPI is started from was ended, and its spare with it");
        }
        Ok(())
    }
}

impl Drop for Watch {
    fn drop(&mut self) {
        self.over.store(true, Ordering::Release);
        wake(&self.memory.head().deaths.count);
        if let Some(thread) = self.thread.take() {
            // Where it has panicked, that was said.
            let _ = thread.join();
        }
    }
}

/// Why it looks no more.
#[derive(PartialEq, Eq)]
enum Ended {
    Asked,
    KeeperGone,
}

fn run(memory: &Memory, (group, lives, mut orders): Keepers, over: &AtomicBool) -> Ended {
    let head = memory.head();
    let (mut deaths, mut ended) = (0, 0);
    loop {
        wait_for(&head.deaths.count, |count| count != deaths, EVERY);
        if over.load(Ordering::Acquire) {
            return Ended::Asked;
        }
        let now = head.deaths.count.load(Ordering::Acquire);
        // A worker that is hostile can say here what it likes, and not more than a line at a time.
        if now != deaths {
            log::warn!("{}", in_words(head.deaths.signal(now)));
            deaths = now;
        }
        if head.pausing.load(Ordering::Acquire) == 1 && ended != deaths {
            ended = deaths;
            log::error!(
                "nDPI has ended five times within a minute: it is started again in a minute; what is decided stays \
                 in force, and `undecided` of the policy decides what is new"
            );
        }
        let unwanted = head.unwanted.swap(0, Ordering::AcqRel);
        if unwanted != 0 && unwanted == head.worker.load(Ordering::Acquire) {
            log::error!("nDPI does not answer: it is started again");
            // Where nobody is left to read it, that is found below.
            let _ = orders.as_mut().map(|orders| orders.write_all(&[1]));
        }
        // Asked first, so that the last of them is reported as well.
        let is_left = is_held(&lives);
        while let Ok(Some((_, status))) = waitpgid(group, WaitOptions::NOHANG) {
            let how = how(status.terminating_signal().unwrap_or(0));
            let then = if is_left { ", and another takes its place" } else { "" };
            log::warn!("a process that nDPI is started from {how}{then}");
        }
        if !is_left {
            return Ended::KeeperGone;
        }
    }
}

fn in_words(signal: i32) -> String {
    format!(
        "the process that nDPI works in {}, and is started again; what is decided stays in force",
        how(signal)
    )
}

/// How a process has ended: by a signal, or by itself where that is 0.
pub(crate) fn how(signal: i32) -> String {
    match (signal, signal_name(signal)) {
        (0, _) => "ended".to_owned(),
        (_, Some(name)) => format!("was ended by {name}"),
        (signal, None) => format!("was ended by signal {signal}"),
    }
}
