//! A process of the lab that runs until the lab ends it.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use rustix::process::{Pid, Signal, kill_process};
use testkit::namespace::Namespace;

use super::interrupt;

/// How long a server may take to be ready.
const START: Duration = Duration::from_secs(20);
/// How long it may take to end after being asked to.
const END: Duration = Duration::from_secs(10);
/// Lines of its log that an error shows.
const SHOWN: usize = 12;

/// A running process with its log; dropping it ends it.
pub(super) struct Daemon {
    name: &'static str,
    child: Child,
    log: PathBuf,
}

impl Daemon {
    /// Starts `program` with `arguments` in `namespace`; its error output goes to `NAME.log` in
    /// `folder`. It is asked to end should the lab die without being able to.
    pub(super) fn start(
        name: &'static str,
        namespace: &Namespace,
        program: &[&str],
        folder: &Path,
        stdout: Stdio,
    ) -> Result<Self> {
        use std::os::unix::process::CommandExt as _;
        let log = folder.join(format!("{name}.log"));
        let file = File::create(&log).with_context(|| format!("cannot write {}", log.display()))?;
        let mut command = namespace.command("setpriv");
        command.args(["--pdeathsig", "TERM", "--"]).args(program);
        // Ctrl-C is for the lab, which ends its processes in order.
        command.process_group(0).stdin(Stdio::null()).stdout(stdout).stderr(file);
        let child = spawn(&mut command)?;
        Ok(Self { name, child, log })
    }

    /// Its standard output, once, if it was started with a pipe.
    pub(super) fn take_stdout(&mut self) -> Option<std::process::ChildStdout> {
        self.child.stdout.take()
    }

    /// Waits until `ready` says so; fails when the process ends before, or takes too long.
    pub(super) fn wait_until(&mut self, mut ready: impl FnMut() -> Result<bool>) -> Result<()> {
        let name = self.name;
        let child = &mut self.child;
        let ready = interrupt::until(START, || match child.try_wait()? {
            Some(status) => bail!("{name} ended at once: {status}"),
            None => ready(),
        });
        match ready {
            Ok(true) => Ok(()),
            Ok(false) => bail!("{name} is not ready after {START:?}{}", self.last_words()),
            Err(error) => bail!("{error:#}{}", self.last_words()),
        }
    }

    /// Asks it to end with `signal` and waits; kills it if it does not.
    pub(super) fn end(&mut self, signal: Signal) -> Result<ExitStatus> {
        if let Some(status) = self.child.try_wait()? {
            return Ok(status);
        }
        self.signal(signal)?;
        let deadline = Instant::now() + END;
        while Instant::now() < deadline {
            if let Some(status) = self.child.try_wait()? {
                return Ok(status);
            }
            thread::sleep(Duration::from_millis(5));
        }
        self.child.kill()?;
        self.child.wait()?;
        bail!(
            "{} did not end within {END:?} of {signal:?} and was killed{}",
            self.name,
            self.last_words()
        )
    }

    /// All of its log so far.
    pub(super) fn said(&self) -> String {
        String::from_utf8_lossy(&fs::read(&self.log).unwrap_or_default()).into_owned()
    }

    /// The end of its log, for an error message.
    pub(super) fn last_words(&self) -> String {
        let text = self.said();
        let lines: Vec<_> = text.lines().collect();
        let shown = &lines[lines.len().saturating_sub(SHOWN)..];
        if shown.is_empty() {
            return "; it said nothing".to_owned();
        }
        format!("; it said:\n  {}", shown.join("\n  "))
    }

    /// Sends it a signal. It has not been waited for, so that its number is still its own.
    pub(super) fn signal(&self, signal: Signal) -> Result<()> {
        let pid = i32::try_from(self.child.id()).ok().and_then(Pid::from_raw);
        kill_process(pid.context("a process without a number")?, signal)
            .with_context(|| format!("cannot signal {}", self.name))
    }
}

impl Drop for Daemon {
    fn drop(&mut self) {
        if let Err(error) = self.end(Signal::TERM) {
            eprintln!("lab: {error:#}");
        }
    }
}

fn spawn(command: &mut Command) -> Result<Child> {
    command.spawn().with_context(|| format!("cannot start {command:?}"))
}
