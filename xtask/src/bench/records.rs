//! `cargo xtask bench records`: what writing records costs.

use std::process::ExitCode;

use anyhow::Result;

use super::measuring;
use crate::process;
use crate::workspace::Workspace;

/// Measure how many records of finished flows a second go into a file, by format, and into a stream of a NATS server, what
/// each takes of a CPU, and what readers that take nothing cost
#[derive(clap::Args)]
pub(crate) struct Args {
    /// Records of each measurement.
    #[arg(long, default_value_t = 1_000_000)]
    records: u64,
}

pub(super) fn run(args: &Args, workspace: &Workspace) -> Result<ExitCode> {
    let program = measuring::as_installed(workspace, "ndpi-export", "records")?;
    let mut command = process::command(program);
    command.args(["--records", &args.records.to_string()]);
    let server = workspace.python().join("bin/nats-server");
    if server.exists() {
        command.arg("--nats-server").arg(server);
    }
    process::run(&mut command)?;
    Ok(ExitCode::SUCCESS)
}
