//! `cargo xtask bench answers`: what commands to an instance take.

use std::process::ExitCode;

use anyhow::Result;

use super::measuring;
use crate::workspace::Workspace;

/// Measure what `verdicts` takes of a million verdicts, and `status` beside a flood.
///
/// Lists them all as JSON, and the twenty with the most drops, of an instance that is gone: seconds from the start of
/// the command to its end, and memory. Then asks a running one for its status beside a flood of first packets, in
/// namespaces of its own. Fails where a list takes more than two seconds or 64 MiB, or one of a hundred answers longer
/// than 50 ms.
#[derive(clap::Args)]
pub(crate) struct Args {
    /// Print one JSON object a line.
    #[arg(long)]
    json: bool,

    /// Verdicts that are listed.
    #[arg(long, default_value_t = 1_000_000)]
    verdicts: u32,

    /// Packets a second of the flood.
    #[arg(long, default_value_t = 100_000)]
    rate: u32,

    /// How often the status is asked for.
    #[arg(long, default_value_t = 200)]
    times: usize,
}

pub(super) fn run(args: &Args, workspace: &Workspace) -> Result<ExitCode> {
    let mut command = measuring::of_the_program(workspace, "answers")?;
    command.args(["--verdicts", &args.verdicts.to_string()]);
    command.args(["--rate", &args.rate.to_string(), "--times", &args.times.to_string()]);
    measuring::run(command, args.json)
}
