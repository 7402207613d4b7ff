//! `ndpi-xdp run` on the router.

use std::error::Error;
use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::{Child, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};
use testkit::topology::{LAN, Topology};
use testkit::{cpu, namespace};

/// Much longer than anything here takes.
const PATIENCE: Duration = Duration::from_mins(1);

/// Where the program and its library are, a folder for files, and more options.
pub(crate) struct Parts<'a> {
    pub(crate) program: &'a Path,
    pub(crate) library: &'a Path,
    pub(crate) folder: &'a Path,
    pub(crate) options: Vec<String>,
}

/// A running instance; dropping it ends it.
pub(crate) struct Program {
    child: Child,
    log: PathBuf,
}

impl Program {
    /// Starts it on the clients' side, with records as JSON, and waits until it has attached.
    pub(crate) fn start(
        parts: &Parts<'_>,
        network: &Topology,
        niceness: i8,
    ) -> Result<Self, Box<dyn Error>> {
        let (policy, log) = (parts.folder.join("policy.toml"), parts.folder.join("log"));
        fs::write(&policy, "[[rule]]\nhost = \"www.blocked.example\"\naction = \"drop\"\n")?;
        let child = network
            .router
            .command("nice")
            .args(["-n", &niceness.to_string()])
            .arg(parts.program)
            .args(["run", "--json", "--iface", LAN, "--policy"])
            .arg(&policy)
            .arg("--pin-dir")
            .arg(Path::new("/sys/fs/bpf").join(namespace::named("bench", LAN)))
            .args(&parts.options)
            .env("NDPI_LIBRARY", parts.library)
            .stdin(Stdio::null())
            .stdout(File::create(parts.folder.join("records"))?)
            .stderr(File::create(&log)?)
            .spawn()?;
        let mut program = Self { child, log };
        program.wait_until_attached()?;
        Ok(program)
    }

    /// Ends it; returns how many decisions it wrote down.
    pub(crate) fn end(mut self, parts: &Parts<'_>) -> Result<usize, Box<dyn Error>> {
        kill_process(Pid::from_child(&self.child), Signal::INT)?;
        if !self.child.wait()?.success() {
            return Err(fs::read_to_string(&self.log)?.into());
        }
        let records = fs::read_to_string(parts.folder.join("records"))?;
        Ok(records.lines().filter(|line| line.starts_with(r#"{"type":"verdict""#)).count())
    }

    /// Processor time that it and the process of nDPI used so far.
    pub(crate) fn busy(&self) -> Result<Duration, Box<dyn Error>> {
        Ok(cpu::time_of_all(&self.child)?)
    }

    fn wait_until_attached(&mut self) -> Result<(), Box<dyn Error>> {
        let deadline = Instant::now() + PATIENCE;
        while !fs::read_to_string(&self.log)?.contains("attached to") {
            if self.child.try_wait()?.is_some() || Instant::now() > deadline {
                return Err(fs::read_to_string(&self.log)?.into());
            }
            thread::sleep(Duration::from_millis(5));
        }
        Ok(())
    }
}

impl Drop for Program {
    /// One that was waited for is nobody's any more: its number may be another's.
    fn drop(&mut self) {
        if let Ok(None) = self.child.try_wait() {
            let _ = kill_process(Pid::from_child(&self.child), Signal::INT);
            let _ = self.child.wait();
        }
    }
}
