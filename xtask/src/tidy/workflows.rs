//! Actions of other people are pinned by commit: a tag can be moved to other code, which would run
//! with the rights of our CI.

use std::fs;
use std::io;
use std::path::Path;

use anyhow::{Context as _, Result};

pub(super) fn check(root: &Path) -> Result<Vec<String>> {
    let folder = root.join(".github/workflows");
    let entries = match fs::read_dir(&folder) {
        // A copy of the sources may come without.
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        entries => entries.with_context(|| format!("reading {}", folder.display()))?,
    };
    let mut findings = Vec::new();
    for entry in entries {
        let path = entry?.path();
        let text =
            fs::read_to_string(&path).with_context(|| format!("reading {}", path.display()))?;
        let loose = loose(&text).map(|action| {
            format!("{}: {action}: pin it by commit, with its version behind", path.display())
        });
        findings.extend(loose);
    }
    Ok(findings)
}

/// The actions and images in a workflow that may change without a change of the workflow.
fn loose(workflow: &str) -> impl Iterator<Item = &str> {
    let used = workflow.lines().filter_map(|line| {
        let line = line.trim_start().trim_start_matches("- ");
        line.strip_prefix("uses:")?.split('#').next().map(str::trim)
    });
    used.filter(|action| !action.starts_with("./") && !is_pinned(action))
}

fn is_pinned(action: &str) -> bool {
    let version = action.rsplit_once('@').map_or("", |(_, version)| version);
    let commit = version.strip_prefix("sha256:").unwrap_or(version);
    commit.len() >= 40 && commit.bytes().all(|byte| byte.is_ascii_hexdigit())
}

#[cfg(test)]
mod tests {
    use super::loose;

    #[test]
    fn only_commits_cannot_be_moved() {
        let commit = "11bd71901bbe5b1630ceea73d27597364c9af683";
        let workflow = format!(
            "steps:\n  - uses: a/b@{commit} # v4\n  - uses: ./own\n  - name: x\n    uses: c/d@v2\n  \
             - uses: e/f@main\n  - uses: g/h\n  - run: echo uses\n"
        );
        assert_eq!(loose(&workflow).collect::<Vec<_>>(), ["c/d@v2", "e/f@main", "g/h"]);
    }
}
