//! `ndpi-xdp reset-counters`.

use std::process::ExitCode;

use anyhow::Result;
use clap::Args;

use super::InstanceOptions;
use crate::counters;

/// Have `status` and `verdicts` of the running ndpi-xdp count from zero again
///
/// Metrics, records and the closing report go on: they never go back. A restart ends it.
#[derive(Args, Clone, Debug)]
pub struct ResetCountersArguments {
    /// Print one JSON object (docs/records.md)
    #[arg(long)]
    pub json: bool,

    #[command(flatten)]
    #[expect(missing_docs, reason = "clap would print the comment in the help")]
    pub instance: InstanceOptions,
}

impl ResetCountersArguments {
    /// Runs the command.
    ///
    /// # Errors
    /// No instance is running, or it could not be asked.
    pub fn run(self) -> Result<ExitCode> {
        counters::reset(&self.instance.pin_directory(), self.json)
    }
}
