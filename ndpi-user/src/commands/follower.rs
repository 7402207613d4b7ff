//! `ndpi-xdp follower`: a process of `run` that has the network, and nothing for people.

use std::process::ExitCode;

use clap::Args;

use crate::fleet::{follow, read_job};

/// Bring policies of a fleet to `run`, which starts it
#[derive(Args, Clone, Debug)]
pub struct FollowerArguments {}

impl FollowerArguments {
    /// Runs the command.
    ///
    /// # Errors
    /// It was not started by `run`.
    pub fn run(self) -> anyhow::Result<ExitCode> {
        let Self {} = self;
        crate::courier::run(|input| read_job(input), |input, job| follow(input, job))
    }
}
