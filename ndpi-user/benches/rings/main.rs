//! Rings that several CPUs write to: one for all of them, and one for each.
//!
//! `cargo xtask bench rings` starts it. Needs root.

mod measure;
mod report;

use std::error::Error;
use std::process::ExitCode;
use std::time::Duration;

use clap::Parser;
use testkit::bench::ended;

use measure::{Case, Rings};

/// Measure what it costs that several threads write to the same ring.
#[derive(Parser)]
struct Options {
    /// One JSON object a line.
    #[arg(long)]
    json: bool,
    /// Seconds of each measurement.
    #[arg(long, default_value_t = 1.0)]
    seconds: f64,
    /// Given by `cargo bench`.
    #[arg(long, hide = true)]
    bench: bool,
}

/// Threads that have packets shown.
const PRODUCERS: [u32; 4] = [1, 2, 8, 16];

fn main() -> ExitCode {
    ended(run(&Options::parse()).map(|()| true))
}

fn run(options: &Options) -> Result<(), Box<dyn Error>> {
    let lasts = Duration::from_secs_f64(options.seconds);
    report::begin(options.json);
    for producers in PRODUCERS {
        for rings in [Rings::OneForAll, Rings::OneForEach] {
            let case = Case { producers, rings };
            report::print(case, &measure::measure(case, lasts)?, options.json);
        }
    }
    Ok(())
}
