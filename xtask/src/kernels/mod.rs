//! `cargo xtask kernels`: the program on the kernels of others.
//!
//! ```text
//! Debian's packages ─▶ kernel, modules ─┐
//! ndpi-xdp, its libraries, captures ────┴▶ initramfs ─▶ qemu ─▶ what it did there ─┐
//!                                     the same on this machine ─▶ what it did here ┴▶ compared
//! ```
//!
//! The kernels run on a processor that qemu emulates (`-accel tcg`), which every machine can, CI's
//! too. This binary is the first process inside (`guest.rs`); what it examines is one piece of code
//! for there and here (`examine`).

mod announce;
mod archive;
mod capture;
mod compare;
mod examine;
mod guest;
mod initramfs;
mod libraries;
mod modules;
mod qemu;
mod stage;

use std::process::ExitCode;
use std::time::Instant;

use anyhow::{Result, bail};

use crate::build;
use crate::manner::Manner;
use crate::setup::Need;
use crate::workspace::{Profile, Workspace};
use announce::announce;
use archive::{Archive, Kernel};
use stage::Stage;

pub(crate) use examine::{Here, here};
pub(crate) use guest::{Plan, run as guest};

/// Boot Debian's kernels in an emulator, run ndpi-xdp on each, and compare with this machine's.
///
/// Loads the programs, replays captures with a policy, attaches to interfaces of several kinds and
/// sends through them. The kernels are downloaded and unpacked into `target/kernels`; none is
/// installed. Needs qemu-system-x86_64, which is installed where it is missing, and root or sudo for
/// what runs on this machine.
#[derive(clap::Args)]
pub(crate) struct Args {
    /// Only kernels whose version begins like this, or `newest`; may be given several times
    /// [default: 6.1, 6.6, 6.12 and the newest, as far as Debian has them]
    #[arg(long = "kernel", value_name = "VERSION")]
    kernels: Vec<String>,

    /// A capture to replay beside the one made for this; may be given several times
    #[arg(long = "capture", value_name = "FILE")]
    captures: Vec<std::path::PathBuf>,

    /// Take the debug build of ndpi-xdp: compiled sooner, and slower on an emulated processor
    #[arg(long)]
    debug: bool,

    #[command(flatten)]
    pub(crate) manner: Manner,
}

/// `cargo xtask kernels`.
pub(crate) fn run(args: &Args, workspace: &Workspace) -> Result<ExitCode> {
    if cfg!(not(target_arch = "x86_64")) {
        bail!("the kernels that are booted here are those for x86-64, and so must the program be");
    }
    let profile = if args.debug { Profile::Debug } else { Profile::Quick };
    let need = Need { programs: &["ip", qemu::PROGRAM], ..Need::default() };
    build::build(workspace, profile, &need)?;
    let archive = Archive::open(&workspace.target().join("kernels"))?;
    let kernels = archive.choose(&args.kernels)?;
    let stage = Stage::build(workspace, profile, &args.captures)?;
    eprintln!("kernels: on this machine");
    let expected = stage.here()?;
    show_notes(&expected);
    let mut failed = Vec::new();
    for kernel in &kernels {
        let began = Instant::now();
        let result = examine_on(kernel, &archive, &stage, &expected);
        let seconds = began.elapsed().as_secs();
        match result {
            Ok(summary) => println!("{}: as here, in {seconds} s: {summary}", kernel.version),
            Err(error) => {
                println!("{}: FAILED after {seconds} s", kernel.version);
                eprintln!("kernels: {}: {error:#}", kernel.version);
                failed.push(kernel.version.clone());
            }
        }
    }
    if failed.is_empty() {
        return Ok(ExitCode::SUCCESS);
    }
    println!("failed on {} of {} kernels: {}", failed.len(), kernels.len(), failed.join(", "));
    Ok(ExitCode::FAILURE)
}

fn examine_on(kernel: &Kernel, archive: &Archive, stage: &Stage, here: &str) -> Result<String> {
    let unpacked = archive.unpack(kernel)?;
    eprintln!("kernels: booting Linux {}", unpacked.release);
    let there = qemu::boot(&stage.initramfs(&unpacked)?, &unpacked, stage.folder())?;
    show_notes(&there);
    compare::compare(here, &there)
}

/// What differs between kernels, and what could not be examined and why.
fn show_notes(report: &str) {
    compare::notes(report).for_each(|note| eprintln!("kernels: {note}"));
}
