//! Readers of Parquet in packages of Python, for tests of what the program writes.

use std::fs;
use std::path::Path;
use std::process::Command;

use anyhow::{Context as _, Result};

use super::step::Step;
use super::wheel::python_with_pip;
use crate::process;
use crate::workspace::Workspace;

pub(super) const STEP: Step = Step {
    what: "DuckDB, pandas and pyarrow",
    why: "to read in tests what `run` writes as Parquet",
    installs: false,
    takes_packages: true,
    missing,
    provide,
};

/// With what they take: others than these are not installed.
const PACKAGES: [&str; 6] = [
    "duckdb==2.0.1",
    "numpy==2.4.6",
    "pandas==3.1.1",
    "pyarrow==26.0.1",
    "python-dateutil==4.0.0",
    "six==1.17.0",
];

/// In the folder, once all of them are there: their versions.
const THERE: &str = "there";

fn missing(workspace: &Workspace) -> Option<String> {
    let there = fs::read_to_string(workspace.python().join(THERE));
    let is_there = there.is_ok_and(|there| there.lines().eq(PACKAGES));
    (!is_there).then(|| format!("not in {}", workspace.python().display()))
}

fn provide(workspace: &Workspace) -> Result<()> {
    let folder = workspace.python();
    if folder.exists() {
        fs::remove_dir_all(&folder).context("cannot remove the packages of another version")?;
    }
    process::quietly(&mut install(&python_with_pip()?, &folder))?;
    fs::write(folder.join(THERE), PACKAGES.join("\n")).context("cannot note what was installed")
}

fn install(python: &Path, folder: &Path) -> Command {
    let mut pip = process::command(python);
    pip.args(["-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--no-deps"])
        .args(["--only-binary=:all:", "--target"])
        .arg(folder)
        .args(PACKAGES);
    pip
}
