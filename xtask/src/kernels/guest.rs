//! The first process of an emulated machine: it sets up what the program needs, examines it, and
//! switches the machine off.

use std::fs::{self, File, OpenOptions};
use std::io::Write;
use std::path::Path;
use std::process::ExitCode;

use anyhow::{Context as _, Result, bail};
use rustix::mount::{MountFlags, mount};
use rustix::system::{RebootCommand, finit_module, reboot};

use super::examine::{Tools, examine};

/// The last line of a report that is whole.
pub(super) const DONE: &str = "done";
/// How the line begins that says why it is not.
pub(super) const FAILED: &str = "failed: ";

/// Characters of an error that the report shows.
const SHOWN: usize = 900;

/// Where the modules are, in the order to load them.
pub(super) const MODULES: &str = "/modules";
/// Where the report goes: the second serial line.
const REPORT: &str = "/dev/ttyS1";

/// Examine this emulated machine and switch it off. Only `cargo xtask kernels` starts it.
#[derive(clap::Args)]
pub(crate) struct Plan {}

/// The first process. Comes back only where it is not.
pub(crate) fn run(_: &Plan) -> Result<ExitCode> {
    if std::process::id() != 1 {
        bail!("this is for emulated machines, which it switches off: cargo xtask kernels");
    }
    let result = examine_machine();
    if let Err(error) = &result {
        // All of it on the console, its beginning in the report: a verifier's log is long.
        eprintln!("{error:#}");
        let error = format!("{error:#}").replace('\n', " ");
        let shown: String = error.chars().take(SHOWN).collect();
        let _ = fs::write(REPORT, format!("\n{FAILED}{shown}\n"));
    }
    rustix::fs::sync();
    reboot(RebootCommand::PowerOff).context("cannot switch the machine off")?;
    Ok(ExitCode::FAILURE)
}

fn examine_machine() -> Result<()> {
    mount_all()?;
    let mut report =
        OpenOptions::new().write(true).open(REPORT).context("no second serial line")?;
    load_modules()?;
    examine(&Tools::there(), &mut report)?;
    writeln!(report, "{DONE}")?;
    report.flush()?;
    Ok(())
}

fn mount_all() -> Result<()> {
    let nothing = MountFlags::empty();
    for (what, at) in [
        ("proc", "/proc"),
        ("sysfs", "/sys"),
        ("devtmpfs", "/dev"),
        ("tmpfs", "/run"),
        ("tmpfs", "/tmp"),
        ("bpf", "/sys/fs/bpf"),
    ] {
        mount(what, at, what, nothing, None).with_context(|| format!("cannot mount {at}"))?;
    }
    for folder in ["/dev/pts", "/run/netns"] {
        fs::create_dir_all(folder)?;
    }
    mount("devpts", "/dev/pts", "devpts", nothing, None).context("cannot mount /dev/pts")
}

/// Loads all modules that were packed. One that fails is a kind of interface that cannot be examined,
/// which is said where it is missed.
fn load_modules() -> Result<()> {
    let mut files: Vec<_> = fs::read_dir(MODULES)?.collect::<std::io::Result<_>>()?;
    files.sort_by_key(fs::DirEntry::file_name);
    for file in files {
        if let Err(error) = load(&file.path()) {
            eprintln!("module {}: {error}", file.path().display());
        }
    }
    Ok(())
}

fn load(file: &Path) -> std::io::Result<()> {
    Ok(finit_module(File::open(file)?, c"", 0)?)
}
