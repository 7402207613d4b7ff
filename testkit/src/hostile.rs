//! A library in nDPI's place that a packet makes try what injected code would try.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::places::ndpi_library;
use crate::program::Run;

/// What it tries that a process which only reads captures is refused.
pub const REFUSED: [&str; 16] = [
    "shadow", "passwd", "other", "parent", "socket", "write", "create", "fork", "program",
    "attach", "link", "netlink", "ptrace", "signal", "memory", "execve",
];

/// The host whose DNS query makes it try: that in `OTHER_CAPTURE` is a file that it tries to read, and where
/// `AND_ACT` is set it also tries what would be felt where it is not refused.
pub const MARK: &str = "now.example";

/// The host whose DNS query makes it fail.
pub const FATAL: &str = "crash.example";

/// The host whose DNS query it never comes back from.
pub const ENDLESS: &str = "stall.example";

/// Compiles it into `folder`, where it hands everything on to nDPI, of whose result of a packet `result_size` is
/// the size in bytes.
///
/// # Errors
///
/// There is no C compiler, or no nDPI.
pub fn compile(folder: &Path, result_size: usize) -> Result<PathBuf, String> {
    let (library, source) = (folder.join("libhostile.so"), folder.join("hostile.c"));
    fs::write(&source, include_str!("hostile.c")).map_err(|error| error.to_string())?;
    let real = ndpi_library().canonicalize().map_err(|error| error.to_string())?;
    let beside = real.parent().unwrap_or(Path::new("/")).display().to_string();
    let mut compiler = Command::new("cc");
    compiler.args(["-shared", "-fPIC", "-O1", &format!("-DRESULT_SIZE={result_size}"), "-o"]);
    compiler.args([&library, &source]).arg("-Wl,--no-as-needed").arg(&real);
    compiler.arg(format!("-Wl,-rpath,{beside}"));
    let output = compiler.output().map_err(|error| format!("cc: {error}"))?;
    let said = || String::from_utf8_lossy(&output.stderr).into_owned();
    if output.status.success() { Ok(library) } else { Err(said()) }
}

/// How its attempts of one kind have ended, by what came on standard error: `done`, or the error's name.
pub fn tried<'a>(stderr: &'a str, what: &str) -> Vec<&'a str> {
    let begin = format!("tried {what}: ");
    stderr.lines().filter_map(|line| line.strip_prefix(begin.as_str())).collect()
}

/// Fails unless `attempts` processes have tried everything and were refused it.
///
/// # Panics
///
/// As said.
#[track_caller]
pub fn assert_refused(run: &Run, attempts: usize) {
    assert_eq!(run.code, Some(0), "{run:#?}");
    for what in REFUSED {
        let tried = tried(&run.stderr, what);
        assert_eq!(tried.len(), attempts, "{what}: {run:#?}");
        for ended in tried {
            assert!(["EPERM", "EACCES"].contains(&ended), "{what}: {ended}");
        }
    }
}
