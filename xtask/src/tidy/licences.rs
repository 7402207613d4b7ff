//! Dependencies come from the registry, under licences that `deny.toml` allows.
//!
//! cargo-deny knows more, but takes minutes to compile; this much runs everywhere, from the same
//! file.

use std::path::Path;

use anyhow::{Context, Result};
use serde_json::Value;
use spdx::{Expression, ParseMode};

use super::manifests::read;
use crate::process;

pub(super) fn check(root: &Path) -> Result<Vec<String>> {
    let allowed = allowed(&read(&root.join("deny.toml"))?)?;
    let mut cargo = process::cargo();
    cargo.args(["metadata", "--format-version=1", "--locked"]).current_dir(root);
    let metadata: Value = serde_json::from_str(&process::output(&mut cargo)?)?;
    let packages = metadata["packages"].as_array().context("cargo metadata lists no packages")?;
    Ok(packages.iter().filter_map(|package| finding(package, &allowed)).collect())
}

fn allowed(deny: &toml::Table) -> Result<Vec<String>> {
    let allow = deny.get("licenses").and_then(|licences| licences.get("allow"));
    let allow = allow.and_then(toml::Value::as_array).context("deny.toml allows no licences")?;
    Ok(allow.iter().filter_map(toml::Value::as_str).map(str::to_owned).collect())
}

fn finding(package: &Value, allowed: &[String]) -> Option<String> {
    let text = |field: &str| package[field].as_str();
    let what = format!("{} {}", text("name")?, text("version")?);
    if text("source").is_some_and(|source| !source.starts_with("registry+")) {
        return Some(format!("dependency {what} does not come from a registry"));
    }
    let Some(licence) = text("license") else {
        return Some(format!("dependency {what} states no licence"));
    };
    let problem = match Expression::parse_mode(licence, ParseMode::LAX) {
        Ok(expression) => {
            let permitted = |one: &spdx::LicenseReq| allowed.contains(&one.to_string());
            (!expression.evaluate(permitted)).then_some("is not allowed by deny.toml")
        }
        Err(_) => Some("is no SPDX expression"),
    };
    problem.map(|problem| format!("dependency {what}: its licence `{licence}` {problem}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(licence: &str, source: &str) -> Option<String> {
        let package = serde_json::json!({
            "name": "a", "version": "1.0.0", "license": licence, "source": source,
        });
        let allowed = ["MIT", "Apache-2.0", "Apache-2.0 WITH LLVM-exception"];
        finding(&package, &allowed.map(str::to_owned))
    }

    const REGISTRY: &str = "registry+https://registry.example/index";

    #[test]
    fn one_allowed_alternative_is_enough() {
        for licence in ["MIT", "MIT OR GPL-3.0-only", "MIT/Apache-2.0"] {
            assert_eq!(found(licence, REGISTRY), None, "{licence}");
        }
        assert_eq!(found("Apache-2.0 WITH LLVM-exception", REGISTRY), None);
    }

    #[test]
    fn every_part_of_a_conjunction_counts() {
        assert!(found("MIT AND GPL-3.0-only", REGISTRY).is_some());
        assert!(found("GPL-3.0-only", REGISTRY).unwrap().contains("not allowed"));
        assert!(found("whatever", REGISTRY).unwrap().contains("no SPDX"));
        assert!(found("MIT", "git+https://git.example/a").unwrap().contains("registry"));
    }
}
