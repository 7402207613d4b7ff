//! `ndpi-xdp status`.

use std::process::ExitCode;

use anyhow::Result;
use clap::Args;

use super::InstanceOptions;
use crate::status;

/// Show where the programs are attached, the policy in force, rates, fill, losses, and whether all that is to be
/// enforced is: if not, exit status 1
#[derive(Args, Clone, Debug)]
pub struct StatusArguments {
    /// Print one JSON object (docs/records.md)
    #[arg(long)]
    pub json: bool,

    #[command(flatten)]
    #[expect(missing_docs, reason = "clap would print the comment in the help")]
    pub instance: InstanceOptions,
}

impl StatusArguments {
    /// Runs the command.
    ///
    /// # Errors
    /// This process may not ask the instance, or not read its maps.
    pub fn run(self) -> Result<ExitCode> {
        status::show(&self.instance.pin_directory(), self.json)
    }
}
