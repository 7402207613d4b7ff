//! `cargo xtask build`: the BPF object, then the program that embeds it.

use std::fs;
use std::path::Path;
use std::process::{Command, ExitCode};

use anyhow::{Context, Result};
use sha2::{Digest, Sha256};

use crate::process;
use crate::setup;
use crate::toolchain;
use crate::workspace::Workspace;

/// Compile the BPF programs and `ndpi-xdp`, after setting up what is missing.
#[derive(clap::Args)]
pub(crate) struct Args {
    /// Compile `ndpi-xdp` without optimisation, into `target/debug`. (The BPF programs are always
    /// optimised: the kernel's verifier refuses them otherwise.)
    #[arg(long)]
    debug: bool,
}

/// `cargo xtask build`.
pub(crate) fn run(args: &Args, workspace: &Workspace) -> Result<ExitCode> {
    build(workspace, args.debug)?;
    eprintln!("build: {}", workspace.binary(args.debug).display());
    Ok(ExitCode::SUCCESS)
}

/// Builds everything; the binary is at [`Workspace::binary`] then.
pub(crate) fn build(workspace: &Workspace, debug: bool) -> Result<()> {
    setup::ensure(workspace)?;
    build_object(workspace)?;
    build_program(workspace, debug)
}

/// Compiles the program, with the object that is there.
pub(crate) fn build_program(workspace: &Workspace, debug: bool) -> Result<()> {
    let mut cargo = process::cargo();
    cargo.args(["build", "--package", "ndpi-user", "--bin", "ndpi-xdp"]);
    if !debug {
        cargo.arg("--release");
    }
    process::run(cargo.arg("--target-dir").arg(workspace.target()).current_dir(workspace.root()))
}

/// Compiles the BPF programs and puts the object where `ndpi-user` embeds it from.
pub(crate) fn build_object(workspace: &Workspace) -> Result<()> {
    process::run(for_bpf(workspace, "build")?.args(["--bin", "ndpi-xdp"]))?;
    let built = workspace.bpf_target().join(toolchain::bpf_target()).join("release/ndpi-xdp");
    publish(&built, &workspace.bpf_object())
}

/// A cargo command on the BPF programs, for their own target.
pub(crate) fn for_bpf(workspace: &Workspace, subcommand: &str) -> Result<Command> {
    let linker = setup::linker(workspace)?;
    let flags = [
        // Type information of maps and programs, for the kernel and bpftool.
        "-Cdebuginfo=2".to_owned(),
        "-Clink-arg=--btf".to_owned(),
        // 32-bit registers and jumps: in every kernel that has ring buffers.
        "-Ctarget-cpu=v3".to_owned(),
        format!("-Clinker={}", linker.display()),
    ];
    let mut cargo = process::cargo();
    cargo
        .args([subcommand, "--package", "ndpi-ebpf", "--release", "-Zbuild-std=core", "--target"])
        .arg(toolchain::bpf_target())
        .arg("--target-dir")
        .arg(workspace.bpf_target())
        .current_dir(workspace.root())
        // `-Z build-std` on a stable compiler.
        .env("RUSTC_BOOTSTRAP", "1")
        // Compiled in many units, as an environment may ask for, the programs call more and inline
        // less: together they then need more stack than the verifier allows.
        .env("CARGO_INCREMENTAL", "0")
        .env("CARGO_ENCODED_RUSTFLAGS", flags.join("\x1f"));
    Ok(cargo)
}

/// Copies the object if it has changed, so that what embeds it is compiled anew only then.
fn publish(built: &Path, object: &Path) -> Result<()> {
    let content = fs::read(built).with_context(|| format!("cannot read {}", built.display()))?;
    if fs::read(object).is_ok_and(|old| old == content) {
        return Ok(());
    }
    let hash = Sha256::digest(&content);
    fs::write(object, content).with_context(|| format!("cannot write {}", object.display()))?;
    // What a build without the object watches, see `ndpi-user/build.rs`.
    let stamp = object.with_extension("stamp");
    fs::write(&stamp, format!("{hash:x}\n"))
        .with_context(|| format!("cannot write {}", stamp.display()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_unchanged_object_is_left_alone() {
        let folder = std::env::temp_dir().join(format!("xtask-publish-{}", std::process::id()));
        fs::create_dir_all(&folder).unwrap();
        let (built, object) = (folder.join("built"), folder.join("ndpi-xdp.o"));
        fs::write(&built, "one").unwrap();
        publish(&built, &object).unwrap();
        let stamp = fs::read(folder.join("ndpi-xdp.stamp")).unwrap();
        fs::remove_file(folder.join("ndpi-xdp.stamp")).unwrap();
        publish(&built, &object).unwrap();
        assert!(!folder.join("ndpi-xdp.stamp").exists(), "the second time nothing is written");
        fs::write(&built, "two").unwrap();
        publish(&built, &object).unwrap();
        assert_eq!(fs::read(&object).unwrap(), b"two");
        assert_ne!(fs::read(folder.join("ndpi-xdp.stamp")).unwrap(), stamp);
        fs::remove_dir_all(&folder).unwrap();
    }
}
