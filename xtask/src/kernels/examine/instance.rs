//! `ndpi-xdp run` on interfaces of a namespace.

use std::io::{BufRead as _, BufReader};
use std::path::Path;
use std::process::{Child, Stdio};
use std::sync::mpsc::{self, Receiver};
use std::thread;
use std::time::Duration;

use anyhow::{Context as _, Result, bail};
use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;
use testkit::namespace::{self, Namespace};

use super::Tools;

/// Much longer than anything takes, on an emulated processor too.
const PATIENCE: Duration = Duration::from_mins(3);

/// A running program that writes records; dropping it ends it.
pub(super) struct Instance {
    child: Child,
    records: Receiver<Value>,
    /// All records that were read.
    seen: Vec<Value>,
}

impl Instance {
    /// Starts it, and waits until it has attached.
    pub(super) fn start(
        tools: &Tools,
        namespace: &Namespace,
        interfaces: &[String],
    ) -> Result<Self> {
        let mut command = namespace.command(tools.file("ndpi-xdp"));
        command.env("NDPI_LIBRARY", tools.library()?);
        command.args(["run", "--json", "--workers", "1", "--max-flows", "4096", "--policy"]);
        command.arg(tools.policy()).arg("--pin-dir");
        command.arg(Path::new("/sys/fs/bpf").join(namespace::named("kernels", "maps")));
        for interface in interfaces {
            command.args(["--iface", interface]);
        }
        let mut child = command.stdin(Stdio::null()).stdout(Stdio::piped()).spawn()?;
        let stdout = BufReader::new(child.stdout.take().context("no standard output")?);
        let (sender, records) = mpsc::channel();
        thread::spawn(move || {
            let records = stdout.lines().map_while(Result::ok);
            let records = records.filter_map(|line| serde_json::from_str(&line).ok());
            records.for_each(|record: Value| _ = sender.send(record));
        });
        let mut instance = Self { child, records, seen: Vec::new() };
        instance.wait_for("status", |record| record["state"] == "running")?;
        Ok(instance)
    }

    /// The first record of a type that fits, among those that came already and those to come.
    pub(super) fn wait_for(&mut self, kind: &str, fits: impl Fn(&Value) -> bool) -> Result<Value> {
        let fits = |record: &Value| record["type"] == kind && fits(record);
        if let Some(record) = self.seen.iter().find(|record| fits(record)) {
            return Ok(record.clone());
        }
        loop {
            let Ok(record) = self.records.recv_timeout(PATIENCE) else {
                bail!(
                    "the {kind} record that is waited for does not come; so far: {:?}",
                    self.seen
                );
            };
            self.seen.push(record.clone());
            if fits(&record) {
                return Ok(record);
            }
        }
    }

    /// Asks it to end, and returns all records that it has written.
    pub(super) fn end(mut self) -> Result<Vec<Value>> {
        kill_process(Pid::from_child(&self.child), Signal::INT)?;
        self.wait_for("status", |record| record["state"] == "stopped")?;
        let status = self.child.wait()?;
        if !status.success() {
            bail!("ndpi-xdp ended with {status}");
        }
        self.seen.extend(self.records.iter());
        Ok(std::mem::take(&mut self.seen))
    }
}

impl Drop for Instance {
    fn drop(&mut self) {
        // Over already, or to be over at once.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
