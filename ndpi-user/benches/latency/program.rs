//! `ndpi-xdp run`, and what it says of the flows of our clients.

use std::collections::HashMap;
use std::error::Error;
use std::fs::{self, File};
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Stdio};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;
use testkit::{cpu, namespace};

use crate::clients::{ALLOWED, BLOCKED};
use crate::place::{FAR, NEAR_LINK, Place};

/// Much longer than anything here takes.
const PATIENCE: Duration = Duration::from_mins(1);

/// Where the program and its library are, a folder for files, and whether records of our clients are kept.
#[derive(Clone, Copy)]
pub(crate) struct Parts<'a> {
    pub(crate) program: &'a Path,
    pub(crate) library: &'a Path,
    pub(crate) folder: &'a Path,
    pub(crate) keeps: bool,
}

/// A running instance; dropping it ends it.
pub(crate) struct Program {
    child: Child,
    log: PathBuf,
    reading: Option<JoinHandle<Said>>,
}

/// What it said until its end.
#[derive(Debug, Default)]
pub(crate) struct Said {
    /// By client's port: microseconds from the packet to the verdict that stands.
    pub(crate) latencies: HashMap<u16, u64>,
    /// Records of them, of verdicts and flows, by client's port, where they are kept.
    pub(crate) records: HashMap<u16, Vec<String>>,
    /// The last record.
    pub(crate) stopped: Value,
}

impl Program {
    /// Starts it on the near end with these options, and waits until it has attached.
    pub(crate) fn start(
        parts: Parts<'_>,
        place: &Place,
        options: &[String],
    ) -> Result<Self, Box<dyn Error>> {
        let (policy, log) = (parts.folder.join("policy.toml"), parts.folder.join("log"));
        let rule = |host, action| {
            format!("[[rule]]\nhost = \"{host}\"\nstate = \"partial\"\naction = \"{action}\"\n")
        };
        fs::write(&policy, rule(ALLOWED, "count") + &rule(BLOCKED, "drop"))?;
        let pins = Path::new("/sys/fs/bpf").join(namespace::named("bench", NEAR_LINK));
        let mut child = place
            .near
            .command(parts.program)
            .args(["run", "--json", "--iface", NEAR_LINK, "--policy"])
            .arg(&policy)
            .arg("--pin-dir")
            .arg(pins)
            .args(options)
            .env("NDPI_LIBRARY", parts.library)
            .stdout(Stdio::piped())
            .stderr(File::create(&log)?)
            .spawn()?;
        let stdout = child.stdout.take().ok_or("no standard output")?;
        let records = BufReader::with_capacity(1 << 20, stdout);
        let reading = thread::spawn(move || read(records, parts.keeps));
        let mut program = Self { child, log, reading: Some(reading) };
        program.wait_until_attached()?;
        Ok(program)
    }

    /// Ends it, and returns what it said.
    pub(crate) fn end(mut self) -> Result<Said, Box<dyn Error>> {
        self.signal(Signal::INT)?;
        let status = self.child.wait()?;
        if !status.success() {
            return Err(fs::read_to_string(&self.log)?.into());
        }
        let said = self.reading.take().map(JoinHandle::join);
        said.and_then(Result::ok).ok_or_else(|| "its records could not be read".into())
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

    fn signal(&self, signal: Signal) -> Result<(), Box<dyn Error>> {
        Ok(kill_process(Pid::from_child(&self.child), signal)?)
    }
}

impl Drop for Program {
    /// One that was waited for is nobody's any more: its number may be another's.
    fn drop(&mut self) {
        if let Ok(None) = self.child.try_wait() {
            let _ = self.signal(Signal::INT);
            let _ = self.child.wait();
        }
    }
}

/// Reads records: there may be very many, of which few matter.
fn read(lines: impl BufRead, keeps: bool) -> Said {
    let (mut said, source) = (Said::default(), format!("\"src\":\"{FAR}\""));
    for line in lines.lines().map_while(Result::ok) {
        let of_client = line.contains(&source);
        let is_verdict = of_client && line.starts_with(r#"{"type":"verdict""#);
        let is_of_use = is_verdict || of_client && keeps;
        if !is_of_use && !line.contains(r#""state":"stopped""#) {
            continue;
        }
        let Ok(record) = serde_json::from_str::<Value>(&line) else { continue };
        if !of_client {
            said.stopped = record;
            continue;
        }
        let Some(port) = record["sport"].as_u64().and_then(|port| port.try_into().ok()) else {
            continue;
        };
        if is_verdict && let Some(took) = record["latency_us"].as_u64() {
            // The first verdict of a flow counts.
            said.latencies.entry(port).or_insert(took);
        }
        if keeps {
            said.records.entry(port).or_default().push(line);
        }
    }
    said
}
