//! rustfmt and clippy, which a minimal toolchain lacks.

use anyhow::{Context as _, Result};

use super::step::Step;
use crate::process;
use crate::toolchain::Toolchain;
use crate::workspace::Workspace;

pub(super) const STEP: Step = Step {
    what: "rustfmt and clippy",
    why: "because every change is formatted and linted",
    installs: true,
    takes_packages: false,
    missing,
    provide,
};

fn missing(_: &Workspace) -> Option<String> {
    ["fmt", "clippy"]
        .iter()
        .find(|tool| process::output(process::cargo().args([tool, "--version"])).is_err())
        .map(|tool| format!("no `cargo {tool}`"))
}

fn provide(_: &Workspace) -> Result<()> {
    let toolchain = Toolchain::ask()?;
    let name = toolchain.name().context("the toolchain's folder has no name")?;
    let mut rustup = process::command("rustup");
    rustup.args(["component", "add", "rustfmt", "clippy", "--toolchain", &name]);
    eprintln!("setup: {} (writes into {})", process::shown(&rustup), toolchain.sysroot.display());
    process::quietly(&mut rustup).context(
        "without rustup, install the components that belong to the compiler, on Debian and \
         Ubuntu: sudo apt-get install rustfmt rust-clippy",
    )
}
