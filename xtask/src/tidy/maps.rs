//! Every map of the kernel programs has its row in ARCHITECTURE.md.

use std::fs;
use std::path::Path;

use anyhow::{Context as _, Result};

use super::sources::Sources;

const PAGE: &str = "ARCHITECTURE.md";

pub(super) fn check(sources: &Sources, root: &Path) -> Result<Vec<String>> {
    let page = fs::read_to_string(root.join(PAGE)).with_context(|| format!("reading {PAGE}"))?;
    let defined = sources.of("ndpi-ebpf").flat_map(|source| maps(&source.ast));
    let missing = defined.filter(|map| !has_row(&page, map));
    Ok(missing.map(|map| format!("{PAGE}: no row of the table of maps has {map}")).collect())
}

/// The names of the maps that a file defines.
fn maps(file: &syn::File) -> impl Iterator<Item = String> {
    file.items.iter().filter_map(|item| match item {
        syn::Item::Static(map) if map.attrs.iter().any(|it| it.path().is_ident("btf_map")) => {
            Some(map.ident.to_string())
        }
        _ => None,
    })
}

/// Whether a row begins with the map's name, or names it among others of its kind.
fn has_row(page: &str, map: &str) -> bool {
    let first_cells = page.lines().filter_map(|line| line.strip_prefix("| ")?.split(" | ").next());
    first_cells.flat_map(|cell| cell.split(", ")).any(|name| name == format!("`{map}`"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_map_is_looked_for_in_the_first_column() {
        let file =
            "#[btf_map] static A: M = M::new(); static B: u32 = 0; #[btf_map] static C: M = X;";
        let found: Vec<_> = maps(&syn::parse_str(file).unwrap()).collect();
        assert_eq!(found, ["A", "C"]);
        let page = "| map | key |\n|---|---|\n| `A`, `D` | `C` |\n";
        assert!(has_row(page, "A") && has_row(page, "D") && !has_row(page, "C"));
    }
}
