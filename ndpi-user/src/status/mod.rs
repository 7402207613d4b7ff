//! How an instance is: `ndpi-xdp status`. Of a running one by its own answer, of a dead one by its maps.

mod ago;
mod find;
mod from_maps;
mod json;
mod left;
mod lines;
mod text;

use std::path::Path;
use std::process::ExitCode;

use anyhow::Result;

use crate::stdout::print;
use find::find;
pub(crate) use left::Left;

/// Prints how the instance with these pins is. Exit status 0 where all that is to be enforced is, 1 otherwise,
/// also where there is none.
///
/// # Errors
/// This process may not ask it, or not read its maps.
pub(crate) fn show(pin_directory: &Path, as_json: bool) -> Result<ExitCode> {
    let found = find(pin_directory)?;
    print(&if as_json { json::line(&found)? } else { text::text(&found) })?;
    Ok(if found.is_whole() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}
