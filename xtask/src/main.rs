//! The one entry for people who work on ndpi-xdp: `cargo xtask COMMAND`.

mod bench;
mod build;
mod kernels;
mod lab;
mod manner;
mod process;
mod run;
mod setup;
mod sudo;
mod test;
mod tidy;
mod toolchain;
mod workspace;

use std::process::ExitCode;

use clap::{Parser, Subcommand};

use manner::Manner;
use workspace::Workspace;

/// The one entry for people who work on ndpi-xdp.
#[derive(Parser)]
#[command(name = "cargo xtask", version, about)]
struct Cli {
    #[command(flatten)]
    manner: Manner,
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    Setup(setup::Args),
    Bench(bench::Args),
    Build(build::Args),
    Run(run::Args),
    Test(test::Args),
    Tidy(tidy::Args),
    Lab(lab::Args),
    Kernels(kernels::Args),
    #[command(hide = true)]
    KernelsGuest(kernels::Plan),
    #[command(hide = true)]
    KernelsHere(kernels::Here),
}

impl Command {
    /// What follows `run` is for `ndpi-xdp`: `cargo xtask --verbose run …`.
    fn manner(&self) -> Manner {
        match self {
            Self::Setup(args) => args.manner,
            Self::Bench(args) => args.manner,
            Self::Build(args) => args.manner,
            Self::Test(args) => args.manner,
            Self::Lab(args) => args.manner,
            Self::Kernels(args) => args.manner,
            Self::Run(_) | Self::Tidy(_) | Self::KernelsGuest(_) | Self::KernelsHere(_) => {
                Manner::default()
            }
        }
    }
}

fn main() -> ExitCode {
    let workspace = Workspace::here();
    let Cli { manner, command } = Cli::parse();
    manner.adopt();
    command.manner().adopt();
    let result = match command {
        Command::Setup(args) => setup::run(&args, &workspace),
        Command::Bench(args) => bench::run(&args, &workspace),
        Command::Build(args) => build::run(&args, &workspace),
        Command::Run(args) => run::run(&args, &workspace).map(|never| match never {}),
        Command::Test(args) => test::run(&args, &workspace),
        Command::Tidy(args) => tidy::run(&args, &workspace),
        Command::Lab(args) => lab::run(&args, &workspace),
        Command::Kernels(args) => kernels::run(&args, &workspace),
        Command::KernelsGuest(plan) => kernels::guest(&plan),
        Command::KernelsHere(args) => kernels::here(&args),
    };
    result.unwrap_or_else(|error| {
        eprintln!("error: {error:#}");
        ExitCode::FAILURE
    })
}
