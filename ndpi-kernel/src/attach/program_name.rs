//! Names of loaded programs.

use aya::programs::loaded_programs;

/// The name of the loaded program with this number.
pub(super) fn program_name(id: u32) -> Option<String> {
    let info = loaded_programs().flatten().find(|info| info.id() == id)?;
    info.name_as_str().filter(|name| !name.is_empty()).map(str::to_owned)
}
