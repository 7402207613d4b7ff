//! `ndpi-xdp` on the lab's router.

use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{ChildStdout, Stdio};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use anyhow::{Context, Result, bail};
use rustix::process::Signal;
use serde_json::Value;
use testkit::topology::{LAN, Topology};

use super::daemon::Daemon;
use super::flow::FlowId;
use super::{interrupt, kernel};

/// How long a record is waited for.
const RECORD: Duration = Duration::from_secs(10);

/// The program under way, and the records it has written so far.
pub(super) struct Router {
    daemon: Daemon,
    records: Arc<Mutex<Vec<Value>>>,
    reader: JoinHandle<Result<()>>,
}

impl Router {
    /// Starts `binary` with `policy` on the client's side of the router, with more `variables` in its
    /// environment; returns when it has attached.
    pub(super) fn start(
        lab: &Topology,
        binary: &Path,
        policy: &Path,
        folder: &Path,
        variables: &[(&str, &str)],
    ) -> Result<Self> {
        let (binary, policy) = (binary.display().to_string(), policy.display().to_string());
        let pins = kernel::pins().display().to_string();
        let variables: Vec<_> = variables.iter().map(|(name, it)| format!("{name}={it}")).collect();
        let mut program: Vec<&str> = Vec::new();
        if !variables.is_empty() {
            program.push("env");
            program.extend(variables.iter().map(String::as_str));
        }
        program.extend([
            &*binary,
            "run",
            "--iface",
            LAN,
            "--policy",
            &*policy,
            "--json",
            "--pin-dir",
            &*pins,
        ]);
        let mut daemon = Daemon::start("ndpi-xdp", &lab.router, &program, folder, Stdio::piped())?;
        let stdout = daemon.take_stdout().context("ndpi-xdp has no standard output")?;
        let records = Arc::new(Mutex::new(Vec::new()));
        let written = Arc::clone(&records);
        let reader = thread::spawn(move || read(stdout, &written));
        let seen = Arc::clone(&records);
        daemon.wait_until(|| Ok(lock(&seen).iter().any(is_running)))?;
        Ok(Self { daemon, records, reader })
    }

    /// Waits for the first decision on `flow`, and returns its record.
    pub(super) fn verdict(&self, flow: &FlowId) -> Result<Value> {
        let mut found = None;
        interrupt::until(RECORD, || {
            let fits = |record: &&Value| record["type"] == "verdict" && flow.is_of(record);
            found = lock(&self.records).iter().find(fits).cloned();
            Ok(found.is_some())
        })?;
        found.with_context(|| {
            format!("no verdict on {flow:?} within {RECORD:?}{}", self.daemon.last_words())
        })
    }

    /// Sends it a signal.
    pub(super) fn signal(&self, signal: Signal) -> Result<()> {
        self.daemon.signal(signal)
    }

    /// What it has said on its standard error so far.
    pub(super) fn said(&self) -> String {
        self.daemon.said()
    }

    /// Ends it as Ctrl-C would, and returns all its records.
    pub(super) fn end(mut self) -> Result<Vec<Value>> {
        let status = self.daemon.end(Signal::INT)?;
        if !status.success() {
            bail!("ndpi-xdp ended with {status}{}", self.daemon.last_words());
        }
        let pins = kernel::pins();
        if pins.exists() {
            bail!("ndpi-xdp ended and left {} behind", pins.display());
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
