//! `ndpi-xdp courier`: a process of `run` that has the network, and nothing for people.

use std::process::ExitCode;

use clap::Args;

/// Bring records of `run` to a server: `run` starts it
#[derive(Args, Clone, Debug)]
pub struct CourierArguments {}

impl CourierArguments {
    /// Runs the command.
    ///
    /// # Errors
    /// It was not started by `run`.
    pub fn run(self) -> anyhow::Result<ExitCode> {
        let Self {} = self;
        crate::courier::run()
    }
}
