//! Time and memory of commands to an instance: `verdicts` of very many, and `status` beside a flood.
//!
//! `cargo xtask bench answers` builds the program and starts this. Needs root.

mod asked;
mod listed;
mod report;

#[path = "../latency/clients.rs"]
#[expect(
    dead_code,
    reason = "that bench has clients, and this one the hosts of their policy alone"
)]
mod clients;
#[path = "../latency/flood.rs"]
#[expect(dead_code, reason = "one kind of flood will do")]
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
use std::process::ExitCode;

use clap::Parser;
use testkit::bench::ended;

use options::Common;
use report::Report;

/// Measure what the commands to an instance take.
#[derive(Parser)]
struct Options {
    #[command(flatten)]
    common: Common,
    /// Verdicts that are listed.
    #[arg(long, default_value_t = 1_000_000)]
    verdicts: u32,
    /// Packets a second of the flood.
    #[arg(long, default_value_t = 100_000)]
    rate: u32,
    /// How often the status is asked for.
    #[arg(long, default_value_t = 200)]
    times: usize,
}

fn main() -> ExitCode {
    ended(run(&Options::parse()))
}

/// Whether all took no longer, and no more memory, than it is to.
fn run(options: &Options) -> Result<bool, Box<dyn Error>> {
    let mut report = Report::new(options.common.json);
    let tables = listed::Tables::filled(options.verdicts)?;
    for (what, arguments) in listed::WAYS {
        report.listed(what, &tables.list(options, arguments)?);
    }
    drop(tables);
    report.asked(options.rate, &asked::ask(options)?);
    Ok(report.is_kept())
}
