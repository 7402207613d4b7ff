//! Examinations that run on every kernel, this machine's among them. Each result is a line, `about: what`;
//! what may differ between kernels is a note, which begins with `#`.

mod devices;
mod instance;
mod layer3;
mod network;
mod ppp;
mod replay;
mod talk;
mod tools;
mod xfrm;

use std::fs;
use std::io::Write;
use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::Result;

use super::compare::NOTE;
use crate::lab::leftovers;
pub(super) use tools::{FOLDER, Tools};

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

/// Examines the kernel that this process runs on.
pub(super) fn examine(tools: &Tools, out: &mut dyn Write) -> Result<()> {
    let release = fs::read_to_string("/proc/sys/kernel/osrelease")?;
    writeln!(out, "{NOTE}Linux {}", release.trim())?;
    replay::replay(tools, out)?;
    let expected = devices::veth(tools, out)?;
    devices::without_link_header(tools, &expected, out)
}
