//! `ndpi-xdp detach`: takes off what an instance that crashed has left.

use std::process::ExitCode;

use clap::Args;

use super::InstanceOptions;
use crate::stdout::print;

/// Remove what a crashed ndpi-xdp has left: pinned maps, control socket, programs on interfaces
#[derive(Args, Clone, Debug)]
pub struct DetachArguments {
    #[command(flatten)]
    #[expect(missing_docs, reason = "clap would print the comment in the help")]
    pub instance: InstanceOptions,
}

impl DetachArguments {
    /// Runs the command.
    ///
    /// # Errors
    /// An instance that uses the folder is running, or something could not be removed.
    pub fn run(self) -> anyhow::Result<ExitCode> {
        let detached = ndpi_kernel::detach(&self.instance.pin_directory())?;
        print(&format!("{detached}\n"))
    }
}
