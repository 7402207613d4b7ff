//! `cargo xtask bench`: what things cost, measured side by side.

mod pcap;

use std::process::ExitCode;

use anyhow::Result;
use clap::Subcommand;

use crate::workspace::Workspace;

/// Measure speed and memory, beside what others take on the same input.
#[derive(clap::Args)]
pub(crate) struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    Pcap(pcap::Args),
}

pub(crate) fn run(args: &Args, workspace: &Workspace) -> Result<ExitCode> {
    match &args.command {
        Command::Pcap(args) => pcap::run(args, workspace),
    }
}
