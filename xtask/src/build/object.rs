//! The object with the BPF programs: the committed one, or compiled.

use std::fs;
use std::path::Path;
use std::process::Command;

use anyhow::{Context, Result};
use sha2::{Digest, Sha256};

use super::committed::{self, Committed};
use super::profile::{FLAGS, PROFILE};
use crate::manner;
use crate::process;
use crate::setup::{self, Need};
use crate::toolchain::{self, Toolchain};
use crate::workspace::Workspace;

/// Puts the object where `ndpi-kernel` embeds it from: the committed one where it is what the sources
/// give, else one that is compiled now.
pub(crate) fn provide_object(workspace: &Workspace) -> Result<()> {
    let content = match Committed::read(workspace)?.filter(Committed::fits) {
        Some(committed) => committed.object,
        None => compile(workspace)?,
    };
    publish(&content, &workspace.bpf_object())
}

/// The same as a check, of what is committed too: in CI always by compiling.
pub(crate) fn check_object(workspace: &Workspace) -> Result<()> {
    if !is_compiled(workspace)? {
        eprintln!("test: the committed object is of these sources; CI compiles and compares");
        return provide_object(workspace);
    }
    let content = compile(workspace)?;
    publish(&content, &workspace.bpf_object())?;
    committed::check(workspace, &content)
}

/// Whether checks compile the BPF programs: in CI, and where no committed object fits.
pub(crate) fn is_compiled(workspace: &Workspace) -> Result<bool> {
    let fits = Committed::read(workspace)?.is_some_and(|committed| committed.fits());
    Ok(!fits || testkit::needs::in_ci())
}

/// Compiles the BPF programs, after setting up what that takes; without what only debuggers read.
pub(super) fn compile(workspace: &Workspace) -> Result<Vec<u8>> {
    setup::provide(workspace, &Need { object: true, ..Need::default() })?;
    let mut cargo = for_bpf(workspace, "build")?;
    cargo.args(["--bin", "ndpi-xdp"]);
    let what = "build: compiling the BPF programs (half a minute)";
    manner::announced(what, || process::run(&mut cargo))?;
    let built = workspace.bpf_target().join(toolchain::bpf_target()).join("release/ndpi-xdp");
    stripped(&built, Toolchain::ask()?)
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

/// Writes the object if it has changed, so that what embeds it is compiled again only then.
fn publish(content: &[u8], object: &Path) -> Result<()> {
    if fs::read(object).is_ok_and(|old| old == content) {
        return Ok(());
    }
    if let Some(folder) = object.parent() {
        fs::create_dir_all(folder).with_context(|| format!("cannot make {}", folder.display()))?;
    }
    fs::write(object, content).with_context(|| format!("cannot write {}", object.display()))?;
    // What a build without the object watches, see `ndpi-kernel/build.rs`.
    let stamp = object.with_extension("stamp");
    fs::write(&stamp, format!("{:x}\n", Sha256::digest(content)))
        .with_context(|| format!("cannot write {}", stamp.display()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_unchanged_object_is_left_alone() {
        let folder = tempfile::tempdir().unwrap();
        let object = folder.path().join("bpf/ndpi-xdp.o");
        let stamp = object.with_extension("stamp");
        publish(b"one", &object).unwrap();
        let first = fs::read(&stamp).unwrap();
        fs::remove_file(&stamp).unwrap();
        publish(b"one", &object).unwrap();
        assert!(!stamp.exists(), "the second time nothing is written");
        publish(b"two", &object).unwrap();
        assert_eq!(fs::read(&object).unwrap(), b"two");
        assert_ne!(fs::read(&stamp).unwrap(), first);
    }
}
