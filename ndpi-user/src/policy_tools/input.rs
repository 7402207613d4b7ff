//! Policies from standard input.

use std::io::{self, Read as _};
use std::path::Path;

use anyhow::{Context as _, Result, ensure};
use ndpi_policy::{AppOfHost, Diagnostics, Policy, Support, Vocabulary};

use crate::policy_files::{PolicyFiles, unusable};

/// What messages call it.
pub(super) const NAME: &str = "standard input";
/// Longest policy, in bytes, as of files.
pub(super) const LONGEST: u64 = 64 << 20;

/// Whether a path stands for standard input.
pub(super) fn is_given(path: &Path) -> bool {
    path == Path::new("-")
}

/// Everything that is wrong with the policy at `path`; `-` is standard input.
pub(super) fn check(path: &Path, names: &Vocabulary, app_of: AppOfHost<'_>) -> Result<Diagnostics> {
    let (support, files) = (Support::THIS_BUILD, PolicyFiles::as_they_are());
    if !is_given(path) {
        return Ok(ndpi_policy::check(path, names, support, app_of, &files));
    }
    Ok(ndpi_policy::check_given(NAME, &read()?, names, support, app_of, &files))
}

/// The policy at `path`; `-` is standard input.
pub(super) fn load(path: &Path, names: &Vocabulary) -> Result<Policy> {
    let (support, files) = (Support::THIS_BUILD, PolicyFiles::as_they_are());
    let loaded = if is_given(path) {
        ndpi_policy::load_given(NAME, &read()?, names, support, &files)
    } else {
        ndpi_policy::load(path, names, support, &files)
    };
    loaded.map_err(unusable)
}

/// The policy on standard input.
pub(super) fn read() -> Result<String> {
    let mut bytes = Vec::new();
    let read = io::stdin().lock().take(LONGEST + 1).read_to_end(&mut bytes);
    let length = read.context("reading a policy from standard input")?;
    ensure!(length as u64 <= LONGEST, "a policy has at most {} MiB", LONGEST >> 20);
    ndpi_policy::policy_text(bytes).context("reading a policy from standard input")
}
