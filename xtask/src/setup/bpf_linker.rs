//! bpf-linker: links the bitcode of the BPF programs into the object that the kernel loads.
//!
//! It must understand what this rustc writes, so it is built against rustc's own LLVM library,
//! which no distribution package has to provide. That binds the program to one toolchain, so it goes
//! to the user's cache under a name that says which, for all checkouts, and not to cargo's folder,
//! where it would replace another one. An existing bpf-linker on `PATH` is used where it shows that
//! it can.

use std::env;
use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result, bail};
use sha2::{Digest as _, Sha256};

use super::cache;
use super::step::Step;
use crate::process;
use crate::toolchain::{self, Toolchain};
use crate::workspace::Workspace;

/// What is built where none is there.
pub(crate) const VERSION: &str = "0.13.0";

pub(super) const STEP: Step = Step {
    what: "bpf-linker",
    why: "because rustc has no linker for BPF objects and their type information",
    installs: false,
    takes_packages: false,
    missing,
    provide,
};

/// The linker to build with: ours, else one on `PATH`. Whether it is any good, `setup` has tried.
pub(crate) fn linker(workspace: &Workspace) -> Result<PathBuf> {
    let ours = place(workspace, Toolchain::ask()?).join("bin/bpf-linker");
    Some(ours)
        .filter(|path| path.exists())
        .or_else(|| process::find_program("bpf-linker"))
        .context("no bpf-linker was built, nor is one on PATH; run: cargo xtask setup")
}

/// The folder of the one we build: in the cache, or where that is not safe, in the checkout.
fn place(workspace: &Workspace, toolchain: &Toolchain) -> PathBuf {
    let name = name(toolchain);
    let cached = cache::folder().map(|cache| cache.join(&name));
    // One that is there already must be as safe as its folder.
    let is_safe = |place: &PathBuf| {
        let linker = place.join("bin/bpf-linker");
        !linker.exists() || cache::only_ours(&linker).is_ok()
    };
    cached.ok().filter(is_safe).unwrap_or_else(|| workspace.tools().join(name))
}

/// Says what it is and which toolchain it belongs to: where that is, is compiled in.
fn name(toolchain: &Toolchain) -> String {
    let whose = format!("{} {}", toolchain.version, toolchain.sysroot.display());
    let whose = format!("{:x}", Sha256::digest(whose));
    format!("bpf-linker-{VERSION}-rustc-{}-{}", toolchain.release, &whose[..12])
}

fn missing(workspace: &Workspace) -> Option<String> {
    let Ok(linker) = linker(workspace) else {
        return Some("neither built before nor on PATH".to_owned());
    };
    let problem = probe(&linker).err();
    problem.map(|problem| format!("{} does not fit: {problem:#}", linker.display()))
}

/// Links a function compiled by this rustc. It is compiled for the host, since core has that form
/// in every toolchain; the linker is told to make BPF of it.
fn probe(linker: &Path) -> Result<()> {
    const SOURCE: &str = "#![no_std]\n#[unsafe(no_mangle)]\n\
                          pub extern \"C\" fn probe(x: u32) -> u32 { x }\n";
    // One of our own: another xtask in this checkout may be probing too.
    let folder = tempfile::tempdir().context("cannot make a folder to try bpf-linker in")?;
    let [source, bitcode, object] =
        ["probe.rs", "probe.bc", "probe.o"].map(|name| folder.path().join(name));
    fs::write(&source, SOURCE)?;
    let compiled = process::output(
        toolchain::rustc()
            .args(["--edition=2024", "--crate-type=lib", "--crate-name=probe", "-Cpanic=abort"])
            .arg("--emit=llvm-bc")
            .arg("-o")
            .args([&bitcode, &source]),
    );
    let linked = compiled.and_then(|_| {
        process::output(
            process::command(linker)
                .args(["--target=bpf", "--cpu=v3", "--btf", "--export=probe", "-o"])
                .args([&object, &bitcode]),
        )
    });
    let version = linked.and_then(|_| process::output(process::command(linker).arg("--version")));
    fits(version?.trim())
}

/// The options we give are those of 0.13 and later.
fn fits(version: &str) -> Result<()> {
    let number = version.rsplit(' ').next().unwrap_or_default();
    let mut parts = number.split('.').map_while(|part| part.parse::<u32>().ok());
    if (parts.next(), parts.next()) < (Some(0), Some(13)) {
        bail!("it is {version}, and {VERSION} or later is needed");
    }
    Ok(())
}

/// Builds it beside its place, and moves it there when it is whole: another xtask may look.
fn provide(workspace: &Workspace) -> Result<()> {
    let toolchain = Toolchain::ask()?;
    let place = place(workspace, toolchain);
    let folder = place.parent().context("a place without a folder")?;
    fs::create_dir_all(folder).with_context(|| format!("cannot make {}", folder.display()))?;
    let making = tempfile::Builder::new().prefix(".making-").tempdir_in(folder)?;
    build(toolchain, making.path())?;
    if place.exists() {
        // What was there is missing or does not fit.
        fs::remove_dir_all(&place).with_context(|| format!("cannot remove {}", place.display()))?;
    }
    fs::rename(making.path(), &place).with_context(|| format!("cannot make {}", place.display()))
}

fn build(toolchain: &Toolchain, folder: &Path) -> Result<()> {
    let llvm = llvm_prefix(toolchain, folder)?;
    let libraries = toolchain.sysroot.join("lib");
    let mut install = process::cargo();
    install
        .args(["install", "bpf-linker", "--version", VERSION, "--locked"])
        .args(["--no-default-features", "--features"])
        .arg(format!("llvm-{}", toolchain.llvm_major))
        .arg("--root")
        .arg(folder);
    eprintln!("setup: compiling bpf-linker {VERSION} against rustc's own LLVM (a minute)");
    install
        .env("LLVM_PREFIX", &llvm)
        .env("CARGO_ENCODED_RUSTFLAGS", rpath_flags(&libraries))
        .env_remove("RUSTFLAGS")
        // Its own profile has debug information, which nobody here reads: half of the time.
        .env("CARGO_PROFILE_RELEASE_DEBUG", "0")
        .env("CARGO_PROFILE_RELEASE_OPT_LEVEL", "1")
        // It says that its folder is not on PATH, unless it is.
        .env("PATH", with_folder_on_path(&folder.join("bin"))?);
    process::quietly(&mut install).context(
        "a bpf-linker of at least 0.13 that was built for this rustc's LLVM, anywhere on PATH, \
         does as well: cargo install bpf-linker, or cargo binstall bpf-linker",
    )
}

/// Found again at run time by the path of the toolchain, which is where it stays.
fn rpath_flags(libraries: &Path) -> String {
    format!("-Clink-arg=-Wl,-rpath,{}", libraries.display())
}

fn with_folder_on_path(folder: &Path) -> Result<std::ffi::OsString> {
    let path = env::var_os("PATH").unwrap_or_default();
    let folders = env::split_paths(&path).chain([folder.to_path_buf()]);
    env::join_paths(folders).context("PATH cannot be extended")
}

/// A folder that looks like an LLVM installation: `lib/libLLVM.so` is rustc's own library.
fn llvm_prefix(toolchain: &Toolchain, folder: &Path) -> Result<PathBuf> {
    let libraries = toolchain.sysroot.join("lib");
    let llvm = find_llvm(&libraries, toolchain.llvm_major).with_context(|| {
        format!(
            "no libLLVM.so.{}… in {}: this rustc is linked otherwise; install LLVM {0} with its \
             headers and run: cargo install bpf-linker --features llvm-{0}",
            toolchain.llvm_major,
            libraries.display()
        )
    })?;
    let prefix = folder.join("llvm");
    let link = prefix.join("lib/libLLVM.so");
    fs::create_dir_all(prefix.join("lib"))?;
    symlink(&llvm, &link).with_context(|| format!("cannot make the link {}", link.display()))?;
    Ok(prefix)
}

fn find_llvm(libraries: &Path, major: u32) -> Option<PathBuf> {
    let start = format!("libLLVM.so.{major}.");
    fs::read_dir(libraries).ok()?.filter_map(|entry| Some(entry.ok()?.path())).find(|path| {
        path.file_name().is_some_and(|name| name.to_string_lossy().starts_with(&start))
    })
}

#[cfg(test)]
mod tests {
    use super::fits;

    #[test]
    fn older_linkers_are_refused() {
        assert!(fits("bpf-linker 0.13.0").is_ok());
        assert!(fits("bpf-linker 0.14.1").is_ok());
        assert!(fits("bpf-linker 1.0.0").is_ok());
        assert!(fits("bpf-linker 0.9.15").is_err());
        assert!(fits("").is_err());
    }
}
