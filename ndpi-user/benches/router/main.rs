//! Connection set-ups a second through a router, with `ndpi-xdp run` on it and without.
//!
//! `cargo xtask bench router` builds the program and starts this. Needs root.

mod clients;
mod lane;
mod program;
mod report;
mod server;

#[path = "../options.rs"]
mod options;

use std::error::Error;
use std::process::ExitCode;
use std::time::Duration;

use clap::Parser;
use testkit::bench::ended;
use testkit::namespace;
use testkit::topology::Topology;

use lane::{Lane, Round, round};
use options::Common;
use program::Parts;

/// Measure how many connections a second are set up through a router.
#[derive(Parser)]
struct Options {
    #[command(flatten)]
    common: Common,
    /// How often all are measured, in turn.
    #[arg(long, default_value_t = 15, value_parser = clap::value_parser!(u32).range(1..))]
    rounds: u32,
    /// Seconds of a round.
    #[arg(long, default_value_t = 1)]
    seconds: u32,
    /// Clients that connect at the same time, each with an address of its own.
    #[arg(long, default_value_t = 64)]
    clients: u8,
    /// Also measure `ndpi-xdp run` with this niceness, as in `nice -n -10`.
    #[arg(long, allow_hyphen_values = true, value_parser = clap::value_parser!(i8).range(-20..=19))]
    niceness: Option<i8>,
    /// Options for `ndpi-xdp run`, separated by white space.
    #[arg(long = "options", default_value = "", allow_hyphen_values = true)]
    more: String,
}

fn main() -> ExitCode {
    ended(run(&Options::parse()).map(|()| true))
}

fn run(options: &Options) -> Result<(), Box<dyn Error>> {
    let folder = tempfile::tempdir()?;
    let parts = Parts {
        program: &options.common.program,
        library: &options.common.library,
        folder: folder.path(),
        options: options.more.split_whitespace().map(str::to_owned).collect(),
    };
    let network = Topology::new(|role| namespace::named("bench", role))?;
    clients::give_addresses(&network, options.clients)?;
    let lasts = Duration::from_secs(options.seconds.into());
    let _server = server::Server::start(&network.server, options.clients.into())?;
    let one = |lane, lasts| round(&network, (lane, &parts), (options.clients, lasts));
    // The first connections find no neighbour and no route remembered.
    one(Lane::Nothing, lasts)?;
    let lanes = Lane::all(options.niceness);
    let mut turns: Vec<Turn> = Vec::new();
    for number in 0..options.rounds {
        turns.push(turn(&lanes, !number.is_multiple_of(2), |lane| one(lane, lasts))?);
    }
    report::print(&lanes, &turns, options.common.json);
    Ok(network.remove()?)
}

/// What the lanes brought in one turn, in their order.
type Turn = Vec<Round>;

/// One round of each lane. Every other turn goes `backwards`: what gets slower or faster from round to round on the
/// machine then counts for no lane.
fn turn(
    lanes: &[Lane],
    backwards: bool,
    mut one: impl FnMut(Lane) -> Result<Round, Box<dyn Error>>,
) -> Result<Turn, Box<dyn Error>> {
    if !backwards {
        return lanes.iter().map(|lane| one(*lane)).collect();
    }
    let mut turn: Turn = lanes.iter().rev().map(|lane| one(*lane)).collect::<Result<_, _>>()?;
    turn.reverse();
    Ok(turn)
}
