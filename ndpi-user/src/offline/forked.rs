//! Capture sets in processes of their own.
//!
//! nDPI cannot be made to forget what it has learned of one capture before the next, and an engine takes
//! longer to make than a small capture to read. So one engine is made, and a process is forked for each
//! set: it begins with that engine as it was made, which only costs the pages that it writes to. The
//! labels are those of a fresh engine, since it is one. A packet that crashes nDPI takes one capture with
//! it and not the others, and what it makes nDPI do can read that one capture (`captures/sandbox.rs`).

use std::collections::VecDeque;
use std::io::{Read as _, Write};
use std::os::fd::AsFd as _;
use std::path::PathBuf;

use anyhow::{Context as _, Result, bail};
use rustix::event::{PollFd, PollFlags, poll};
use rustix::process::{Signal, WaitStatus};

use super::child::Child;
use super::job::Job;
use super::message::{Message, Receiver};
use super::sink;
use crate::captures::{Bar, CaptureResults, Sandbox, bytes_of};
use crate::report::CaptureReport;

/// Bytes of output that wait for their turn at most, of all processes together; what is more waits in
/// the pipes, and the processes behind them with it.
const MOST_WAITING: usize = 64 << 20;
const STEP: usize = 64 << 10;

/// Classifies all sets, as many at a time as the job has threads; what came of each, in their order. The
/// processes give up what `sandbox` says.
pub(super) fn run(
    job: &Job,
    sandbox: Sandbox,
    out: &mut impl Write,
    bar: &Bar,
) -> Result<Vec<CaptureResults>> {
    let mut pool = Pool {
        job,
        sandbox,
        next: 0,
        workers: VecDeque::new(),
        outcomes: Vec::new(),
        asked: false,
    };
    let mut finished = 0;
    loop {
        pool.fill()?;
        finished += pool.hand_on(out)?;
        if pool.workers.is_empty() && !pool.has_more() {
            return Ok(pool.outcomes);
        }
        if !pool.workers.is_empty() {
            pool.listen()?;
        }
        let under_way: u64 = pool.workers.iter().map(|worker| worker.read).sum();
        bar.set(finished + under_way, pool.outcomes.len());
    }
}

struct Pool<'a> {
    job: &'a Job,
    sandbox: Sandbox,
    /// The next set that gets a process.
    next: usize,
    /// In the order of their sets; those behind the first may be over.
    workers: VecDeque<Worker>,
    outcomes: Vec<CaptureResults>,
    /// Whether the processes were asked to stop.
    asked: bool,
}

struct Worker {
    child: Child,
    set: usize,
    receiver: Receiver,
    /// Output that waits for its turn, in whole lines.
    waiting: Vec<u8>,
    /// A line that has only begun: its process may not come to the end of it.
    begun: Vec<u8>,
    /// Bytes of its captures that were read.
    read: u64,
    outcome: Option<CaptureResults>,
    over: bool,
}

impl Pool<'_> {
    fn has_more(&self) -> bool {
        self.next < self.job.sets.len() && self.job.stop.signal().is_none()
    }

    /// Starts processes until there are as many as there should be.
    fn fill(&mut self) -> Result<()> {
        while self.has_more()
            && self.workers.iter().filter(|it| !it.over).count() < self.job.threads
        {
            let set = &self.job.sets[self.next];
            let child =
                Child::fork(self.job, self.sandbox, set).context("cannot start a process")?;
            self.workers.push_back(Worker::new(child, self.next));
            self.next += 1;
        }
        Ok(())
    }

    /// Writes what the first process has said, and that of those after it as far as each before is
    /// over. Returns how many bytes of captures are done with.
    fn hand_on(&mut self, out: &mut impl Write) -> Result<u64> {
        let mut finished = 0;
        while let Some(first) = self.workers.front_mut() {
            out.write_all(&first.waiting)?;
            first.waiting.clear();
            if !first.over {
                break;
            }
            let set = &self.job.sets[first.set];
            finished += set.iter().filter_map(bytes_of).sum::<u64>();
            self.outcomes.extend(first.outcome.take());
            self.workers.pop_front();
        }
        Ok(finished)
    }

    /// Waits until a process says something, or a signal comes, and takes it.
    fn listen(&mut self) -> Result<()> {
        let waiting: usize = self.workers.iter().map(|worker| worker.waiting.len()).sum();
        let heard: Vec<usize> = (0..self.workers.len())
            .filter(|&at| !self.workers[at].over && (at == 0 || waiting < MOST_WAITING))
            .collect();
        let ready = self.ready(&heard)?;
        if self.job.stop.signal().is_some() && !self.asked {
            self.asked = true;
            self.workers.iter().for_each(|worker| worker.child.signal(Signal::INT));
        }
        for at in ready {
            self.workers[at].hear(self.job)?;
        }
        Ok(())
    }

    /// Which of the processes have something to say.
    fn ready(&self, heard: &[usize]) -> Result<Vec<usize>> {
        let pipe = |&at: &usize| {
            PollFd::from_borrowed_fd(self.workers[at].child.pipe.as_fd(), PollFlags::IN)
        };
        let mut fds: Vec<_> = heard.iter().map(pipe).collect();
        if !self.asked {
            fds.push(PollFd::from_borrowed_fd(self.job.stop.woken(), PollFlags::IN));
        }
        match poll(&mut fds, None) {
            Err(rustix::io::Errno::INTR) => Ok(Vec::new()),
            Err(error) => Err(error).context("waiting for the processes that read captures"),
            Ok(_) => {
                let ready = heard.iter().zip(&fds).filter(|(_, fd)| !fd.revents().is_empty());
                Ok(ready.map(|(&at, _)| at).collect())
            }
        }
    }
}

impl Worker {
    fn new(child: Child, set: usize) -> Self {
        let (receiver, waiting, begun) = (Receiver::default(), Vec::new(), Vec::new());
        Self { child, set, receiver, waiting, begun, read: 0, outcome: None, over: false }
    }

    /// Takes what its process says.
    fn hear(&mut self, job: &Job) -> Result<()> {
        let mut bytes = vec![0; STEP];
        let read = match self.child.pipe.read(&mut bytes) {
            Err(error) if error.kind() == std::io::ErrorKind::Interrupted => return Ok(()),
            read => read.context("listening to a process that reads captures")?,
        };
        if read == 0 {
            return self.end(job);
        }
        self.receiver.feed(&bytes[..read]);
        while let Some(message) = self.receiver.next()? {
            match message {
                Message::Output(bytes) => self.output(&bytes),
                Message::Read(read) => self.read = read,
                Message::CaptureResults(outcome) => self.outcome = Some(*outcome),
                Message::Failed(reason) => bail!(reason),
            }
        }
        Ok(())
    }

    fn output(&mut self, bytes: &[u8]) {
        self.begun.extend_from_slice(bytes);
        if let Some(last) = self.begun.iter().rposition(|&byte| byte == b'\n') {
            self.waiting.extend(self.begun.drain(..=last));
        }
    }

    /// Its process is over. One that has not said what came of it has crashed.
    fn end(&mut self, job: &Job) -> Result<()> {
        let status = self.child.wait().context("waiting for a process that reads captures")?;
        self.over = true;
        if self.outcome.is_none() {
            let outcome = crashed(job, self.set, status);
            sink::write_captures(job, &outcome.captures, &mut self.waiting);
            self.outcome = Some(outcome);
        }
        Ok(())
    }
}

fn crashed(job: &Job, set: usize, status: Option<WaitStatus>) -> CaptureResults {
    let how = match status.map(|status| (status.terminating_signal(), status.exit_status())) {
        Some((Some(signal), _)) => format!("was ended by signal {signal}"),
        Some((_, Some(code))) => format!("ended with status {code}"),
        _ => "is gone".into(),
    };
    let report = |path: &PathBuf| {
        let report = job.folders.begin(path);
        let name = &report.name;
        let error =
            format!("{name}: the process that classified it {how}; its other flows are missing");
        CaptureReport { error: Some(error), ..report }
    };
    let captures = job.sets[set].iter().map(report).collect();
    CaptureResults { captures, ..CaptureResults::default() }
}
