//! `cargo xtask bench soak`: minutes of good clients beside floods.

use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::Result;

use super::measuring;
use crate::workspace::Workspace;

/// Measure whether good clients fare well beside floods for minutes, and memory stays.
///
/// TLS clients, every other one of a blocked site, beside floods of spoofed first packets, of SYNs and of UDP in turn
/// and then none, ten seconds each. Fails where an allowed exchange does, where more than one verdict of a hundred on
/// them takes longer than 50 ms, where a packet is not counted once, or where memory grows. By default a packet of
/// a hundred is a good one. In namespaces of its own.
#[derive(clap::Args)]
pub(crate) struct Args {
    /// Print one JSON object.
    #[arg(long)]
    json: bool,

    /// Minutes of all.
    #[arg(long, default_value_t = 10)]
    minutes: u32,

    /// Packets a second of floods.
    #[arg(long, default_value_t = 100_000)]
    rate: u32,

    /// Clients a second.
    #[arg(long, default_value_t = 100, value_parser = clap::value_parser!(u32).range(1..))]
    clients: u32,

    /// Do without the program: what fails then is not its fault.
    #[arg(long)]
    bare: bool,

    /// A file for the exchanges that went otherwise than they should, each with the records of its port.
    #[arg(long)]
    failures: Option<PathBuf>,

    /// Options for `ndpi-xdp run`, separated by white space.
    #[arg(long, default_value = "", allow_hyphen_values = true)]
    options: String,
}

pub(super) fn run(args: &Args, workspace: &Workspace) -> Result<ExitCode> {
    let mut command = measuring::of_the_program(workspace, "soak")?;
    command.args(["--minutes", &args.minutes.to_string(), "--rate", &args.rate.to_string()]);
    command.args(["--clients", &args.clients.to_string()]);
    command.arg(format!("--options={}", args.options));
    if args.bare {
        command.arg("--bare");
    }
    if let Some(file) = &args.failures {
        command.arg("--failures").arg(std::path::absolute(file)?);
    }
    measuring::run(command, args.json)
}
