//! Memory per flow.

use std::path::Path;

use anyhow::{Context, Result};

use super::contender::number;
use crate::process;
use crate::workspace::Workspace;

/// Bytes per flow.
pub(super) struct Memory {
    pub(super) flows: u32,
    /// As nDPI alone keeps them.
    pub(super) ndpi: f64,
    /// Undecided, nDPI's part included.
    pub(super) undecided: f64,
    pub(super) decided: f64,
}

/// Measures each in a process of its own: what an allocator keeps would blur the next.
pub(super) fn measure(workspace: &Workspace, costs: &Path, flows: u32) -> Result<Memory> {
    let bytes = |what: &str| -> Result<f64> {
        eprintln!("memory of {flows} flows: {what}");
        let mut command = process::command(costs);
        if workspace.ndpi_library().is_file() {
            command.env("NDPI_LIBRARY", workspace.ndpi_library());
        }
        let text = process::output(command.arg("flow-memory").arg(flows.to_string()).arg(what))?;
        number(&text, "bytes_per_flow").with_context(|| format!("flow-memory printed {text:?}"))
    };
    let (ndpi, undecided, decided) = (bytes("ndpi")?, bytes("undecided")?, bytes("decided")?);
    Ok(Memory { flows, ndpi, undecided, decided })
}
