//! The source of `core`, which has no compiled form for the BPF target.

use anyhow::{Context as _, Result, anyhow, bail};

use super::debian;
use super::step::Step;
use crate::process;
use crate::toolchain::Toolchain;
use crate::workspace::Workspace;

pub(super) const STEP: Step = Step {
    what: "source of core",
    why: "because rustc ships no compiled core for BPF, so cargo compiles it with the programs",
    installs: true,
    takes_packages: false,
    missing,
    provide,
};

fn missing(_: &Workspace) -> Option<String> {
    match Toolchain::ask() {
        Ok(toolchain) => missing_of(toolchain),
        Err(error) => Some(format!("{error:#}")),
    }
}

fn missing_of(toolchain: &Toolchain) -> Option<String> {
    let library = toolchain.library_source();
    // The lock file, since `-Z build-std` resolves against it: an interrupted copy lacks it.
    let complete = library.join("Cargo.lock").exists() && library.join("core/src/lib.rs").exists();
    (!complete).then(|| format!("not at {}", library.display()))
}

/// Rustup's component where rustup manages the toolchain and reaches its server, else Debian's
/// package of the same release.
fn provide(_: &Workspace) -> Result<()> {
    let toolchain = Toolchain::ask()?;
    if !toolchain.is_rustups() {
        bail!(
            "{} is not managed by rustup; install the source that belongs to it, on Debian and \
             Ubuntu with: sudo apt-get install rust-src",
            toolchain.sysroot.display()
        );
    }
    let name = toolchain.name().context("the toolchain's folder has no name")?;
    let by_hand = format!("rustup component add rust-src --toolchain {name}");
    eprintln!("setup: {by_hand} (writes into {})", toolchain.sysroot.display());
    let Err(rustup) = with_rustup(&by_hand, toolchain) else { return Ok(()) };
    eprintln!("setup: {rustup:#}; trying Debian's package of the same source");
    debian::install_core_source(toolchain).map_err(|debian| {
        anyhow!(
            "neither rustup nor Debian gave the source of core {}:\n  {rustup:#}\n  {debian:#}\n\
             with network access, run: {by_hand}",
            toolchain.release
        )
    })
}

fn with_rustup(command: &str, toolchain: &Toolchain) -> Result<()> {
    process::quietly(process::command("rustup").args(command.split(' ').skip(1)))?;
    // Rustup goes by its records, and those may be of another copy of the toolchain.
    missing_of(toolchain)
        .map_or(Ok(()), |problem| bail!("rustup is content, but core's source is {problem}"))
}
