//! `cargo xtask bench records`: what writing records costs.

use std::process::ExitCode;

use anyhow::Result;

use super::measuring;
use crate::build;
use crate::process;
use crate::workspace::Workspace;

/// Measure how many records of finished flows a second go into a file, by format, and what each takes of a CPU.
#[derive(clap::Args)]
pub(crate) struct Args {
    /// Records of each measurement.
    #[arg(long, default_value_t = 1_000_000)]
    records: u64,
}

pub(super) fn run(args: &Args, workspace: &Workspace) -> Result<ExitCode> {
    build::provide_object(workspace)?;
    let mut command = process::command(measuring::program(workspace, "records")?);
    process::run(command.args(["--records", &args.records.to_string()]))?;
    Ok(ExitCode::SUCCESS)
}
