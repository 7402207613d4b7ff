//! Files and folders that the documents for developers name exist.

use std::fs;
use std::path::Path;

use anyhow::{Context as _, Result};

/// The documents.
const PAGES: [&str; 3] = ["ARCHITECTURE.md", "CONTRIBUTING.md", "SECURITY.md"];

/// Folders that are not in the repository.
const OUTSIDE: [&str; 2] = ["target/", ".git/"];

pub(super) fn check(root: &Path) -> Result<Vec<String>> {
    let mut paths = Vec::new();
    collect(root, root, &mut paths)?;
    let mut findings = Vec::new();
    for page in PAGES {
        let text =
            fs::read_to_string(root.join(page)).with_context(|| format!("reading {page}"))?;
        let missing = named(&text).filter(|path| !exists(path, &paths));
        findings.extend(missing.map(|path| format!("{page}: there is no {path}")));
    }
    Ok(findings)
}

/// All files and folders, relative to the root.
fn collect(root: &Path, folder: &Path, paths: &mut Vec<String>) -> Result<()> {
    let entries = fs::read_dir(folder).with_context(|| format!("reading {}", folder.display()))?;
    for entry in entries {
        let path = entry?.path();
        let name = path.strip_prefix(root).unwrap_or(&path).display().to_string();
        if OUTSIDE.iter().any(|outside| format!("{name}/").starts_with(outside)) {
            continue;
        }
        paths.push(name);
        // A link may lead anywhere.
        if path.is_dir() && !path.is_symlink() {
            collect(root, &path, paths)?;
        }
    }
    Ok(())
}

/// What stands in backquotes and looks like a path in the repository: no option, no path of the
/// machine, no pattern, no command.
fn named(text: &str) -> impl Iterator<Item = &str> {
    let prose = text.split("```").step_by(2);
    let code = prose.flat_map(|prose| prose.split('`').skip(1).step_by(2));
    code.filter(|code| {
        let is_plain = |letter: char| letter.is_ascii_alphanumeric() || "_-./".contains(letter);
        code.contains('/') && code.chars().all(is_plain) && !code.starts_with(['/', '-', '.'])
    })
}

/// Whether it is a path from the root, or the end of one.
fn exists(named: &str, paths: &[String]) -> bool {
    let named = named.trim_end_matches('/');
    let outside = OUTSIDE.iter().any(|outside| named.starts_with(outside));
    outside || paths.iter().any(|path| path == named || path.ends_with(&format!("/{named}")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_are_those_in_backquotes_with_a_slash() {
        let text = "`a/b.rs` and `c` `--d/e` `/sys/fs` `x y/z` `run_*/q`\n```\n`f/g`\n```\n`h/i`";
        assert_eq!(named(text).collect::<Vec<_>>(), ["a/b.rs", "h/i"]);
    }

    #[test]
    fn a_path_may_begin_below_the_root() {
        let paths = ["a/src/flow/entry.rs".to_owned()];
        assert!(exists("flow/entry.rs", &paths) && exists("target/ndpi", &paths));
        assert!(!exists("low/entry.rs", &paths) && !exists("flow", &paths));
    }
}
