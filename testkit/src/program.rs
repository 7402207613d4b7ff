//! `ndpi-xdp`, the program under test, run to its end. While it runs: [`crate::instance`].

use std::env;
use std::ffi::OsStr;
use std::fmt::Display;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use serde_json::Value;

use crate::environment::variable;
use crate::{needs, schema};

/// What a command that ended left behind.
#[derive(Debug)]
pub struct Run {
    /// Its exit code, unless a signal ended it.
    pub code: Option<i32>,
    /// Standard output.
    pub stdout: String,
    /// Standard error.
    pub stderr: String,
}

/// The program: what `NDPI_XDP_BINARY` names, else the one that cargo built with the tests.
pub fn binary() -> PathBuf {
    variable("NDPI_XDP_BINARY").map_or_else(built, PathBuf::from)
}

/// The distribution's programs that tests need which attach the program between two namespaces and look at
/// what it does.
pub const PROGRAMS: [&str; 4] = ["bpftool", "ip", "tc", "nsenter"];

/// Whether tests that attach the program can run: as root, with these programs of the distribution,
/// nDPI, and the BPF programs (`object`) in the program. If not, says why; in CI that is a failure.
pub fn ready<T>(programs: &[&str], object: Result<T, impl Display>) -> bool {
    let is_named = variable("NDPI_XDP_BINARY").is_some();
    let object = object.map(drop).or_else(|missing| if is_named { Ok(()) } else { Err(missing) });
    let ready = needs::root()
        .and_then(|()| needs::programs(programs))
        .and_then(|()| object.map_err(|missing| missing.to_string()))
        .and_then(|()| needs::ndpi());
    needs(ready).is_some()
}

fn built() -> PathBuf {
    let binary = built_beside("ndpi-xdp");
    assert!(binary.exists(), "{} is not built: cargo build", binary.display());
    binary
}

/// An example of a package, in the same profile as the tests; they do not have cargo build it.
///
/// # Errors
///
/// It is not there.
pub fn example(package: &str, name: &str) -> Result<PathBuf, String> {
    let example = built_beside("examples").join(name);
    let missing =
        || format!("{} is not built: cargo build -p {package} --example {name}", example.display());
    if example.exists() { Ok(example) } else { Err(missing()) }
}

/// Cargo puts test binaries into the folder `deps` beside the programs.
fn built_beside(name: &str) -> PathBuf {
    let test = env::current_exe().expect("this program");
    test.ancestors().nth(2).expect("a folder around `deps`").join(name)
}

/// A command that starts the program with these arguments.
pub fn command(arguments: &[impl AsRef<OsStr>]) -> Command {
    let mut command = Command::new(binary());
    command.args(arguments);
    command
}

/// Runs a command to its end, with nothing on standard input.
pub fn run(command: &mut Command) -> Run {
    command.stdin(Stdio::null()).output().expect("the program runs").into()
}

/// Runs `ndpi-xdp pcap` with `arguments`.
pub fn pcap(arguments: &[&str]) -> Run {
    subcommand("pcap", arguments, &[])
}

/// Runs a subcommand of the program, with `input` on standard input.
pub fn subcommand(name: &str, arguments: &[&str], input: &[u8]) -> Run {
    run_with(command(&[name]).args(arguments), input)
}

/// Runs a command to its end, with `input` on standard input.
pub fn run_with(command: &mut Command, input: &[u8]) -> Run {
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().expect("the program runs");
    // A program that does not read its input closes it.
    let _ = child.stdin.take().expect("a pipe").write_all(input);
    child.wait_with_output().expect("the program ends").into()
}

impl From<Output> for Run {
    fn from(output: Output) -> Self {
        let text = |bytes: Vec<u8>| String::from_utf8_lossy(&bytes).into_owned();
        let (code, stdout) = (output.status.code(), text(output.stdout));
        Self { code, stdout, stderr: text(output.stderr) }
    }
}

impl Run {
    /// Fails unless the program failed with `code` and said each of `words` on standard error.
    #[track_caller]
    pub fn assert_failed(&self, code: i32, words: &[&str]) -> &Self {
        assert_eq!(self.code, Some(code), "{self:#?}");
        for word in words {
            assert!(self.stderr.contains(word), "{word:?} is not in: {self:#?}");
        }
        assert!(!self.stderr.contains("panicked"), "{self:#?}");
        self
    }

    /// The JSON records of one type.
    pub fn records(&self, kind: &str) -> Vec<Value> {
        self.stdout.lines().map(schema::record).filter(|record| record["type"] == kind).collect()
    }

    /// The flow records, of a run that went well.
    #[track_caller]
    pub fn flows(&self) -> Vec<Value> {
        assert_eq!(self.code, Some(0), "{}", self.stderr);
        self.records("flow")
    }
}

/// Writes a file for the test `test`, in the folder `tmp` that cargo has for tests, and gives its path.
pub fn file(test: &str, name: &str, content: &[u8]) -> String {
    let folder = scratch().join(test);
    std::fs::create_dir_all(&folder).expect("a folder for the test");
    let path = folder.join(name);
    std::fs::write(&path, content).expect("a file for the test");
    path.into_os_string().into_string().expect("UTF-8")
}

/// Cargo's folder for files of tests (`CARGO_TARGET_TMPDIR`).
fn scratch() -> PathBuf {
    let test = env::current_exe().expect("this program");
    test.ancestors().nth(3).unwrap_or_else(|| Path::new("/tmp")).join("tmp")
}
