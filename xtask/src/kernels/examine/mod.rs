//! Examinations that run on every kernel, this machine's among them. Each result is a line, `about: what`;
//! what may differ between kernels is a note, which begins with `#`.

mod devices;
mod instance;
mod layer3;
mod network;
mod ppp;
mod replay;
mod talk;

use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};

use anyhow::{Context as _, Result};

use super::compare::NOTE;
use crate::lab::leftovers;
use crate::process;

/// Where the files are inside.
pub(super) const FOLDER: &str = "/kernels";
/// Programs of the distribution that are called, as far as they are there.
pub(super) const TOOLS: [&str; 5] = ["ip", "nsenter", "pppd", "sh", "wg"];

/// What is asked of the program, in captures and on interfaces.
pub(super) const POLICY: &str = r#"default = "count"

[[rule]]
name = "dropped"
app = ["RTSP"]
port = [7000, 7002]
action = "drop"

[[rule]]
name = "no social networks"
category = ["SocialNetwork"]
action = "drop"
"#;

/// Examine this machine as the emulated ones are. Only `cargo xtask kernels` starts it.
#[derive(clap::Args)]
pub(crate) struct Here {
    /// Where the files for it are.
    folder: PathBuf,
}

/// Examines this machine, and prints the results.
pub(crate) fn here(args: &Here) -> Result<ExitCode> {
    let tools = Tools { folder: args.folder.clone() };
    leftovers::remove_stale(&tools.file("ndpi-xdp"))?;
    examine(&tools, &mut std::io::stdout().lock())?;
    Ok(ExitCode::SUCCESS)
}

/// Where the program and the files are.
pub(super) struct Tools {
    folder: PathBuf,
}

impl Tools {
    /// As they are on an emulated machine.
    pub(super) fn there() -> Self {
        Self { folder: FOLDER.into() }
    }

    fn file(&self, name: &str) -> PathBuf {
        self.folder.join(name)
    }

    fn policy(&self) -> PathBuf {
        self.file("policy.toml")
    }

    fn library(&self) -> Result<String> {
        fs::read_to_string(self.file("library")).context("no path of nDPI's library")
    }

    /// `ndpi-xdp`, to be given its arguments.
    fn program(&self) -> Result<Command> {
        let mut command = process::command(self.file("ndpi-xdp"));
        command.env("NDPI_LIBRARY", self.library()?);
        Ok(command)
    }

    /// The captures, by their names.
    fn captures(&self) -> Result<Vec<PathBuf>> {
        let files = fs::read_dir(&self.folder)?.filter_map(|file| Some(file.ok()?.path()));
        let is_capture = |path: &PathBuf| {
            let extension = path.extension().and_then(|extension| extension.to_str());
            matches!(extension, Some("pcap" | "pcapng" | "cap"))
        };
        let mut captures: Vec<_> = files.filter(is_capture).collect();
        captures.sort();
        Ok(captures)
    }
}

/// Examines the kernel that this process runs on.
pub(super) fn examine(tools: &Tools, out: &mut dyn Write) -> Result<()> {
    let release = fs::read_to_string("/proc/sys/kernel/osrelease")?;
    writeln!(out, "{NOTE}Linux {}", release.trim())?;
    replay::replay(tools, out)?;
    devices::veth(tools, out)?;
    devices::without_link_header(tools, out)
}

/// The name of a file, for a line of the report.
fn name_of(path: &Path) -> String {
    path.file_name().unwrap_or_default().to_string_lossy().into_owned()
}
