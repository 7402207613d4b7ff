//! One round of clients, with the program on the router or without.

use std::error::Error;
use std::os::fd::OwnedFd;
use std::time::Duration;

use testkit::bpf::{call, code};
use testkit::interface;
use testkit::topology::{LAN, Topology};

use crate::clients::{self, Done};
use crate::program::{Parts, Program};

/// What is on the router.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Lane {
    Nothing,
    /// A program for XDP that does nothing, as what the kernel takes for having one.
    EmptyXdp,
    /// `ndpi-xdp run`.
    Ours,
    /// The same with this niceness.
    OursNice(i8),
}

impl Lane {
    /// All lanes; the first is what the others are compared with.
    pub(crate) fn all(niceness: Option<i8>) -> Vec<Self> {
        let mut lanes = vec![Self::Nothing, Self::EmptyXdp, Self::Ours];
        lanes.extend(niceness.map(Self::OursNice));
        lanes
    }

    pub(crate) fn name(self) -> String {
        match self {
            Self::Nothing => "nothing attached".into(),
            Self::EmptyXdp => "empty generic XDP".into(),
            Self::Ours => "ours".into(),
            Self::OursNice(niceness) => format!("ours, nice {niceness}"),
        }
    }

    /// The niceness of the program, where it runs.
    fn niceness(self) -> Option<i8> {
        match self {
            Self::Nothing | Self::EmptyXdp => None,
            Self::Ours => Some(0),
            Self::OursNice(niceness) => Some(niceness),
        }
    }
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

/// One round of clients with this on the router.
pub(crate) fn round(
    network: &Topology,
    (lane, parts): (Lane, &Parts<'_>),
    (clients, lasts): (u8, Duration),
) -> Result<Round, Box<dyn Error>> {
    let _link = (lane == Lane::EmptyXdp).then(|| pass_all(network)).transpose()?;
    let program = lane.niceness().map(|nice| Program::start(parts, network, nice)).transpose()?;
    let busy = || program.as_ref().map_or(Ok(Duration::ZERO), Program::busy);
    let before = busy()?;
    let done = network.client.inside(|| clients::run(clients, lasts))?;
    let done = done.map_err(|error| format!("the clients: {error}"))?;
    let cpus = busy()?.saturating_sub(before).as_secs_f64() / done.lasted.as_secs_f64();
    let decided = program.map_or(Ok(0), |program| program.end(parts))?;
    Ok(Round { done, cpus, decided })
}

/// Attaches a program for generic XDP that passes everything, where ours goes; until the link is dropped.
fn pass_all(network: &Topology) -> Result<OwnedFd, Box<dyn Error>> {
    let program = call::load(&code::answer(code::XDP_PASS))?;
    Ok(network.router.inside(|| call::attach_generic(&program, interface::index(LAN)?))??)
}
