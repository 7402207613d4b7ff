//! Provides what commands need beyond a Rust toolchain and a C compiler.
//!
//! Each step is a file of its own, looks first, and changes something only where it must. What
//! changes the machine (packages of the distribution, parts of the toolchain) is announced, and left
//! alone with `--no-install`; everything else is written into the checkout, cargo's own folders and
//! the user's cache.

mod bpf_linker;
mod cache;
mod components;
mod core_source;
pub(crate) mod debian;
mod ndpi;
mod packages;
mod plan;
mod readers;
mod step;
mod wheel;

use std::process::ExitCode;

use anyhow::Result;

use crate::manner::Manner;
use crate::workspace::Workspace;

pub(crate) use bpf_linker::{VERSION as LINKER_VERSION, linker};
pub(crate) use plan::{Need, Plan};

/// Provide all that building, testing and the lab need, which they else do themselves: packages of
/// the distribution, `core`'s source, bpf-linker, nDPI 5.0.
#[derive(clap::Args)]
pub(crate) struct Args {
    /// Only report; exit with 1 if something is missing.
    #[arg(long)]
    check: bool,
    #[command(flatten)]
    pub(crate) manner: Manner,
}

/// `cargo xtask setup`.
pub(crate) fn run(args: &Args, workspace: &Workspace) -> Result<ExitCode> {
    let plan = Plan::make(workspace, &Need::everything());
    if args.check {
        print!("{plan}");
        return Ok(if plan.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE });
    }
    plan.check()?;
    plan.carry_out()?;
    eprintln!("setup: all that building, testing and the lab need is there");
    Ok(ExitCode::SUCCESS)
}

/// Provides what a command needs, as far as it is missing.
pub(crate) fn provide(workspace: &Workspace, need: &Need) -> Result<()> {
    let plan = Plan::make(workspace, need);
    plan.check()?;
    plan.carry_out()
}

/// The first step of `cargo xtask test`; `object` says whether that compiles the BPF programs.
pub(crate) fn ensure_for_tests(workspace: &Workspace, object: bool) -> Result<()> {
    let plan = Plan::make(workspace, &Need { object, ..Need::everything() });
    // Without root's rights, the tests that want these programs are skipped in any case.
    if plan.wants_packages() && crate::manner::may_install() && !crate::sudo::is_possible() {
        eprintln!("test: neither root nor sudo, so these are missing:\n{plan}");
        return plan.without_packages().carry_out();
    }
    plan.check()?;
    plan.carry_out()
}
