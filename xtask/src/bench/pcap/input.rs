//! The merged capture that all contenders read.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};

use crate::process;
use crate::workspace::Workspace;

/// A capture and how many packets it has.
pub(super) struct Input {
    pub(super) path: PathBuf,
    pub(super) packets: u64,
}

/// Makes the capture below `target/bench/`, or takes the one that is there.
pub(super) fn merged(workspace: &Workspace, costs: &Path, copies: u8) -> Result<Input> {
    let folder = workspace.target().join("bench");
    fs::create_dir_all(&folder)?;
    let path = folder.join(format!("merged-{copies}.pcap"));
    let note = path.with_extension("packets");
    if let Ok(text) = fs::read_to_string(&note)
        && path.is_file()
    {
        let packets = text.trim().parse().context("target/bench is damaged; remove it")?;
        return Ok(Input { path, packets });
    }
    let mut command = process::command(costs);
    command.arg("merge-captures").arg(&path).arg(copies.to_string()).args(captures(workspace)?);
    let packets = process::output(&mut command)?;
    fs::write(&note, &packets)?;
    Ok(Input { path, packets: packets.trim().parse().context("merge-captures prints a number")? })
}

/// The corpus's captures: of `NDPI_CORPUS`, else beside the checkout.
fn captures(workspace: &Workspace) -> Result<Vec<PathBuf>> {
    let beside = workspace.root().join("../shared/corpus");
    let folder = process::variable("NDPI_CORPUS").map_or(beside, PathBuf::from).join("captures");
    let Ok(entries) = fs::read_dir(&folder) else {
        bail!(
            "no captures in {}: set NDPI_CORPUS to a folder that has `captures`",
            folder.display()
        )
    };
    let mut captures: Vec<PathBuf> =
        entries.map(|entry| Ok(entry?.path())).collect::<Result<_>>()?;
    captures.sort();
    Ok(captures)
}
