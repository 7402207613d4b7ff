//! Each promise in SECURITY.md names its tests, and they exist.

use std::collections::HashSet;
use std::fs;
use std::path::Path;

use anyhow::{Context as _, Result};
use syn::visit::{self, Visit};

use super::sources::Sources;

const PAGE: &str = "SECURITY.md";

pub(super) fn check(sources: &Sources, root: &Path) -> Result<Vec<String>> {
    let page = fs::read_to_string(root.join(PAGE)).with_context(|| format!("reading {PAGE}"))?;
    let mut tests = Tests::default();
    sources.0.iter().for_each(|source| tests.visit_file(&source.ast));
    Ok(findings(&page, &tests.0))
}

/// The promises without a test, and the tests that are not there.
fn findings(page: &str, tests: &HashSet<String>) -> Vec<String> {
    let mut findings = Vec::new();
    for row in rows(page) {
        let named: Vec<&str> = row.split('`').skip(1).step_by(2).collect();
        if named.is_empty() {
            findings.push(format!("{PAGE}: a promise without a test: {row}"));
        }
        let missing = named.into_iter().filter(|name| !tests.contains(*name));
        findings.extend(missing.map(|name| format!("{PAGE}: there is no test {name}")));
    }
    findings
}

/// The last column of each row of the table of promises.
fn rows(page: &str) -> impl Iterator<Item = &str> {
    let table = page.lines().skip_while(|line| *line != "| promise | tests |").skip(2);
    let rows = table.take_while(|line| line.starts_with('|'));
    rows.filter_map(|row| row.trim_end_matches(['|', ' ']).rsplit_once('|').map(|(_, last)| last))
}

/// The names of all tests.
#[derive(Default)]
struct Tests(HashSet<String>);

impl<'ast> Visit<'ast> for Tests {
    fn visit_item_fn(&mut self, function: &'ast syn::ItemFn) {
        if function.attrs.iter().any(|attribute| attribute.path().is_ident("test")) {
            self.0.insert(function.sig.ident.to_string());
        }
        visit::visit_item_fn(self, function);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn promises_have_tests_that_are_there() {
        let mut tests = Tests::default();
        tests.visit_file(&syn::parse_str("mod a { #[test] fn held() {} fn other() {} }").unwrap());
        let page = "text `x`\n| promise | tests |\n|---|---|\n| a `b` | `held` |\n| c | `held` `other` |\n\
                    | d | none |\n\n| e | `f` |\n";
        let found = findings(page, &tests.0);
        assert_eq!(found.len(), 2, "{found:?}");
        assert!(found[0].ends_with("no test other") && found[1].contains("without a test"));
    }
}
