//! `ndpi-xdp courier`: a process of `run` that has the network, and nothing for people.

use std::process::ExitCode;

use clap::Args;
use ndpi_export::{read_job, run_courier};

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
        crate::courier::run(|input| read_job(input), |input, job| run_courier(input, job))
    }
}
