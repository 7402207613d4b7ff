//! Measurements for `cargo xtask bench pcap` and `cargo xtask bench policy` beside the program, each in a
//! process of its own.

mod bare_ndpi;
mod flow_memory;
mod long_list;
mod merge_captures;
mod policy_costs;

use std::path::PathBuf;

use anyhow::Result;
use clap::{CommandFactory as _, Parser, Subcommand};

use flow_memory::Stage;
use long_list::Form;

/// Measure one thing, for `cargo xtask bench pcap` and `cargo xtask bench policy`.
#[derive(Parser)]
struct Options {
    #[command(subcommand)]
    measurement: Option<Measurement>,
    /// Given by `cargo bench`.
    #[arg(long, hide = true)]
    bench: bool,
}

#[derive(Subcommand)]
enum Measurement {
    /// nDPI alone on a capture.
    BareNdpi { capture: PathBuf },
    /// Memory per flow.
    FlowMemory { flows: u32, stage: Stage },
    /// Reading a long list of host names.
    LongList { names: u32, form: Form },
    /// Make one long capture of many short ones.
    MergeCaptures { out: PathBuf, copies: u8, captures: Vec<PathBuf> },
    /// Loading, checking and asking a large policy.
    PolicyCosts { seconds: f64 },
}

fn main() -> Result<()> {
    let options = Options::parse();
    match options.measurement {
        Some(Measurement::BareNdpi { capture }) => bare_ndpi::run(&capture),
        Some(Measurement::FlowMemory { flows, stage }) => flow_memory::run(flows, stage),
        Some(Measurement::LongList { names, form }) => long_list::run(names, form),
        Some(Measurement::MergeCaptures { out, copies, captures }) => {
            merge_captures::run(&out, copies, &captures)
        }
        Some(Measurement::PolicyCosts { seconds }) => policy_costs::run(seconds),
        // `cargo bench` starts every bench, and names none of these.
        None => Ok(Options::command().print_help()?),
    }
}
