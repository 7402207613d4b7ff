//! `ndpi-xdp detach`: takes off what an instance that crashed has left.

use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Args, ValueHint};
use ndpi_kernel::DEFAULT_PIN_DIRECTORY;

use crate::stdout::print;

/// Remove what a crashed ndpi-xdp has left: pinned maps, control socket, programs on interfaces
#[derive(Args, Clone, Debug)]
pub struct DetachArguments {
    /// Folder on the BPF file system where its maps are pinned
    #[arg(long, value_name = "DIR", value_hint = ValueHint::DirPath, default_value = DEFAULT_PIN_DIRECTORY)]
    pub pin_dir: PathBuf,
}

impl DetachArguments {
    /// Runs the command.
    ///
    /// # Errors
    /// An instance that uses the folder is running, or something could not be removed.
    pub fn run(self) -> anyhow::Result<ExitCode> {
        let detached = ndpi_kernel::detach(&self.pin_dir)?;
        print(&format!("{detached}\n"))
    }
}
