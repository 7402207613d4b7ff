//! Minutes of good clients beside floods, one after the other: what fails, what is counted, and what memory it takes.
//!
//! `cargo xtask bench soak` builds the program and starts this. Needs root.

mod memory;
mod report;
mod round;

#[path = "../latency/clients.rs"]
mod clients;
#[path = "../latency/flood.rs"]
#[expect(dead_code, reason = "what is sent by hand is the other bench's")]
mod flood;
#[path = "../latency/hello.rs"]
mod hello;
#[path = "../latency/place.rs"]
mod place;
#[path = "../latency/program.rs"]
#[expect(dead_code, reason = "that bench looks at processor time")]
mod program;

#[path = "../options.rs"]
mod options;

use std::error::Error;
use std::fs;
use std::path::PathBuf;
use std::process::ExitCode;

use clap::Parser;
use testkit::bench::ended;

use memory::resident;
use options::Common;
use place::Place;
use program::{Parts, Program};
use report::Report;
use round::Round;

/// Measure minutes of good clients beside floods.
#[derive(Parser)]
struct Options {
    #[command(flatten)]
    common: Common,
    /// Minutes of all.
    #[arg(long, default_value_t = 10)]
    minutes: u32,
    /// Packets a second of floods.
    #[arg(long, default_value_t = 100_000)]
    rate: u32,
    /// Clients a second.
    #[arg(long, default_value_t = 100)]
    clients: u32,
    /// Do without the program: what fails then is not its fault.
    #[arg(long)]
    bare: bool,
    /// A file for the exchanges that went otherwise than they should, each with the records of its port.
    #[arg(long)]
    failures: Option<PathBuf>,
    /// Options for `ndpi-xdp run`, separated by white space.
    #[arg(long = "options", default_value = "", allow_hyphen_values = true)]
    more: String,
}

fn main() -> ExitCode {
    ended(run(&Options::parse()))
}

/// Whether all held.
fn run(options: &Options) -> Result<bool, Box<dyn Error>> {
    let folder = tempfile::tempdir()?;
    let (program, library) = (&*options.common.program, &*options.common.library);
    let place = Place::new()?;
    let more: Vec<_> = options.more.split_whitespace().map(str::to_owned).collect();
    let keeps = options.failures.is_some();
    let parts = Parts { program, library, folder: folder.path(), keeps };
    let program = (!options.bare).then(|| Program::start(parts, &place, &more)).transpose()?;
    let mut report = Report::new(options.common.json);
    for number in 0..options.minutes * round::A_MINUTE {
        let round = Round { number, rate: options.rate, clients: options.clients };
        let done = round.run(&place).map_err(|error| error.to_string())?;
        report.add(number, &done, resident()?);
    }
    let said = program.map(Program::end).transpose()?;
    if let Some(file) = &options.failures {
        fs::write(file, report.failures(said.as_ref()))?;
    }
    Ok(report.end(said.as_ref()))
}
