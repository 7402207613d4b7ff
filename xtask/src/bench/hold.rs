//! `cargo xtask bench hold`: what a page takes where the answers of servers are held back.

use std::process::ExitCode;

use anyhow::Result;

use super::measuring;
use crate::workspace::Workspace;

/// Measure what a page takes where the answers of servers are held back, and what arrives of a blocked one.
///
/// A client asks a server for pages of 50 kB of a site that passes, and of one that is blocked: by a rule as it is, by one
/// with `state = "partial"` (early), both with `hold = true`, and so where another early rule lets the rest pass. Frames
/// between them take their time on a wire that the bench is itself, for not every kernel has netem(8). In namespaces of
/// its own.
#[derive(clap::Args)]
pub(crate) struct Args {
    /// Print one JSON object a line.
    #[arg(long)]
    json: bool,

    /// Pages of each policy and round-trip time.
    #[arg(long, default_value_t = 20)]
    pages: u32,

    /// Round-trip times in milliseconds.
    #[arg(long, value_delimiter = ',', default_values_t = [0, 20, 100])]
    round_trips: Vec<u64>,
}

pub(super) fn run(args: &Args, workspace: &Workspace) -> Result<ExitCode> {
    let mut command = measuring::of_the_program(workspace, "hold")?;
    let round_trips: Vec<_> = args.round_trips.iter().map(u64::to_string).collect();
    command.args(["--pages", &args.pages.to_string()]);
    command.args(["--round-trips", &round_trips.join(",")]);
    measuring::run(command, args.json)
}
