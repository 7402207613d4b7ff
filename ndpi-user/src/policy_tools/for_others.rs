//! A policy that is given to others: its text, and everything that is wrong with it.

use std::path::Path;

use anyhow::{Context as _, Result};
use ndpi::Asking;
use ndpi_policy::{Diagnostics, Support, Vocabulary, check, check_given};
use ndpi_text::shown;

use super::input;
use crate::engine_setup::EngineSetup;
use crate::files::read_bytes;
use crate::policy_files::{GivenPolicy, PolicyFiles};

/// The policy in `file`, or on standard input where that is `-`, as nDPI here understands it: with lists beside it.
///
/// # Errors
///
/// It cannot be read, or nDPI cannot be loaded or set up.
pub(crate) fn for_others(file: &Path, setup: &EngineSetup) -> Result<(String, Diagnostics)> {
    let engine = setup.engine(&setup.library()?)?;
    let lists = !setup.categories.is_empty();
    let names = Vocabulary::of(&engine).with_filed(&engine, lists);
    let app_of = |host: &str| Some(engine.classify_host(host, Asking::Tls)?.app);
    let support = Support::THIS_BUILD;
    if input::is_given(file) {
        let (text, files) = (input::read()?, PolicyFiles::as_they_are());
        let problems = check_given(input::NAME, &text, &names, support, &app_of, &files);
        return Ok((text, problems));
    }
    let doing = || format!("cannot read {}", shown(file));
    let bytes = read_bytes(file, input::LONGEST).with_context(doing)?;
    let text = ndpi_policy::policy_text(bytes).with_context(doing)?;
    let files = GivenPolicy::new(file, &text, PolicyFiles::as_they_are());
    let problems = check(file, &names, support, &app_of, &files);
    Ok((text, problems))
}
