//! `cargo xtask bench wire`: packets a second over veth, in a namespace that the bench makes.

use std::process::ExitCode;

use anyhow::Result;

use super::measuring;
use crate::workspace::Workspace;

/// Measure packets a second over veth, and account for every one of them.
///
/// One CPU sends 64-byte UDP frames, made by the kernel (live frames of a test run), to a receiving
/// end with nothing attached, with an XDP program that only passes or drops, and with `ndpi-xdp run`:
/// all flows decided, 95 % of the frames of decided flows, and every frame a new flow. Exit status 1
/// when a frame is unaccounted for or a target is missed. Then bulk TCP over a veth, as far as native and
/// generic XDP at the receiving end let it.
#[derive(clap::Args)]
pub(crate) struct Args {
    /// Print one JSON object a line.
    #[arg(long)]
    json: bool,

    /// How often everything is measured; the middle one counts.
    #[arg(long, default_value_t = 5)]
    rounds: usize,

    /// Seconds of a round.
    #[arg(long, default_value_t = 1.0)]
    seconds: f64,

    /// Decided flows, whose frames come in turn.
    #[arg(long, default_value_t = 10_000)]
    flows: u16,
}

pub(super) fn run(args: &Args, workspace: &Workspace) -> Result<ExitCode> {
    let mut command = measuring::of_the_program(workspace, "wire")?;
    command.args(["--rounds", &args.rounds.to_string(), "--flows", &args.flows.to_string()]);
    command.args(["--seconds", &args.seconds.to_string()]);
    if args.json {
        command.arg("--json");
    }
    // The table says what is wrong.
    let status = command.status()?;
    Ok(if status.success() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}
