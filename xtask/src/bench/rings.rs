//! `cargo xtask bench rings`: what it costs that several CPUs write to the same ring.

use std::process::ExitCode;

use anyhow::Result;

use super::measuring;
use crate::workspace::Workspace;

/// Measure what it costs that several CPUs write to the same ring.
///
/// Threads on all CPUs have packets of their own flows shown, all through one ring, as with one worker, and each
/// through its own, as with a worker for each; all rings together have as much room as the one. Reported are the
/// nanoseconds that the program takes for each packet, how many reach the reader, what is lost because a ring is
/// full or its lock cannot be had, and the longest that a record which was being written kept the reader from
/// those behind it.
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
    let mut command = measuring::of_the_programs(workspace, "rings")?;
    command.args(["--seconds", &args.seconds.to_string()]);
    measuring::run(command, args.json)
}
