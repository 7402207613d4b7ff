//! `cargo xtask bench pcap`: captures, against nDPI alone and against other programs.
//!
//! All contenders read the same merged capture, taking turns, so that whatever else the machine
//! does hits them alike. The middle one of each contender's runs counts.

mod contender;
mod input;
mod memory;
mod peers;
mod result;

use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::{Result, ensure};

use super::measuring;
use crate::setup::{self, Need};
use crate::workspace::Workspace;
use contender::Contender;
use result::{Figures, Measured};

/// Time `ndpi-xdp pcap` beside nDPI alone, nfstream and ndpiReader, and measure memory per flow.
#[derive(clap::Args)]
pub(crate) struct Args {
    /// Print the figures as JSON.
    #[arg(long)]
    json: bool,

    /// Runs of each contender; the middle one counts.
    #[arg(long, default_value_t = 5)]
    runs: usize,

    /// Copies of the corpus in the merged capture.
    #[arg(long, default_value_t = 28)]
    copies: u8,

    /// Flows of the memory measurement.
    #[arg(long, default_value_t = 1_000_000)]
    flows: u32,

    /// Leave nfstream and ndpiReader out.
    #[arg(long)]
    no_peers: bool,
}

pub(super) fn run(args: &Args, workspace: &Workspace) -> Result<ExitCode> {
    ensure!(args.runs > 0, "--runs must be at least 1");
    let costs = build(workspace)?;
    let input = input::merged(workspace, &costs, args.copies)?;
    let mut contenders = contender::ours(workspace, &costs, &input.path);
    if !args.no_peers {
        contenders.extend(peers::find(workspace, &input.path));
    }
    let times = take_turns(&mut contenders, args.runs)?;
    let figures = Figures {
        packets: input.packets,
        capture_bytes: input.path.metadata()?.len(),
        runs: args.runs,
        times,
        memory: memory::measure(workspace, &costs, args.flows)?,
    };
    if args.json {
        println!("{}", figures.to_json());
    } else {
        print!("{figures}");
    }
    Ok(if figures.reaches_all() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// Compiles the program, and what measures beside it: where that is.
fn build(workspace: &Workspace) -> Result<PathBuf> {
    setup::provide(workspace, &Need { ndpi: true, ..Need::default() })?;
    measuring::compile(workspace, &["--bins"])?;
    measuring::as_installed(workspace, "ndpi-user", "costs")
}

/// Runs all contenders in rounds.
fn take_turns(contenders: &mut [Contender], runs: usize) -> Result<Vec<Measured>> {
    let mut times: Vec<Vec<f64>> = vec![Vec::new(); contenders.len()];
    for round in 1..=runs {
        for (contender, times) in contenders.iter_mut().zip(&mut times) {
            eprintln!("round {round} of {runs}: {}", contender.name);
            times.push(contender.run()?);
        }
    }
    let names = contenders.iter().map(|contender| contender.name);
    Ok(names.zip(times).map(|(name, runs)| Measured { name, runs }).collect())
}
