//! The program.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result};

use crate::manner;
use crate::process;
use crate::toolchain::Toolchain;
use crate::workspace::{Profile, Workspace};

/// Compiles the program, with the object that is there.
pub(crate) fn build_program(workspace: &Workspace, profile: Profile) -> Result<()> {
    let what = format!("build: compiling ndpi-xdp ({})", profile.patience());
    manner::announced(&what, || process::run(&mut compiling(workspace, profile)))
}

/// The command that compiles the program.
pub(crate) fn compiling(workspace: &Workspace, profile: Profile) -> Command {
    let mut cargo = process::compiler("build");
    cargo.args(["--package", "ndpi-user", "--bin", "ndpi-xdp"]);
    cargo.args(["--profile", profile.name()]).arg("--target-dir").arg(workspace.target());
    cargo.current_dir(workspace.root());
    cargo
}

/// Puts the program that is to be installed into a folder of its own, without symbols, which go into
/// a file beside it; gdb and perf find them there or below `/usr/lib/debug`.
pub(super) fn split(workspace: &Workspace) -> Result<PathBuf> {
    let folder = workspace.target().join("install");
    fs::create_dir_all(&folder).with_context(|| format!("cannot make {}", folder.display()))?;
    split_symbols(Toolchain::ask()?, &workspace.binary(Profile::Dist), &folder)
}

fn split_symbols(toolchain: &Toolchain, built: &Path, folder: &Path) -> Result<PathBuf> {
    let name = built.file_name().context("a program without a name")?;
    let program = folder.join(name);
    let symbols = program.with_extension("debug");
    let objcopy = |arguments: &[&str], from: &Path, to: &Path| {
        process::output(toolchain.objcopy()?.args(arguments).args([from, to])).map(drop)
    };
    objcopy(&["--only-keep-debug"], built, &symbols)?;
    let link = format!("--add-gnu-debuglink={}", symbols.display());
    objcopy(&["--strip-all", &link], built, &program)?;
    Ok(program)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::toolchain;

    #[test]
    fn symbols_are_kept_apart() {
        let folder = tempfile::tempdir().unwrap();
        let (source, built) = (folder.path().join("p.rs"), folder.path().join("p"));
        fs::write(&source, "fn main() {}").unwrap();
        process::output(toolchain::rustc().arg("-g").arg("-o").args([&built, &source])).unwrap();
        let place = folder.path().join("install");
        fs::create_dir(&place).unwrap();
        let program = split_symbols(Toolchain::ask().unwrap(), &built, &place).unwrap();
        process::output(&mut process::command(&program)).unwrap();
        let has = |file: &Path, section: &str| {
            let mut readelf = process::command("readelf");
            let sections = process::output(readelf.args(["-SW"]).arg(file)).unwrap();
            sections.split_whitespace().any(|word| word == section)
        };
        assert!(has(&program, ".gnu_debuglink") && !has(&program, ".debug_info"));
        assert!(!has(&program, ".symtab"));
        let symbols = place.join("p.debug");
        assert!(has(&symbols, ".debug_info") && has(&symbols, ".symtab"));
    }
}
