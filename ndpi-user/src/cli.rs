//! The command line: options for every command, and which command runs.

use std::process::ExitCode;

use clap::{ArgAction, CommandFactory as _, Parser, Subcommand};

use crate::commands::{
    CompletionsArguments, Context, CourierArguments, DetachArguments, FleetArguments,
    FlowsArguments, FollowerArguments, ListArguments, ManArguments, PcapArguments, PolicyArguments,
    ReleaseArguments, ReplayArguments, ResetCountersArguments, RunArguments, StatusArguments,
    VerdictsArguments,
};

/// Labels every flow that crosses an interface with its application, and enforces a policy in the kernel.
///
/// Results go to standard output, logs to standard error. Exit status: 0 done, 1 failed, 2 wrong
/// usage.
#[derive(Debug, Parser)]
#[command(name = "ndpi-xdp", version)]
pub struct Cli {
    /// Print more on standard error: -v debug messages, -vv also a line per packet.
    #[arg(short, long, action = ArgAction::Count, global = true)]
    verbose: u8,

    /// Print only errors on standard error.
    #[arg(short, long, conflicts_with = "verbose", global = true)]
    quiet: bool,

    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    Run(Box<RunArguments>),
    List(ListArguments),
    Pcap(PcapArguments),
    Replay(ReplayArguments),
    Policy(PolicyArguments),
    Status(StatusArguments),
    Verdicts(VerdictsArguments),
    Flows(FlowsArguments),
    Release(ReleaseArguments),
    ResetCounters(ResetCountersArguments),
    Detach(DetachArguments),
    Fleet(FleetArguments),
    Completions(CompletionsArguments),
    Man(ManArguments),
    #[command(hide = true)]
    Courier(CourierArguments),
    #[command(hide = true)]
    Follower(FollowerArguments),
}

impl Cli {
    /// Runs the command.
    ///
    /// # Errors
    ///
    /// Whatever kept the command from being done.
    pub fn run(self) -> anyhow::Result<ExitCode> {
        let context = Context { log_level: self.log_level() };
        crate::logging::init(context.log_level);
        crate::rights::give_up_what_the_caller_lacks()?;
        match self.command {
            Command::Run(arguments) => arguments.run(context),
            Command::List(arguments) => arguments.run(),
            Command::Pcap(arguments) => arguments.run(),
            Command::Replay(arguments) => arguments.run(context),
            Command::Policy(arguments) => arguments.run(context),
            Command::Status(arguments) => arguments.run(),
            Command::Verdicts(arguments) => arguments.run(),
            Command::Flows(arguments) => arguments.run(),
            Command::Release(arguments) => arguments.run(),
            Command::ResetCounters(arguments) => arguments.run(),
            Command::Detach(arguments) => arguments.run(),
            Command::Fleet(arguments) => arguments.run(),
            Command::Completions(arguments) => arguments.run(Self::command()),
            Command::Man(arguments) => arguments.run(Self::command()),
            Command::Courier(arguments) => arguments.run(),
            Command::Follower(arguments) => arguments.run(),
        }
    }

    fn log_level(&self) -> log::LevelFilter {
        match (self.quiet, self.verbose) {
            (true, _) => log::LevelFilter::Error,
            (false, 0) => log::LevelFilter::Info,
            (false, 1) => log::LevelFilter::Debug,
            (false, _) => log::LevelFilter::Trace,
        }
    }
}

/// Says why a command was not done, and what the process ends with.
pub fn failed(error: &anyhow::Error) -> ExitCode {
    crate::logging::say(&format!("error: {error:#}\n"));
    ExitCode::FAILURE
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    #[test]
    fn the_command_line_is_well_formed() {
        super::Cli::command().debug_assert();
    }
}
