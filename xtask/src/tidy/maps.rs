//! The table of maps in ARCHITECTURE.md has a row for every map of the kernel programs, and for no other.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use anyhow::{Context as _, Result};

use super::sources::Sources;

const PAGE: &str = "ARCHITECTURE.md";

pub(super) fn check(sources: &Sources, root: &Path) -> Result<Vec<String>> {
    let page = fs::read_to_string(root.join(PAGE)).with_context(|| format!("reading {PAGE}"))?;
    let defined: BTreeSet<_> =
        sources.of("ndpi-ebpf").flat_map(|source| maps(&source.ast)).collect();
    let shown: BTreeSet<_> = rows(&page).collect();
    let missing = defined.difference(&shown).map(|map| format!("no row has {map}"));
    let gone = shown.difference(&defined).map(|map| format!("{map} is no map"));
    Ok(missing.chain(gone).map(|what| format!("{PAGE}: table of maps: {what}")).collect())
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

/// The maps that the table has rows for: what is quoted in its first column, but for settings, which are no map in
/// the source and say so.
fn rows(page: &str) -> impl Iterator<Item = String> {
    let table = page.lines().skip_while(|line| !line.starts_with("| map |"));
    let rows = table.skip(2).map_while(|line| line.strip_prefix("| "));
    let cells = rows.filter_map(|row| row.split(" | ").next());
    cells
        .filter(|cell| !cell.contains('('))
        .flat_map(|cell| cell.split(", "))
        .filter_map(|name| Some(name.strip_prefix('`')?.strip_suffix('`')?.to_owned()))
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
        let page = "| `X` | Y |\n\n| map | key |\n|---|---|\n| `A`, `D` | `C` |\n| `E` (of `.bss`) | |\n\n| `F` | |";
        let shown: Vec<_> = rows(page).collect();
        assert_eq!(shown, ["A", "D"]);
    }
}
