//! Reading a policy and the lists it names.

use std::io::{self, Read};
use std::path::{Path, PathBuf};

use super::lint::lint;
use super::read::Reader;
use super::{Diagnostics, Policy, Problem, Support, Vocabulary};

/// Reads the text of a list file, by the path a policy gives it.
pub type ReadList<'a> = &'a dyn Fn(&Path) -> io::Result<String>;

/// Largest policy or list file: more is a mistake (or a device file).
const MAX_FILE: u64 = 64 << 20;

/// Reads the policy at `path`. Relative paths of lists start at its folder.
///
/// # Errors
/// Everything that is wrong with it, warnings among it.
pub fn load(path: &Path, vocabulary: &Vocabulary, support: Support) -> Result<Policy, Diagnostics> {
    let text = read_policy(path)?;
    parse(path, &text, vocabulary, support, &|list: &Path| read_text(&beside(path, list)))
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
            Ok(Policy::new(parsed, vocabulary.risk_scores, diagnostics))
        }
        _ => Err(diagnostics),
    }
}

/// Everything that is wrong or suspicious about the policy at `path`: what [`load`] finds, and rules
/// that can never match or overlap.
pub fn check(path: &Path, vocabulary: &Vocabulary, support: Support) -> Diagnostics {
    match read_policy(path) {
        Ok(text) => {
            let read_list = |list: &Path| read_text(&beside(path, list));
            check_text(path, &text, vocabulary, support, &read_list)
        }
        Err(diagnostics) => diagnostics,
    }
}

/// [`check`] for a policy in memory; `path` is what messages call it.
pub fn check_text(
    path: &Path,
    text: &str,
    vocabulary: &Vocabulary,
    support: Support,
    read_list: ReadList<'_>,
) -> Diagnostics {
    let mut reader = Reader::new(vocabulary, support, read_list);
    let parsed = reader.policy(path, text);
    let mut diagnostics = reader.diagnostics;
    for problem in parsed.iter().flat_map(|parsed| lint(&parsed.rules)) {
        diagnostics.report(problem);
    }
    diagnostics.sort();
    diagnostics
}

fn read_policy(path: &Path) -> Result<String, Diagnostics> {
    read_text(path).map_err(|error| {
        let mut diagnostics = Diagnostics::default();
        let message = format!("cannot read the policy {}: {error}", path.display());
        diagnostics.report(
            Problem::unreadable(message)
                .help("`ndpi-xdp policy example` prints a policy to begin with"),
        );
        diagnostics
    })
}

/// The path of a list that the policy at `policy` names.
pub(super) fn beside(policy: &Path, list: &Path) -> PathBuf {
    policy.parent().unwrap_or(Path::new("")).join(list)
}

fn read_text(path: &Path) -> io::Result<String> {
    let mut text = String::new();
    std::fs::File::open(path)?.take(MAX_FILE + 1).read_to_string(&mut text)?;
    if text.len() as u64 > MAX_FILE {
        let message = format!("it has more than {} MiB", MAX_FILE >> 20);
        return Err(io::Error::new(io::ErrorKind::FileTooLarge, message));
    }
    Ok(text)
}
