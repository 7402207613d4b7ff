//! The cost of waking a worker to the CPU that sees the packets, and how long packets
//! wait when they may gather.
//!
//! `cargo xtask bench wakeups` starts it. Needs root.

mod measure;
mod report;

use std::error::Error;
use std::process::ExitCode;
use std::time::Duration;

use clap::Parser;

use measure::Case;

/// Measure how packets get from the rings to user space.
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

/// Packets a second.
const RATES: [u32; 4] = [100, 1000, 10_000, 50_000];
/// Microseconds.
const PAUSES: [u64; 5] = [0, 50, 100, 250, 1000];

fn main() -> ExitCode {
    match run(&Options::parse()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("wakeups: {error}");
            ExitCode::FAILURE
        }
    }
}

fn run(options: &Options) -> Result<(), Box<dyn Error>> {
    let lasts = Duration::from_secs_f64(options.seconds);
    report::begin(options.json);
    for rate in RATES {
        for pause in PAUSES.map(Duration::from_micros) {
            let case = Case { rate, pause };
            report::print(&case, &measure::measure(case, lasts)?, options.json);
        }
    }
    Ok(())
}
