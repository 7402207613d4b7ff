//! The steps of `cargo xtask test`, quick ones first.

use std::process::Command;

use anyhow::{Result, ensure};

use super::{cargo, examples};
use crate::workspace::{Profile, Workspace};
use crate::{build, process, setup, tidy};

/// One step.
pub(super) struct Step {
    pub(super) name: &'static str,
    pub(super) what: &'static str,
    pub(super) run: fn(&Workspace) -> Result<()>,
}

/// What is done beside other steps, from one to before another: it compiles into a folder that these do not use, and
/// each of them leaves CPUs idle while one thread reads the largest crate.
pub(super) struct Beside {
    pub(super) from: &'static str,
    pub(super) before: &'static str,
    pub(super) command: fn(&Workspace) -> Command,
}

/// The program that the step behind the others asks for its version.
pub(super) const BESIDE: Beside =
    Beside { from: "clippy", before: "release", command: compiling_the_program };

/// All of them, in order. The object comes before whatever embeds it, so that is compiled once.
pub(super) const STEPS: [Step; 12] = [
    Step { name: "setup", what: "what building and testing need", run: set_up },
    Step { name: "format", what: "rustfmt", run: format },
    Step { name: "tidy", what: "the project's own rules, licences", run: tidy::ensure },
    Step { name: "deny", what: "cargo-deny, where it is installed", run: deny },
    Step { name: "bpf", what: "the BPF programs", run: build::check_object },
    Step { name: "bpf-clippy", what: "clippy on the BPF programs", run: bpf_clippy },
    Step { name: "clippy", what: "clippy on everything else", run: clippy },
    Step { name: "docs", what: "rustdoc without warnings, and its examples", run: docs },
    Step { name: "examples", what: "the crates' examples, run", run: examples::run },
    Step { name: "units", what: "unit tests, as you", run: units },
    Step { name: "release", what: "the program", run: release },
    Step { name: "integration", what: "integration tests, with root's rights", run: integration },
];

pub(super) fn names() -> [&'static str; STEPS.len()] {
    STEPS.map(|step| step.name)
}

fn set_up(workspace: &Workspace) -> Result<()> {
    setup::ensure_for_tests(workspace, build::is_compiled(workspace)?)
}

fn format(workspace: &Workspace) -> Result<()> {
    let check = ["fmt", "--all", "--check"];
    process::run(process::cargo().args(check).current_dir(workspace.root()))?;
    process::run(process::cargo().args(check).current_dir(workspace.launcher()))
}

/// Rules about dependencies beyond their licences (which `tidy` checks everywhere). Advisories are
/// left out: they come over the network, and change while the code does not.
fn deny(workspace: &Workspace) -> Result<()> {
    if process::find_program("cargo-deny").is_none() {
        eprintln!("test: cargo-deny is not installed (cargo install --locked cargo-deny): skipped");
        return Ok(());
    }
    let mut deny = process::cargo();
    deny.args(["deny", "--offline", "check", "bans", "licenses", "sources"]);
    process::run(deny.current_dir(workspace.root()))
}

fn bpf_clippy(workspace: &Workspace) -> Result<()> {
    if !build::is_compiled(workspace)? {
        eprintln!("test: the committed object is of these sources; CI looks at them");
        return Ok(());
    }
    process::run(build::for_bpf(workspace, "clippy")?.args(["--", "-D", "warnings"]))
}

fn clippy(workspace: &Workspace) -> Result<()> {
    let mut clippy = cargo::command(workspace, "clippy");
    process::run(clippy.args(["--all-targets", "--", "-D", "warnings"]))?;
    // Nothing below the commands may need them. With the examples of all packages, since other crates then have the
    // features that they have above: none but `ndpi-user` is checked again.
    let mut alone = cargo::command(workspace, "clippy");
    alone.args(["--lib", "--examples", "--no-default-features"]);
    process::run(alone.args(["--", "-D", "warnings"]))
}

fn docs(workspace: &Workspace) -> Result<()> {
    let mut doc = cargo::command(workspace, "doc");
    process::run(doc.arg("--no-deps").env("RUSTDOCFLAGS", "-D warnings"))?;
    cargo::test(workspace, &["--doc"], cargo::Rights::Own)
}

fn units(workspace: &Workspace) -> Result<()> {
    cargo::test(workspace, &["--lib", "--bins"], cargo::Rights::Own)?;
    let mut launcher = process::cargo();
    launcher.args(["test", "--quiet", "--target-dir"]).arg(workspace.target().join("launch"));
    process::run(launcher.current_dir(workspace.launcher()))
}

fn compiling_the_program(workspace: &Workspace) -> Command {
    build::compiling(workspace, Profile::Quick)
}

fn release(workspace: &Workspace) -> Result<()> {
    build::build_program(workspace, Profile::Quick)?;
    let mut program = process::command(workspace.binary(Profile::Quick));
    let version = process::output(program.arg("--version"))?;
    ensure!(version.starts_with("ndpi-xdp "), "`ndpi-xdp --version` says {version:?}");
    Ok(())
}

fn integration(workspace: &Workspace) -> Result<()> {
    cargo::test(workspace, &["--test", "*"], cargo::Rights::Root)
}
