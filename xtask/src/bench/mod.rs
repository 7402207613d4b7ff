//! `cargo xtask bench`: what things cost, measured side by side.

mod answers;
mod flows;
mod hold;
mod kernel;
mod latency;
mod measuring;
mod pcap;
mod policy;
mod records;
mod rings;
mod router;
mod soak;
mod wakeups;
mod wire;

use std::process::ExitCode;

use anyhow::Result;
use clap::Subcommand;

use crate::manner::Manner;
use crate::workspace::Workspace;

/// Measure speed and memory, beside what others take on the same input.
#[derive(clap::Args)]
pub(crate) struct Args {
    #[command(flatten)]
    pub(crate) manner: Manner,
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    Answers(answers::Args),
    Flows(flows::Args),
    Hold(hold::Args),
    Kernel(kernel::Args),
    Latency(latency::Args),
    Pcap(pcap::Args),
    Policy(policy::Args),
    Records(records::Args),
    Rings(rings::Args),
    Router(router::Args),
    Soak(soak::Args),
    Wakeups(wakeups::Args),
    Wire(wire::Args),
}

pub(crate) fn run(args: &Args, workspace: &Workspace) -> Result<ExitCode> {
    match &args.command {
        Command::Answers(args) => answers::run(args, workspace),
        Command::Flows(args) => flows::run(args, workspace),
        Command::Hold(args) => hold::run(args, workspace),
        Command::Kernel(args) => kernel::run(args, workspace),
        Command::Latency(args) => latency::run(args, workspace),
        Command::Pcap(args) => pcap::run(args, workspace),
        Command::Policy(args) => policy::run(args, workspace),
        Command::Records(args) => records::run(args, workspace),
        Command::Rings(args) => rings::run(args, workspace),
        Command::Router(args) => router::run(args, workspace),
        Command::Soak(args) => soak::run(args, workspace),
        Command::Wakeups(args) => wakeups::run(args, workspace),
        Command::Wire(args) => wire::run(args, workspace),
    }
}
