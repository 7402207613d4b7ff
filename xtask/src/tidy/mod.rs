//! `cargo xtask tidy`: the project's own rules, those that no lint knows.
//!
//! Each rule is a function from the sources to what it found. The same runs as a test, so that
//! `cargo test` finds it too.

mod abi;
mod access;
mod circles;
mod layers;
mod licences;
mod links;
mod manifests;
mod maps;
mod paths;
mod promises;
mod prose;
mod shared_types;
mod size;
mod sources;
mod words;
mod workflows;

use std::process::ExitCode;

use anyhow::{Result, ensure};

use crate::workspace::Workspace;
use sources::Sources;

/// Check the project's own rules: sizes, who may touch what, shared types.
#[derive(clap::Args)]
pub(crate) struct Args {
    /// Record the types shared with the kernel as those of the present ABI version. Refused where
    /// they changed and the version did not.
    #[arg(long)]
    accept_abi: bool,
}

/// `cargo xtask tidy`.
pub(crate) fn run(args: &Args, workspace: &Workspace) -> Result<ExitCode> {
    if args.accept_abi {
        abi::accept(&Sources::read(workspace.root())?, workspace.root())?;
    }
    let findings = findings(workspace)?;
    for finding in &findings {
        println!("{finding}");
    }
    if findings.is_empty() {
        println!("tidy: ok");
        return Ok(ExitCode::SUCCESS);
    }
    println!("tidy: {} findings", findings.len());
    Ok(ExitCode::FAILURE)
}

/// Fails where something is found.
pub(crate) fn ensure(workspace: &Workspace) -> Result<()> {
    let findings = findings(workspace)?;
    ensure!(findings.is_empty(), "{} findings:\n{}", findings.len(), findings.join("\n"));
    Ok(())
}

/// What is not as it should be, a line each.
fn findings(workspace: &Workspace) -> Result<Vec<String>> {
    let root = workspace.root();
    let sources = Sources::read(root)?;
    Ok([
        size::check(&sources),
        words::check(&sources),
        access::check(&sources),
        circles::check(&sources),
        shared_types::check(&sources),
        abi::check(&sources, root)?,
        manifests::check(root)?,
        layers::check(root)?,
        licences::check(root)?,
        workflows::check(root)?,
        links::check(root)?,
        paths::check(root)?,
        promises::check(&sources, root)?,
        maps::check(&sources, root)?,
        prose::check(&sources, root)?,
    ]
    .concat())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_project_is_tidy() {
        let findings = findings(&Workspace::here()).unwrap();
        assert!(findings.is_empty(), "{}", findings.join("\n"));
    }
}
