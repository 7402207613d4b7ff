//! `ndpi-xdp` on the lab's router.

use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{ChildStdout, Stdio};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::{self, JoinHandle};

use anyhow::{Context, Result, bail};
use rustix::process::Signal;
use serde_json::Value;

use super::daemon::Daemon;
use super::kernel;
use super::topology::{LAN, Topology};

/// The program under way, and the records it has written so far.
pub(super) struct Router {
    daemon: Daemon,
    records: Arc<Mutex<Vec<Value>>>,
    reader: JoinHandle<Result<()>>,
}

impl Router {
    /// Starts `binary` with `policy` on the client's side of the router; returns when it has
    /// attached.
    pub(super) fn start(
        lab: &Topology,
        binary: &Path,
        policy: &Path,
        folder: &Path,
    ) -> Result<Self> {
        let (binary, policy) = (binary.display().to_string(), policy.display().to_string());
        let program = [&binary, "run", "--iface", LAN, "--policy", &policy, "--json"];
        let mut daemon = Daemon::start("ndpi-xdp", &lab.router, &program, folder, Stdio::piped())?;
        let stdout = daemon.take_stdout().context("ndpi-xdp has no standard output")?;
        let records = Arc::new(Mutex::new(Vec::new()));
        let written = Arc::clone(&records);
        let reader = thread::spawn(move || read(stdout, &written));
        let seen = Arc::clone(&records);
        daemon.wait_until(|| Ok(lock(&seen).iter().any(is_running)))?;
        Ok(Self { daemon, records, reader })
    }

    /// Ends it as Ctrl-C would, and returns all its records.
    pub(super) fn end(mut self) -> Result<Vec<Value>> {
        let status = self.daemon.end(Signal::INT)?;
        if !status.success() {
            bail!("ndpi-xdp ended with {status}{}", self.daemon.last_words());
        }
        if Path::new(kernel::PINS).exists() {
            bail!("ndpi-xdp ended and left {} behind", kernel::PINS);
        }
        match self.reader.join() {
            Ok(read) => read?,
            Err(_) => bail!("the reader of ndpi-xdp's records panicked"),
        }
        Ok(std::mem::take(&mut lock(&self.records)))
    }
}

fn is_running(record: &Value) -> bool {
    record["type"] == "status" && record["state"] == "running"
}

fn read(stdout: ChildStdout, records: &Mutex<Vec<Value>>) -> Result<()> {
    for line in BufReader::new(stdout).lines() {
        let line = line?;
        let record =
            serde_json::from_str(&line).with_context(|| format!("not a record: {line}"))?;
        lock(records).push(record);
    }
    Ok(())
}

/// The records, also when a thread panicked meanwhile: a line is added whole or not at all.
fn lock(records: &Mutex<Vec<Value>>) -> std::sync::MutexGuard<'_, Vec<Value>> {
    records.lock().unwrap_or_else(PoisonError::into_inner)
}
