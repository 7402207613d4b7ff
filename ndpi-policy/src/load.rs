//! Reading a policy and the lists it names.

use std::io;
use std::path::Path;

use ndpi_text::shown;

use crate::decide::Policy;
use crate::diagnose::{Diagnostics, Problem};
use crate::encoding::{list_text, policy_text};
use crate::files::{Files, ReadList, beside};
use crate::lint::{AppOfHost, lint};
use crate::read::Reader;
use crate::support::Support;
use crate::vocabulary::Vocabulary;

/// Largest policy or list file: more is a mistake (or a device file).
const MAX_FILE: u64 = 128 << 20;

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
    let text = policy_from(path, || read_policy(files, path))?;
    let read_list = |list: &Path| read_list(files, &beside(path, list));
    parse(path, &text, vocabulary, support, &read_list)
}

/// Reads the policy at `path` again, in place of one that is in force and has `rules` rules. Whoever writes it or a
/// list may be at it: a file without content is not taken, nor one without a word of rules if there were some. Let
/// `files` wait until they have been left alone.
///
/// # Errors
/// As [`load`].
pub fn reload(
    path: &Path,
    rules: usize,
    vocabulary: &Vocabulary,
    support: Support,
    files: &dyn Files,
) -> Result<Policy, Diagnostics> {
    let text = policy_from(path, || {
        let text = read_policy(files, path)?;
        let nothing = lines(&text).count() == 0;
        let no_rules = rules > 0 && !lines(&text).any(is_of_rules);
        refuse(nothing, "nothing is in it; if it is to have no rules, write: rule = []")?;
        refuse(
            no_rules,
            "settings are in it, and no rules; if it is to have none, write: rule = []",
        )?;
        Ok(text)
    })?;
    let read_list = |list: &Path| {
        let text = read_list(files, &beside(path, list))?;
        let hint = "it is empty; if it is to have no entries, write a comment: # none";
        refuse(without_mark(&text).trim().is_empty(), hint)?;
        Ok(text)
    };
    parse(path, &text, vocabulary, support, &read_list)
}

fn read_policy(files: &dyn Files, path: &Path) -> io::Result<String> {
    policy_text(files.read(path, MAX_FILE)?)
}

fn read_list(files: &dyn Files, path: &Path) -> io::Result<String> {
    list_text(files.read(path, MAX_FILE)?)
}

/// The lines of a policy that say something.
fn lines(text: &str) -> impl Iterator<Item = &str> {
    let lines = without_mark(text).lines().map(str::trim);
    lines.filter(|line| !line.is_empty() && !line.starts_with('#'))
}

/// Whether a line has the key under which rules are, as an array or as one of its tables.
fn is_of_rules(line: &str) -> bool {
    let key = line.trim_start_matches(['[', ' ', '\t', '"', '\'']);
    key.strip_prefix("rule").is_some_and(|rest| {
        let rest = rest.strip_prefix('s').unwrap_or(rest);
        rest.trim_start_matches(['"', '\'']).trim_start().starts_with(['=', ']'])
    })
}

/// A text without the byte order mark that some editors begin a file with.
fn without_mark(text: &str) -> &str {
    text.strip_prefix('\u{feff}').unwrap_or(text)
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

fn policy_from(
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

#[cfg(test)]
mod tests {
    use super::*;

    /// What a reload says of a policy with this text, whose list has that one; nothing where it is taken. The one
    /// before had so many rules.
    fn refused_after(rules: usize, policy: &'static str, list: &'static str) -> String {
        let files = |path: &Path, _| {
            Ok(if path.ends_with("list") { list } else { policy }.as_bytes().to_vec())
        };
        let vocabulary = Vocabulary::default();
        match reload(Path::new("policy"), rules, &vocabulary, Support::ALL, &files) {
            Ok(_) => String::new(),
            Err(mistakes) => mistakes.to_string(),
        }
    }

    fn refused(policy: &'static str, list: &'static str) -> String {
        refused_after(1, policy, list)
    }

    #[test]
    fn what_may_be_the_beginning_of_a_policy_is_not_taken_in_place_of_a_whole_one() {
        for text in ["", " \n\t\n", "\u{feff}", "\u{feff}\n# rules follow\n"] {
            assert!(refused(text, "").contains("nothing is in it"), "{text:?}");
        }
        for text in ["default = \"drop\"\n", "\u{feff}undecided = \"drop\"\n# rule = []\n"] {
            assert!(refused(text, "").contains("no rules"), "{text:?}");
            assert_eq!(refused_after(0, text, ""), "", "there were none before");
        }
        let rule = "[[ rule ]]\nname = \"a\"\nport = 1\naction = \"count\"\n";
        for text in ["rule = []", "\u{feff}\"rules\"=[]", "default = \"drop\"\nrules = [\n]", rule]
        {
            assert_eq!(refused(text, ""), "", "{text:?}");
        }
    }

    #[test]
    fn what_may_be_the_beginning_of_a_list_is_not_taken_either() {
        let policy = "[[rule]]\nname = \"a\"\nhost = { file = \"list\" }\naction = \"count\"\n";
        for list in ["", "\n", "\u{feff}"] {
            assert!(
                refused(policy, list).contains("it is empty"),
                "{list:?}: {}",
                refused(policy, list)
            );
        }
        assert_eq!(refused(policy, "# none"), "");
    }
}
