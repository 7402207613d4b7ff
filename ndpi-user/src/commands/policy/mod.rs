//! `ndpi-xdp policy`: everything about policy files.

mod capture;
mod check;
mod explain;
mod input;
mod reload;

use std::process::ExitCode;

use anyhow::Result;
use clap::{Args, Subcommand};
use ndpi_policy::{EXAMPLE, SCHEMA};

use crate::commands::{Context, print};

pub use check::CheckArguments;
pub use explain::ExplainArguments;
pub use reload::ReloadArguments;

/// Check policies, ask what they do, and have a running instance read its own anew
#[derive(Args, Clone, Debug)]
pub struct PolicyArguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Clone, Debug, Subcommand)]
enum Command {
    Check(CheckArguments),
    Explain(ExplainArguments),
    Reload(ReloadArguments),
    /// Print the JSON Schema of policies, for editors
    Schema,
    /// Print a commented policy to begin with
    Example,
}

impl PolicyArguments {
    /// Runs the command.
    ///
    /// # Errors
    /// Whatever kept the command from being done.
    pub fn run(self, context: Context) -> Result<ExitCode> {
        match self.command {
            Command::Check(arguments) => arguments.run(context),
            Command::Explain(arguments) => arguments.run(),
            Command::Reload(arguments) => arguments.run(),
            Command::Schema => print(SCHEMA),
            Command::Example => print(EXAMPLE),
        }
    }
}
