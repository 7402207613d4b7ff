//! `ndpi-xdp reset-counters`.

use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::Result;
use clap::{Args, ValueHint};
use ndpi_kernel::DEFAULT_PIN_DIRECTORY;

use crate::counters;

/// Have `status` and `verdicts` of the running ndpi-xdp count from zero again
///
/// Metrics, records and the closing report go on: they never go back. A restart ends it.
#[derive(Args, Clone, Debug)]
pub struct ResetCountersArguments {
    /// Print one JSON object (docs/records.md)
    #[arg(long)]
    pub json: bool,

    /// Folder on the BPF file system where the instance has pinned its maps
    #[arg(long, value_name = "DIR", value_hint = ValueHint::DirPath, default_value = DEFAULT_PIN_DIRECTORY)]
    pub pin_dir: PathBuf,
}

impl ResetCountersArguments {
    /// Runs the command.
    ///
    /// # Errors
    /// No instance is running, or it could not be asked.
    pub fn run(self) -> Result<ExitCode> {
        counters::reset(&self.pin_dir, self.json)
    }
}
