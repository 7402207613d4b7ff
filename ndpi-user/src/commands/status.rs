//! `ndpi-xdp status`.

use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::Result;
use clap::{Args, ValueHint};
use ndpi_kernel::DEFAULT_PIN_DIRECTORY;

use crate::status;

/// Show where the programs are attached, the policy in force, rates, fill, losses, and whether all that is to be
/// enforced is: if not, exit status 1
#[derive(Args, Clone, Debug)]
pub struct StatusArguments {
    /// Print one JSON object (docs/records.md)
    #[arg(long)]
    pub json: bool,

    /// Folder on the BPF file system where the maps are pinned
    #[arg(long, value_name = "DIR", value_hint = ValueHint::DirPath, default_value = DEFAULT_PIN_DIRECTORY)]
    pub pin_dir: PathBuf,
}

impl StatusArguments {
    /// Runs the command.
    ///
    /// # Errors
    /// This process may not ask the instance, or not read its maps.
    pub fn run(self) -> Result<ExitCode> {
        status::show(&self.pin_dir, self.json)
    }
}
