//! Compiles the BPF programs.

use std::fs;
use std::path::Path;
use std::process::Command;

use anyhow::{Context, Result};

use super::profile::{FLAGS, PROFILE};
use super::stack;
use crate::manner;
use crate::process;
use crate::setup::{self, Need};
use crate::toolchain::{self, Toolchain};
use crate::workspace::Workspace;

/// Compiles the BPF programs, after setting up what that takes; without what only debuggers read.
pub(super) fn compile(workspace: &Workspace) -> Result<Vec<u8>> {
    setup::provide(workspace, &Need { object: true, ..Need::default() })?;
    let mut cargo = for_bpf(workspace, "build")?;
    cargo.args(["--bin", "ndpi-xdp"]);
    let what = "build: compiling the BPF programs (half a minute)";
    manner::announced(what, || process::run(&mut cargo))?;
    let built = workspace.bpf_target().join(toolchain::bpf_target()).join("release/ndpi-xdp");
    let object = stripped(&built, Toolchain::ask()?)?;
    stack::check(&object)?;
    Ok(object)
}

/// The object without its DWARF sections, of which BTF was made: three quarters of the file.
fn stripped(built: &Path, toolchain: &Toolchain) -> Result<Vec<u8>> {
    let small = built.with_extension("stripped");
    let mut objcopy = toolchain.objcopy()?;
    process::output(objcopy.arg("--strip-debug").args([built, &small]))?;
    fs::read(&small).with_context(|| format!("cannot read {}", small.display()))
}

/// A cargo command on the BPF programs, for their own target.
pub(crate) fn for_bpf(workspace: &Workspace, subcommand: &str) -> Result<Command> {
    let target = toolchain::bpf_target();
    let linker = format!("CARGO_TARGET_{}_LINKER", target.to_uppercase().replace('-', "_"));
    let mut cargo = process::compiler(subcommand);
    cargo
        .args(["--package", "ndpi-ebpf", "--release", "-Zbuild-std=core"])
        .args(["-Ztrim-paths", "--target", target, "--target-dir"])
        .arg(workspace.bpf_target())
        .current_dir(workspace.root())
        // `-Z` on a stable compiler.
        .env("RUSTC_BOOTSTRAP", "1")
        .env("CARGO_ENCODED_RUSTFLAGS", FLAGS.join("\x1f"))
        .env(linker, setup::linker(workspace)?)
        // It would win over the profile's.
        .env("CARGO_INCREMENTAL", "0");
    for (name, value) in PROFILE {
        cargo.env(format!("CARGO_PROFILE_RELEASE_{name}"), value);
    }
    Ok(cargo)
}
