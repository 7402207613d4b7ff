//! Every crate inherits the workspace's lints.

use std::fs;
use std::path::Path;

use anyhow::{Context, Result};
use toml::Table;

pub(super) fn check(root: &Path) -> Result<Vec<String>> {
    let workspace = read(&root.join("Cargo.toml"))?;
    let members = workspace
        .get("workspace")
        .and_then(|workspace| workspace.get("members"))
        .and_then(|members| members.as_array())
        .context("Cargo.toml lists no members")?;
    let mut findings = Vec::new();
    for member in members.iter().filter_map(|member| member.as_str()) {
        let path = format!("{member}/Cargo.toml");
        if !inherits_lints(&read(&root.join(&path))?) {
            findings.push(format!("{path}: lacks `[lints] workspace = true`"));
        }
    }
    Ok(findings)
}

pub(super) fn read(path: &Path) -> Result<Table> {
    let text = fs::read_to_string(path).with_context(|| format!("reading {}", path.display()))?;
    text.parse().with_context(|| format!("parsing {}", path.display()))
}

fn inherits_lints(manifest: &Table) -> bool {
    let inherited = manifest.get("lints").and_then(|lints| lints.get("workspace"));
    inherited.and_then(toml::Value::as_bool) == Some(true)
}

#[cfg(test)]
mod tests {
    use super::inherits_lints;

    #[test]
    fn lints_must_be_inherited() {
        assert!(inherits_lints(&"[lints]\nworkspace = true\n".parse().unwrap()));
        assert!(!inherits_lints(&"[lints.clippy]\nall = \"warn\"\n".parse().unwrap()));
        assert!(!inherits_lints(&"[package]\nname = \"a\"\n".parse().unwrap()));
    }
}
