//! `cargo xtask setup`: what building and testing need beyond a Rust toolchain.
//!
//! Each step is a file of its own, looks first, and changes something only where it must. Nothing
//! is written outside the checkout, cargo's own folders and, for the source of `core`, the
//! toolchain; distribution packages are installed only when asked for with `--packages`.

mod bpf_linker;
mod components;
mod core_source;
pub(crate) mod debian;
mod ndpi;
mod packages;
mod wheel;

use std::process::ExitCode;

use anyhow::{Context as _, Result};

use crate::toolchain::Toolchain;
use crate::workspace::Workspace;

pub(crate) use bpf_linker::linker;
pub(crate) use packages::require;

/// Provide what building and testing need: `core`'s source, bpf-linker, nDPI 5.0.
#[derive(clap::Args)]
pub(crate) struct Args {
    /// Only report; exit with 1 if a step would have to do something.
    #[arg(long)]
    check: bool,
    /// Also install the distribution packages that tests and lab need (apt-get, with sudo unless
    /// root).
    #[arg(long, conflicts_with = "check")]
    packages: bool,
}

/// What every step may look at.
struct Context<'a> {
    workspace: &'a Workspace,
    toolchain: Toolchain,
}

/// One thing that must be there.
struct Step {
    what: &'static str,
    why: &'static str,
    /// Says what is missing; `None` when nothing is.
    missing: fn(&Context) -> Option<String>,
    provide: fn(&Context) -> Result<()>,
}

/// What building takes.
const BUILDING: [Step; 3] = [core_source::STEP, bpf_linker::STEP, ndpi::STEP];
/// What testing takes as well.
const TESTING: [Step; 1] = [components::STEP];

/// `cargo xtask setup`.
pub(crate) fn run(args: &Args, workspace: &Workspace) -> Result<ExitCode> {
    if args.packages {
        packages::install(workspace)?;
    }
    let context = Context { workspace, toolchain: Toolchain::ask()? };
    if args.check {
        return Ok(check(&context));
    }
    for step in BUILDING.iter().chain(&TESTING) {
        if !provide(step, &context)? {
            eprintln!("setup: {}: present", step.what);
        }
    }
    packages::report();
    Ok(ExitCode::SUCCESS)
}

/// Provides what building lacks; says nothing where nothing is missing.
pub(crate) fn ensure(workspace: &Workspace) -> Result<()> {
    ensure_steps(&BUILDING, workspace)
}

/// Provides what testing lacks, and says which programs of the distribution are missing.
pub(crate) fn ensure_for_tests(workspace: &Workspace) -> Result<()> {
    ensure_steps(&BUILDING, workspace)?;
    ensure_steps(&TESTING, workspace)?;
    packages::report();
    Ok(())
}

fn ensure_steps(steps: &[Step], workspace: &Workspace) -> Result<()> {
    let context = Context { workspace, toolchain: Toolchain::ask()? };
    steps.iter().try_for_each(|step| provide(step, &context).map(drop))
}

/// Whether anything had to be done.
fn provide(step: &Step, context: &Context) -> Result<bool> {
    let Some(missing) = (step.missing)(context) else { return Ok(false) };
    eprintln!("setup: {}: {missing}; needed {}", step.what, step.why);
    (step.provide)(context).with_context(|| format!("setup of {} failed", step.what))?;
    if let Some(missing) = (step.missing)(context) {
        anyhow::bail!("setup of {} ended well, and yet: {missing}", step.what);
    }
    eprintln!("setup: {}: done", step.what);
    Ok(true)
}

fn check(context: &Context) -> ExitCode {
    let mut complete = true;
    for step in BUILDING.iter().chain(&TESTING) {
        let missing = (step.missing)(context);
        complete &= missing.is_none();
        println!("{}: {}", step.what, missing.as_deref().unwrap_or("present"));
    }
    if !complete {
        println!("to provide what is missing: cargo xtask setup");
    }
    complete &= packages::report();
    if complete { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}
