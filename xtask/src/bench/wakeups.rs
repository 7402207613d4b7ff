//! `cargo xtask bench wakeups`: what waking a worker costs, and what waiting does.

use std::process::ExitCode;

use anyhow::Result;

use super::measuring;
use crate::workspace::Workspace;

/// Measure how long packets wait in the rings, and what it costs to have them read.
///
/// At several rates of shown packets, and with several pauses in which they may gather when a worker is
/// woken too often (`run --gather`): how long until it has one, how often it is woken, and the
/// nanoseconds that a packet takes on the CPU that sees it.
#[derive(clap::Args)]
pub(crate) struct Args {
    /// Print one JSON object a line.
    #[arg(long)]
    json: bool,

    /// Seconds of each measurement.
    #[arg(long, default_value_t = 1.0)]
    seconds: f64,
}

pub(super) fn run(args: &Args, workspace: &Workspace) -> Result<ExitCode> {
    let mut command = measuring::of_the_programs(workspace, "wakeups")?;
    command.args(["--seconds", &args.seconds.to_string()]);
    measuring::run(command, args.json)
}
