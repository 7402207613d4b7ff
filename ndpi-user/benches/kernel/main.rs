//! The cost of a packet in the kernel, path by path, in one interleaved run.
//!
//! `cargo xtask bench kernel` builds the object, finds xdp-filter's program to compare with, and
//! starts this with both. Needs root.

mod cases;
mod driver;
mod measure;
mod ours;
mod report;

use std::error::Error;
use std::path::PathBuf;
use std::process::ExitCode;

use clap::Parser;
use testkit::bench::ended;

/// Measure the cost of a packet in the kernel.
#[derive(Parser)]
struct Options {
    /// One JSON object a line.
    #[arg(long)]
    json: bool,
    /// xdp-filter's program to measure beside ours (`xdpfilt_dny_all.o`).
    #[arg(long)]
    peer: Option<PathBuf>,
    /// How often every path is measured.
    #[arg(long, default_value_t = 15)]
    rounds: usize,
    /// The largest number of flows in the maps.
    #[arg(long, default_value_t = 1_000_000)]
    flows: u32,
    /// Only paths whose names begin like this.
    #[arg(long)]
    path: Option<String>,
    /// Given by `cargo bench`.
    #[arg(long, hide = true)]
    bench: bool,
}

fn main() -> ExitCode {
    ended(run(&Options::parse()).map(|()| true))
}

fn run(options: &Options) -> Result<(), Box<dyn Error>> {
    let mut bench = cases::Bench::new(options.peer.as_deref(), options.flows)?;
    if let Some(path) = &options.path {
        bench.cases.retain(|case| case.path.starts_with(path.as_str()));
    }
    let results = measure::interleaved(&mut bench.cases, options.rounds)?;
    if options.json {
        report::json(&results);
    } else {
        report::table(&results);
    }
    Ok(())
}
