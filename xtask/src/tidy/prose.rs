//! Words that the field does not use, in comments and documents.
//!
//! Each stands with what to write. Whoever reads the code or a page knows the field's terms, and may know
//! English as a second language.

use std::fs;
use std::path::Path;

use anyhow::{Context as _, Result};

use super::links;
use super::sources::Sources;

/// What is not written, and what is.
const WORDS: [(&str, &str); 6] = [
    ("anew", "again; of policies, reload"),
    ("becomes of", "outcome, result"),
    ("became of", "outcome, result"),
    ("hears of", "receives"),
    ("hear of", "receive"),
    ("is told apart", "distinguished"),
];

/// Crates whose sources are digested into the committed object of the kernel programs: a comment there
/// waits for a change of the code.
const DIGESTED: [&str; 2] = ["ndpi-common", "ndpi-ebpf"];

pub(super) fn check(sources: &Sources, root: &Path) -> Result<Vec<String>> {
    let is_digested = |path: &Path| DIGESTED.iter().any(|package| path.starts_with(package));
    let files = sources.0.iter().map(|source| root.join(&source.path));
    let files = files.chain(links::pages(root)?);
    let mut findings = Vec::new();
    for file in files {
        let name = file.strip_prefix(root).unwrap_or(&file);
        // The list above has them all.
        if is_digested(name) || name.ends_with("tidy/prose.rs") {
            continue;
        }
        let text =
            fs::read_to_string(&file).with_context(|| format!("reading {}", name.display()))?;
        findings.extend(in_text(&text).map(|finding| format!("{}:{finding}", name.display())));
    }
    Ok(findings)
}

/// Lines with such a word, and files that open with "What".
fn in_text(text: &str) -> impl Iterator<Item = String> {
    let opening = text.lines().take(1).filter(|line| line.starts_with("//! What "));
    let opening = opening.map(|_| "1: say what the file is: a noun, or what it does".to_owned());
    let words = (1..).zip(text.lines()).flat_map(|(number, line)| {
        let used = WORDS.iter().filter(move |(word, _)| has_word(line, word));
        used.map(move |(word, instead)| format!("{number}: \"{word}\": write {instead}"))
    });
    opening.chain(words)
}

/// Whether the words stand in a line, whole.
fn has_word(line: &str, words: &str) -> bool {
    let is_letter = |letter: char| letter.is_ascii_alphanumeric() || letter == '_';
    line.match_indices(words).any(|(start, _)| {
        let (before, after) = (&line[..start], &line[start + words.len()..]);
        !before.ends_with(is_letter) && !after.starts_with(is_letter)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_word_is_found_whole_with_its_line() {
        let text = "//! What it is.\n/// Read anew.\nlet planewave = 1;\n// what became of it\n";
        let found: Vec<_> = in_text(text).collect();
        let lines: Vec<_> = found.iter().map(|line| line.split(':').next().unwrap()).collect();
        assert_eq!(lines, ["1", "2", "4"], "{found:?}");
    }
}
