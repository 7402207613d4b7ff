//! `cargo xtask bench flows`: how many new flows a second are decided.

use std::process::ExitCode;

use anyhow::Result;

use super::measuring;
use crate::workspace::Workspace;

/// Measure how many new flows a second are decided.
///
/// Flows come as fast as one CPU can send them, each with what decides it: a TCP handshake, the hello of a TLS
/// client and the beginning of its server's, or a DNS question and its answer. In namespaces of its own. Where more
/// come than can be decided, packets are left out, or find no room in a ring.
#[derive(clap::Args)]
pub(crate) struct Args {
    /// Print one JSON object a line.
    #[arg(long)]
    json: bool,

    /// Seconds of each measurement.
    #[arg(long, default_value_t = 3)]
    seconds: u32,

    /// How many workers decide.
    #[arg(long, value_delimiter = ',', default_values_t = [1, 2])]
    workers: Vec<u32>,

    /// Options for `ndpi-xdp run`, separated by white space.
    #[arg(long, default_value = "", allow_hyphen_values = true)]
    options: String,
}

pub(super) fn run(args: &Args, workspace: &Workspace) -> Result<ExitCode> {
    let mut command = measuring::of_the_program(workspace, "latency")?;
    let workers: Vec<_> = args.workers.iter().map(u32::to_string).collect();
    command.args(["--seconds", &args.seconds.to_string()]);
    command.args(["--flows-by", &workers.join(",")]);
    command.arg(format!("--options={}", args.options));
    measuring::run(command, args.json)
}
