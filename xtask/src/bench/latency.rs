//! `cargo xtask bench latency`: how long it takes from a packet to the verdict that it leads to.

use std::process::ExitCode;

use anyhow::Result;

use super::measuring;
use crate::workspace::Workspace;

/// Measure how long it takes from a packet to the verdict that stands, by stage.
///
/// TLS clients, every other one of a blocked site: one now and then (`idle`), one a millisecond (`steady`), and
/// fifty a second beside floods of spoofed first packets, with tables of 8,192 flows and of the default size.
/// Beside a flood, the exchanges have two answers, 5 ms after their question each: how many of those that
/// are to be blocked come to their end. `ring wake-up` is what this machine takes to have the reader of a ring
/// look at a packet. In namespaces of its own; floods last as long as a lane, at most a minute.
#[derive(clap::Args)]
pub(crate) struct Args {
    /// Print one JSON object a line.
    #[arg(long)]
    json: bool,

    /// Seconds of each lane.
    #[arg(long, default_value_t = 5)]
    seconds: u32,

    /// Packets a second of floods.
    #[arg(long, value_delimiter = ',', default_values_t = [100_000, 150_000])]
    rates: Vec<u32>,

    /// Only lanes whose names begin like this.
    #[arg(long)]
    lane: Option<String>,

    /// Options for `ndpi-xdp run`, separated by white space.
    #[arg(long, default_value = "", allow_hyphen_values = true)]
    options: String,
}

pub(super) fn run(args: &Args, workspace: &Workspace) -> Result<ExitCode> {
    let mut command = measuring::of_the_program(workspace, "latency")?;
    command.args(["--seconds", &args.seconds.to_string()]);
    let rates: Vec<_> = args.rates.iter().map(u32::to_string).collect();
    command.args(["--rates", &rates.join(",")]);
    command.arg(format!("--options={}", args.options));
    if let Some(lane) = &args.lane {
        command.args(["--lane", lane]);
    }
    measuring::run(command, args.json)
}
