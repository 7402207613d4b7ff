//! Programs that take turns.

use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Instant;

use anyhow::{Context, Result, bail};

use crate::process;
use crate::workspace::{Profile, Workspace};

pub(super) const BARE: &str = "nDPI alone";
pub(super) const ONE_THREAD: &str = "ndpi-xdp pcap";
pub(super) const TWO_THREADS: &str = "ndpi-xdp pcap --threads 2";
pub(super) const PACKETS: &str = "ndpi-xdp pcap --normalise off";
pub(super) const JSON: &str = "ndpi-xdp pcap --json";

/// A command to be timed.
pub(super) struct Contender {
    pub(super) name: &'static str,
    command: Command,
    clock: Clock,
}

/// Who says how long it took.
enum Clock {
    /// The wall, from start to end of the process.
    Wall,
    /// The program: `"seconds":` in its output.
    Program,
}

/// What is ours: nDPI alone, and the program in four ways.
pub(super) fn ours(workspace: &Workspace, costs: &Path, capture: &Path) -> Vec<Contender> {
    let library = workspace.ndpi_library();
    let with_ndpi = |program: &Path| {
        let mut command = process::command(program);
        if library.is_file() {
            command.env("NDPI_LIBRARY", &library);
        }
        command
    };
    let mut bare = with_ndpi(costs);
    bare.arg("bare-ndpi").arg(capture);
    let pcap = |name, arguments: &[&str]| {
        let mut command = with_ndpi(&workspace.binary(Profile::Dist));
        command.args(["pcap", "--whole-capture"]).args(arguments).arg(capture);
        Contender::new(name, command)
    };
    vec![
        Contender { name: BARE, command: bare, clock: Clock::Program },
        pcap(ONE_THREAD, &["--threads", "1"]),
        pcap(PACKETS, &["--threads", "1", "--normalise", "off"]),
        pcap(TWO_THREADS, &["--threads", "2"]),
        pcap(JSON, &["--threads", "1", "--json"]),
    ]
}

impl Contender {
    /// A command timed by the wall.
    pub(super) fn new(name: &'static str, command: Command) -> Self {
        Self { name, command, clock: Clock::Wall }
    }

    /// Runs it once; returns seconds.
    pub(super) fn run(&mut self) -> Result<f64> {
        let keep = matches!(self.clock, Clock::Program);
        self.command.stdin(Stdio::null()).stderr(Stdio::piped());
        self.command.stdout(if keep { Stdio::piped() } else { Stdio::null() });
        let start = Instant::now();
        let output = self.command.output();
        let wall = start.elapsed().as_secs_f64();
        let output = output.with_context(|| format!("cannot start {}", self.name))?;
        if !output.status.success() {
            let said = String::from_utf8_lossy(&output.stderr);
            bail!("{} failed: {}: {}", self.name, output.status, said.trim());
        }
        if !keep {
            return Ok(wall);
        }
        let text = String::from_utf8_lossy(&output.stdout);
        number(&text, "seconds").with_context(|| format!("{} printed {text:?}", self.name))
    }
}

/// The number of a field in a line of JSON without nesting.
pub(super) fn number(line: &str, field: &str) -> Option<f64> {
    let (_, rest) = line.split_once(&format!("\"{field}\":"))?;
    rest.split([',', '}']).next()?.trim().parse().ok()
}

#[cfg(test)]
mod tests {
    use super::number;

    #[test]
    fn numbers_are_found_by_field() {
        let line = r#"{"packets":12,"seconds":0.5}"#;
        assert_eq!(number(line, "packets"), Some(12.0));
        assert_eq!(number(line, "seconds"), Some(0.5));
        assert_eq!(number(line, "flows"), None);
    }
}
