//! Captures through the programs, packet by packet: what the kernel did with each, and the records.

use std::io::Write;
use std::path::Path;

use anyhow::{Result, ensure};

use super::Tools;
use crate::process;

pub(super) fn replay(tools: &Tools, out: &mut dyn Write) -> Result<()> {
    for capture in tools.captures()? {
        let name = name_of(&capture);
        let mut program = tools.program()?;
        program.args(["replay", "--json", "--packets", "--policy"]).arg(tools.policy());
        let records = process::output(program.arg(&capture))?;
        ensure!(records.contains(r#""action":"drop""#), "{name}: no packet was dropped");
        for record in records.lines() {
            writeln!(out, "replay of {name}: {record}")?;
        }
    }
    Ok(())
}

/// The name of a file, for a line of the report.
fn name_of(path: &Path) -> String {
    path.file_name().unwrap_or_default().to_string_lossy().into_owned()
}
