//! `ndpi-xdp verdicts`.

use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::Result;
use clap::{Args, ValueHint};
use ndpi_kernel::DEFAULT_PIN_DIRECTORY;

use super::NdpiOptions;
use crate::verdicts;

/// Show the verdicts in the kernel, with the counters of each flow
#[derive(Args, Clone, Debug)]
pub struct VerdictsArguments {
    /// Print one JSON object per line
    #[arg(long)]
    pub json: bool,

    /// Folder on the BPF file system where the maps are pinned
    #[arg(long, value_name = "DIR", value_hint = ValueHint::DirPath, default_value = DEFAULT_PIN_DIRECTORY)]
    pub pin_dir: PathBuf,

    #[command(flatten)]
    #[expect(missing_docs, reason = "clap would print the comment in the help")]
    pub ndpi: NdpiOptions,
}

impl VerdictsArguments {
    /// Runs the command.
    ///
    /// # Errors
    /// No maps are pinned in the folder, they are of another version, or may not be read.
    pub fn run(self) -> Result<ExitCode> {
        verdicts::show(&self.pin_dir, self.json, &self.ndpi.into())
    }
}
