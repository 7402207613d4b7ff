//! `cargo xtask bench kernel`: nanoseconds a packet by path, beside xdp-filter.
//!
//! The measuring is done by a program of its own (`ndpi-user/benches/kernel`), which alone is
//! started with privileges.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::{Context, Result};

use super::measuring;
use crate::process;
use crate::workspace::Workspace;

/// Measure what a packet costs in the kernel, path by path, beside xdp-filter.
#[derive(clap::Args)]
pub(crate) struct Args {
    /// Print one JSON object a line.
    #[arg(long)]
    json: bool,

    /// How often every path is measured; the middle one counts.
    #[arg(long, default_value_t = 15)]
    rounds: usize,

    /// The largest number of flows in the maps.
    #[arg(long, default_value_t = 1_000_000)]
    flows: u32,

    /// Only paths whose names begin like this.
    #[arg(long)]
    path: Option<String>,

    /// Leave xdp-filter out.
    #[arg(long)]
    no_peers: bool,
}

/// xdp-filter with all its features, which drops packets that no rule names.
const PEER: &str = "xdpfilt_dny_all.o";
/// Debian's package with it.
const PACKAGE: &str = "libxdp1";

pub(super) fn run(args: &Args, workspace: &Workspace) -> Result<ExitCode> {
    let mut command = measuring::of_the_programs(workspace, "kernel")?;
    command.args(["--rounds", &args.rounds.to_string(), "--flows", &args.flows.to_string()]);
    if let Some(path) = &args.path {
        command.args(["--path", path]);
    }
    if !args.no_peers {
        match peer(workspace) {
            Ok(peer) => drop(command.arg("--peer").arg(peer)),
            Err(error) => eprintln!("bench: without xdp-filter: {error:#}"),
        }
    }
    measuring::run(command, args.json)
}

/// xdp-filter's program: the installed one, else that of the package, unpacked beside our tools.
fn peer(workspace: &Workspace) -> Result<PathBuf> {
    let unpacked = workspace.tools().join("libxdp");
    for root in [Path::new("/"), &unpacked] {
        if let Some(found) = find(root) {
            return Ok(found);
        }
    }
    fs::create_dir_all(&unpacked).with_context(|| format!("cannot make {}", unpacked.display()))?;
    eprintln!("bench: {PACKAGE} from the distribution, unpacked into {}", unpacked.display());
    let apt = ["download", PACKAGE];
    process::output(process::command("apt-get").args(apt).current_dir(&unpacked))?;
    let package = fs::read_dir(&unpacked)?
        .filter_map(|entry| Some(entry.ok()?.path()))
        .find(|path| path.extension().is_some_and(|extension| extension == "deb"))
        .context("apt-get download left no package")?;
    process::run(process::command("dpkg-deb").arg("--extract").arg(package).arg(&unpacked))?;
    find(&unpacked).with_context(|| format!("{PACKAGE} has no {PEER}"))
}

/// The program below `usr/lib/<machine>/bpf` of `root`.
fn find(root: &Path) -> Option<PathBuf> {
    fs::read_dir(root.join("usr/lib"))
        .ok()?
        .filter_map(|entry| Some(entry.ok()?.path().join("bpf").join(PEER)))
        .find(|path| path.is_file())
}
