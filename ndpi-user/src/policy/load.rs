//! Reading a policy and the lists it names.

use std::cell::RefCell;
use std::io;
use std::path::{Path, PathBuf};

use ndpi_text::shown;

use super::encoding::{list_text, policy_text};
use super::lint::{AppOfHost, lint};
use super::read::Reader;
use super::{Diagnostics, Named, Policy, Problem, Support, Vocabulary};
use crate::files::{Look, read_bytes, read_settled};

/// Reads the text of a list file, by the path a policy gives it.
pub type ReadList<'a> = &'a dyn Fn(&Path) -> io::Result<String>;

/// Largest policy or list file: more is a mistake (or a device file).
const MAX_FILE: u64 = 128 << 20;

/// Reads the policy at `path`. Relative paths of lists start at its folder.
///
/// # Errors
/// Everything that is wrong with it, warnings among it.
pub fn load(path: &Path, vocabulary: &Vocabulary, support: Support) -> Result<Policy, Diagnostics> {
    load_by(path, vocabulary, support, (read_policy_file, read_list_file))
}

/// Reads the policy at `path` again, in place of one that is in force. Whoever writes it or a list may be
/// at it: files are read when they have been left alone for a moment, and one without content is not
/// taken.
///
/// # Errors
/// As [`load`].
pub fn reload(
    path: &Path,
    vocabulary: &Vocabulary,
    support: Support,
) -> Result<Policy, Diagnostics> {
    let policy: Read = |path| {
        let text = policy_text(read_settled(path, MAX_FILE)?)?;
        let nothing =
            text.lines().all(|line| line.trim().is_empty() || line.trim().starts_with('#'));
        refuse(nothing, "nothing is in it; if it is to have no rules, write: rule = []")?;
        Ok(text)
    };
    let list: Read = |path| {
        let text = list_text(read_settled(path, MAX_FILE)?)?;
        let hint = "it is empty; if it is to have no entries, write a comment: # none";
        refuse(text.trim().is_empty(), hint)?;
        Ok(text)
    };
    load_by(path, vocabulary, support, (policy, list))
}

/// Reads the text of a file.
type Read = fn(&Path) -> io::Result<String>;

fn read_policy_file(path: &Path) -> io::Result<String> {
    policy_text(read_bytes(path, MAX_FILE)?)
}

fn read_list_file(path: &Path) -> io::Result<String> {
    list_text(read_bytes(path, MAX_FILE)?)
}

/// Reads a policy by the first, and its lists by the second of the functions.
fn load_by(
    path: &Path,
    vocabulary: &Vocabulary,
    support: Support,
    (read, read_list): (Read, Read),
) -> Result<Policy, Diagnostics> {
    let looks = RefCell::default();
    let read_list = |list: &Path| noting(&looks, &beside(path, list), read_list);
    let loaded = read_policy(path, |path| noting(&looks, path, read));
    let mut loaded = loaded.and_then(|text| parse(path, &text, vocabulary, support, &read_list));
    match &mut loaded {
        Ok(policy) => policy.diagnostics_mut().set_files(looks.take()),
        Err(diagnostics) => diagnostics.set_files(looks.take()),
    }
    loaded
}

/// Reads a file, and notes how it looked before: whatever comes later looks different.
fn noting(looks: &RefCell<Vec<Named>>, path: &Path, read: Read) -> io::Result<String> {
    let look = Look::at(path).ok().flatten();
    looks.borrow_mut().push(Named { path: path.to_owned(), look });
    read(path)
}

/// An error where a file has nothing in it: most often, somebody is about to write it.
fn refuse(nothing: bool, why: &str) -> io::Result<()> {
    if nothing { Err(io::Error::new(io::ErrorKind::UnexpectedEof, why)) } else { Ok(()) }
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
    let mut diagnostics = reader.diagnostics;
    diagnostics.sort();
    match parsed {
        Some(parsed) if !diagnostics.has_errors() => {
            Ok(Policy::new(parsed, vocabulary, diagnostics))
        }
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
) -> Result<Policy, Diagnostics> {
    let mut loaded = parse(Path::new(name), text, vocabulary, support, &read_list_file);
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
) -> Diagnostics {
    let reader = Reader::new(vocabulary, support, &read_list_file);
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
) -> Diagnostics {
    match read_policy(path, read_policy_file) {
        Ok(text) => {
            let read_list = |list: &Path| read_list_file(&beside(path, list));
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

fn read_policy(
    path: &Path,
    read: impl FnOnce(&Path) -> io::Result<String>,
) -> Result<String, Diagnostics> {
    read(path).map_err(|error| {
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

/// The path of a list that the policy at `policy` names.
pub(super) fn beside(policy: &Path, list: &Path) -> PathBuf {
    policy.parent().unwrap_or(Path::new("")).join(list)
}
