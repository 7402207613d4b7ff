//! `cargo xtask bench router`: connection set-ups a second through a router.

use std::process::ExitCode;

use anyhow::Result;

use super::measuring;
use crate::workspace::Workspace;

/// Measure how many connections a second are set up through a router, with the program on it and without.
///
/// Clients with an address each connect to a web server, ask once and read the answer to its end, one
/// connection after the other, through a router that forwards. Rounds with nothing on the router, with a program for
/// generic XDP that passes everything, and with `ndpi-xdp run`, which writes a record for each decision, take turns.
/// Clients, server and router share this machine's CPUs. In namespaces of its own.
#[derive(clap::Args)]
pub(crate) struct Args {
    /// Print one JSON object a line.
    #[arg(long)]
    json: bool,

    /// How often all are measured; the middle one counts, and the one at the lower quarter beside it.
    #[arg(long, default_value_t = 15, value_parser = clap::value_parser!(u32).range(1..))]
    rounds: u32,

    /// Seconds of a round.
    #[arg(long, default_value_t = 1)]
    seconds: u32,

    /// Clients that connect at the same time.
    #[arg(long, default_value_t = 64, value_parser = clap::value_parser!(u8).range(1..=128))]
    clients: u8,

    /// Also measure `ndpi-xdp run` with this niceness, as `nice -n -10` gives it.
    #[arg(long, allow_hyphen_values = true, value_parser = clap::value_parser!(i8).range(-20..=19))]
    niceness: Option<i8>,

    /// Options for `ndpi-xdp run`, separated by white space.
    #[arg(long, default_value = "", allow_hyphen_values = true)]
    options: String,
}

pub(super) fn run(args: &Args, workspace: &Workspace) -> Result<ExitCode> {
    let mut command = measuring::of_the_program(workspace, "router")?;
    command.args(["--rounds", &args.rounds.to_string(), "--seconds", &args.seconds.to_string()]);
    command.args(["--clients", &args.clients.to_string()]);
    command.args(args.niceness.map(|niceness| format!("--niceness={niceness}")));
    command.arg(format!("--options={}", args.options));
    measuring::run(command, args.json)
}
