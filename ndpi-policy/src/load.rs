//! Reading a policy and the lists it names.

use std::io;
use std::path::Path;

use ndpi_text::shown;
use serde::{Deserialize, Serialize};

use crate::decide::Policy;
use crate::diagnose::{Diagnostics, Problem};
use crate::encoding::{list_text, policy_text};
use crate::files::{Files, ReadList, beside};
use crate::lint::{AppOfHost, lint};
use crate::parsed::Parsed;
use crate::read::Reader;
use crate::support::Support;
use crate::vocabulary::Vocabulary;

/// Largest policy or list file: more is a mistake (or a device file).
pub const LONGEST_FILE: u64 = 128 << 20;

/// Reads the policy at `path`. Relative paths of lists start at its folder.
///
/// # Errors
/// Everything that is wrong with it, warnings among it.
pub fn load(
    path: &Path,
    vocabulary: &Vocabulary,
    support: Support,
    files: &dyn Files,
) -> Result<Policy, Diagnostics> {
    read_first(path, vocabulary, support, files).map(|read| read.index(vocabulary))
}

/// [`load`], as far as it can be done without those who decide by it.
pub(super) fn read_first(
    path: &Path,
    vocabulary: &Vocabulary,
    support: Support,
    files: &dyn Files,
) -> Result<ReadPolicy, Diagnostics> {
    let text = policy_from(path, || read_policy(files, path))?;
    let read_list = |list: &Path| read_list(files, &beside(path, list));
    let mut reader = Reader::new(vocabulary, support, &read_list);
    let parsed = reader.policy(path, &text);
    policy_of(parsed, reader.diagnostics)
}

/// A policy that was read and is not indexed yet, with what is to be said of it: no error.
#[derive(Debug, Serialize, Deserialize)]
pub struct ReadPolicy {
    pub(super) parsed: Parsed,
    pub(super) diagnostics: Diagnostics,
}

impl ReadPolicy {
    /// The files that it was read from, the policy first.
    pub fn paths(&self) -> impl Iterator<Item = &Path> {
        self.diagnostics.paths()
    }

    /// The policy, ready to decide.
    pub fn index(self, vocabulary: &Vocabulary) -> Policy {
        Policy::new(self.parsed, vocabulary, self.diagnostics)
    }
}

pub(super) fn read_policy(files: &dyn Files, path: &Path) -> io::Result<String> {
    policy_text(files.read(path, LONGEST_FILE)?)
}

pub(super) fn read_list(files: &dyn Files, path: &Path) -> io::Result<String> {
    list_text(files.read(path, LONGEST_FILE)?)
}

/// Reads a policy from its text; `path` is what messages call it.
///
/// # Errors
/// As [`load`].
pub fn parse(
    path: &Path,
    text: &str,
    vocabulary: &Vocabulary,
    support: Support,
    read_list: ReadList<'_>,
) -> Result<Policy, Diagnostics> {
    let mut reader = Reader::new(vocabulary, support, read_list);
    let parsed = reader.policy(path, text);
    policy_of(parsed, reader.diagnostics).map(|read| read.index(vocabulary))
}

/// What was read, where nothing in it is wrong.
pub(super) fn policy_of(
    parsed: Option<Parsed>,
    mut diagnostics: Diagnostics,
) -> Result<ReadPolicy, Diagnostics> {
    diagnostics.sort();
    match parsed {
        Some(parsed) if !diagnostics.has_errors() => Ok(ReadPolicy { parsed, diagnostics }),
        _ => Err(diagnostics),
    }
}

/// Reads a policy whose text comes from elsewhere than a file. Messages call it `name`; relative paths of
/// lists start at the current folder.
///
/// # Errors
/// As [`load`].
pub fn load_given(
    name: &str,
    text: &str,
    vocabulary: &Vocabulary,
    support: Support,
    files: &dyn Files,
) -> Result<Policy, Diagnostics> {
    let read_list = |list: &Path| read_list(files, list);
    let mut loaded = parse(Path::new(name), text, vocabulary, support, &read_list);
    match &mut loaded {
        Ok(policy) => policy.diagnostics_mut().set_given(),
        Err(diagnostics) => diagnostics.set_given(),
    }
    loaded
}

/// [`check`] for a policy as [`load_given`] reads it.
pub fn check_given(
    name: &str,
    text: &str,
    vocabulary: &Vocabulary,
    support: Support,
    app_of: AppOfHost<'_>,
    files: &dyn Files,
) -> Diagnostics {
    let read_list = |list: &Path| read_list(files, list);
    let reader = Reader::new(vocabulary, support, &read_list);
    let mut found = check_read(reader, Path::new(name), text, app_of);
    found.set_given();
    found
}

/// Everything that is wrong or suspicious about the policy at `path`: what [`load`] finds, and rules
/// that can never match or overlap. `app_of` gives the application of flows to a host, as far as it is
/// known.
pub fn check(
    path: &Path,
    vocabulary: &Vocabulary,
    support: Support,
    app_of: AppOfHost<'_>,
    files: &dyn Files,
) -> Diagnostics {
    match policy_from(path, || read_policy(files, path)) {
        Ok(text) => {
            let read_list = |list: &Path| read_list(files, &beside(path, list));
            check_read(Reader::new(vocabulary, support, &read_list), path, &text, app_of)
        }
        Err(diagnostics) => diagnostics,
    }
}

/// [`check`] for a policy in memory, of whose hosts nothing is known; `path` is what messages call it.
pub fn check_text(
    path: &Path,
    text: &str,
    vocabulary: &Vocabulary,
    support: Support,
    read_list: ReadList<'_>,
) -> Diagnostics {
    check_read(Reader::new(vocabulary, support, read_list), path, text, &|_| None)
}

fn check_read(
    mut reader: Reader<'_>,
    path: &Path,
    text: &str,
    app_of: AppOfHost<'_>,
) -> Diagnostics {
    let parsed = reader.policy(path, text);
    let Reader { mut diagnostics, vocabulary, .. } = reader;
    for problem in parsed.iter().flat_map(|parsed| lint(parsed, vocabulary, app_of)) {
        diagnostics.report(problem);
    }
    diagnostics.sort();
    diagnostics
}

pub(super) fn policy_from(
    path: &Path,
    read: impl FnOnce() -> io::Result<String>,
) -> Result<String, Diagnostics> {
    read().map_err(|error| {
        let mut diagnostics = Diagnostics::default();
        let message = format!("cannot read the policy {}: {error}", shown(path));
        let problem = Problem::unreadable(message);
        diagnostics.report(match error.kind() {
            io::ErrorKind::NotFound => {
                problem.help("`ndpi-xdp policy example` prints a policy to begin with")
            }
            _ => problem,
        });
        diagnostics
    })
}
