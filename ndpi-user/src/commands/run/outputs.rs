//! Where records are written beside standard output.

use std::path::Path;

use anyhow::{Context as _, Result};
use ndpi_export::Output;

use crate::files::read_bytes;

/// Bytes of a configuration file at most.
const LONGEST_FILE: u64 = 1 << 20;

/// The outputs that are asked for, and those of the configuration file.
///
/// # Errors
///
/// The configuration file cannot be read, is no TOML, or asks for what there is not.
pub(super) fn outputs(asked: &[Output], config: Option<&Path>) -> Result<Vec<Output>> {
    let mut outputs = asked.to_vec();
    if let Some(path) = config {
        let doing = || format!("cannot use {} for outputs", ndpi_text::shown(path));
        let bytes = read_bytes(path, LONGEST_FILE).with_context(doing)?;
        let text = String::from_utf8(bytes).with_context(doing)?;
        outputs.extend(Output::of_configuration(&text).with_context(doing)?);
    }
    Ok(outputs)
}
