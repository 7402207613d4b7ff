//! One round of clients, with the program on the router or without.

use std::error::Error;
use std::time::Duration;

use testkit::topology::Topology;

use crate::clients::{self, Done};
use crate::program::{Parts, Program};

/// What is on the router.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Lane {
    Nothing,
    Ours,
}

/// What came out.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Round {
    pub(crate) done: Done,
    /// Processors that the program kept busy.
    pub(crate) cpus: f64,
    /// Decisions that it wrote down.
    pub(crate) decided: usize,
}

impl Round {
    /// Connections a second.
    pub(crate) fn rate(&self) -> f64 {
        self.done.complete as f64 / self.done.lasted.as_secs_f64()
    }
}

pub(crate) fn round(
    network: &Topology,
    clients: u8,
    lasts: Duration,
    parts: Option<&Parts<'_>>,
) -> Result<Round, Box<dyn Error>> {
    let program = parts.map(|parts| Program::start(parts, network)).transpose()?;
    let busy = || program.as_ref().map_or(Ok(Duration::ZERO), Program::busy);
    let before = busy()?;
    let done = network.client.inside(|| clients::run(clients, lasts))?;
    let done = done.map_err(|error| format!("the clients: {error}"))?;
    let cpus = busy()?.saturating_sub(before).as_secs_f64() / done.lasted.as_secs_f64();
    let decided = match (program, parts) {
        (Some(program), Some(parts)) => program.end(parts)?,
        _ => 0,
    };
    Ok(Round { done, cpus, decided })
}
