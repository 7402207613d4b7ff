//! Runs the program and reads what it says.

use std::fs;
use std::io::Write;
use std::path::PathBuf;
use std::process::{Command, Output, Stdio};

use serde_json::Value;

/// What a run of the program said.
pub(crate) struct Run {
    pub(crate) code: Option<i32>,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

/// Runs `ndpi-xdp pcap` with `arguments`.
pub(crate) fn pcap(arguments: &[&str]) -> Run {
    run("pcap", arguments, &[])
}

/// Runs a command of the program, with `input` on standard input.
pub(crate) fn run(command: &str, arguments: &[&str], input: &[u8]) -> Run {
    let mut child = Command::new(env!("CARGO_BIN_EXE_ndpi-xdp"))
        .arg(command)
        .args(arguments)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("the program runs");
    // A program that does not read its input closes it.
    let _ = child.stdin.take().expect("a pipe").write_all(input);
    let Output { status, stdout, stderr } = child.wait_with_output().expect("the program ends");
    let text = |bytes| String::from_utf8(bytes).expect("UTF-8");
    Run { code: status.code(), stdout: text(stdout), stderr: text(stderr) }
}

impl Run {
    /// The JSON records of one type.
    pub(crate) fn records(&self, kind: &str) -> Vec<Value> {
        let parse = |line| serde_json::from_str::<Value>(line).expect("JSON");
        self.stdout.lines().map(parse).filter(|record| record["type"] == kind).collect()
    }

    /// The flow records, of a run that went well.
    pub(crate) fn flows(&self) -> Vec<Value> {
        assert_eq!(self.code, Some(0), "{}", self.stderr);
        self.records("flow")
    }
}

/// Writes a file for the test `test` and returns its path.
pub(crate) fn file(test: &str, name: &str, content: &[u8]) -> String {
    let folder = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(test);
    fs::create_dir_all(&folder).expect("a folder for the test");
    let path = folder.join(name);
    fs::write(&path, content).expect("a file for the test");
    path.into_os_string().into_string().expect("UTF-8")
}

/// Whether nDPI is there; says why the test is skipped if not. In CI it must be.
pub(crate) fn ndpi_is_there() -> bool {
    match ndpi::Library::load(None) {
        Ok(_) => true,
        Err(error) if std::env::var_os("CI").is_some_and(|value| !value.is_empty()) => {
            panic!("nDPI must be there: {error}")
        }
        Err(error) => {
            eprintln!("skipped: {error}; `cargo xtask setup` provides nDPI");
            false
        }
    }
}
