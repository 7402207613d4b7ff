//! How many records of finished flows a second are written, by format, and what each takes of a CPU: publishing included,
//! and nothing lost. With a NATS server, also what it stores; and what readers that take nothing cost those who publish.
//!
//! `cargo xtask bench records` starts it.

mod event;
mod nats;
mod stalled;
mod usage;
mod written;

use std::error::Error;
use std::path::PathBuf;

use clap::Parser;

/// What comes of a measurement.
type Outcome<T> = Result<T, Box<dyn Error>>;

/// Measure how fast records are written.
#[derive(Parser)]
struct Options {
    /// Records of each measurement.
    #[arg(long, default_value_t = 1_000_000)]
    records: u64,
    /// The program of a NATS server.
    #[arg(long)]
    nats_server: Option<PathBuf>,
    /// Given by `cargo bench`.
    #[arg(long, hide = true)]
    bench: bool,
}

fn main() -> Outcome<()> {
    let Options { records, nats_server, bench: _ } = Options::parse();
    for format in ["json", "csv", "eve"] {
        written::to_a_file(format, records)?;
    }
    match nats_server {
        Some(program) => nats::to_a_stream(&program, records / 10)?,
        None => println!("nats      there is no NATS server: cargo xtask setup"),
    }
    stalled::beside_a_file(records)
}
