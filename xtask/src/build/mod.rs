//! `cargo xtask build`: the BPF object, then the program that embeds it.

mod committed;
mod compile;
mod elf;
mod inputs;
mod object;
mod profile;
mod program;
mod stack;

use std::process::ExitCode;
use std::thread;

use anyhow::{Result, anyhow};

use crate::manner::Manner;
use crate::setup::{Need, Plan};
use crate::workspace::{Profile, Workspace};

pub(crate) use compile::for_bpf;
pub(crate) use object::{check_object, is_compiled, provide_object};
pub(crate) use program::{build_program, compiling};

/// Compile the BPF programs and `ndpi-xdp`, after setting up what is missing.
#[derive(clap::Args)]
pub(crate) struct Args {
    /// Compile `ndpi-xdp` without optimisation, into `target/debug`. (The BPF programs are always
    /// optimised: the kernel's verifier refuses them otherwise.)
    #[arg(long)]
    debug: bool,
    /// Compile `ndpi-xdp` as it is to be installed: slowly, for speed, into `target/dist`; then put
    /// it into `target/install`, with its symbols in a file of their own.
    #[arg(long, conflicts_with = "debug")]
    dist: bool,
    /// Compile only the BPF programs, and record the object in `ndpi-ebpf/object`, to be committed:
    /// whoever changes nothing of what it is made from then uses it as it is.
    #[arg(long, conflicts_with_all = ["debug", "dist"])]
    accept_object: bool,
    #[command(flatten)]
    pub(crate) manner: Manner,
}

/// `cargo xtask build`.
pub(crate) fn run(args: &Args, workspace: &Workspace) -> Result<ExitCode> {
    if args.accept_object {
        committed::accept(workspace)?;
        return Ok(ExitCode::SUCCESS);
    }
    let profile = match (args.debug, args.dist) {
        (true, _) => Profile::Debug,
        (_, true) => Profile::Dist,
        _ => Profile::Quick,
    };
    build(workspace, profile, &Need::default())?;
    let built = if args.dist { program::split(workspace)? } else { workspace.binary(profile) };
    eprintln!("build: {}", built.display());
    Ok(ExitCode::SUCCESS)
}

/// Builds everything; the binary is at [`Workspace::binary`] then. What is needed afterwards is
/// provided meanwhile, nDPI in any case.
pub(crate) fn build(workspace: &Workspace, profile: Profile, need: &Need) -> Result<()> {
    let plan = Plan::make(workspace, &Need { ndpi: true, ..*need });
    plan.check()?;
    thread::scope(|scope| {
        let others = scope.spawn(|| plan.carry_out());
        provide_object(workspace)?;
        build_program(workspace, profile)?;
        others.join().map_err(|_| anyhow!("the thread that installs panicked"))?
    })
}
