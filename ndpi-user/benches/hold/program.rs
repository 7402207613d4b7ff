//! `ndpi-xdp run` on the client's interface.

use std::error::Error;
use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::{Child, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};
use testkit::namespace;

use crate::Options;
use crate::place::{LINK, Place};

/// Much longer than anything here takes.
const PATIENCE: Duration = Duration::from_mins(1);

/// A running instance; dropping it ends it.
pub(crate) struct Program {
    child: Child,
    log: PathBuf,
}

impl Program {
    /// Starts it with this policy, and waits until it has attached.
    pub(crate) fn start(
        options: &Options,
        place: &Place,
        folder: &Path,
        rules: &str,
    ) -> Result<Self, Box<dyn Error>> {
        let (policy, log) = (folder.join("policy.toml"), folder.join("log"));
        fs::write(&policy, rules)?;
        let pins = Path::new("/sys/fs/bpf").join(namespace::named("bench", LINK));
        let child = place
            .client
            .command(&options.common.program)
            .args(["run", "--json", "--iface", LINK, "--policy"])
            .arg(&policy)
            .arg("--pin-dir")
            .arg(pins)
            .env("NDPI_LIBRARY", &options.common.library)
            .stdout(Stdio::null())
            .stderr(File::create(&log)?)
            .spawn()?;
        let mut program = Self { child, log };
        program.wait_until_attached()?;
        Ok(program)
    }

    /// Ends it.
    pub(crate) fn end(mut self) -> Result<(), Box<dyn Error>> {
        kill_process(Pid::from_child(&self.child), Signal::INT)?;
        if self.child.wait()?.success() { Ok(()) } else { Err(self.said()?.into()) }
    }

    fn wait_until_attached(&mut self) -> Result<(), Box<dyn Error>> {
        let deadline = Instant::now() + PATIENCE;
        while !self.said()?.contains("attached to") {
            if self.child.try_wait()?.is_some() || Instant::now() > deadline {
                return Err(self.said()?.into());
            }
            thread::sleep(Duration::from_millis(5));
        }
        Ok(())
    }

    fn said(&self) -> std::io::Result<String> {
        fs::read_to_string(&self.log)
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
