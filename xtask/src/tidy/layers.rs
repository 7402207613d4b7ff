//! Layers: each crate depends on those of ours that the table of crates in ARCHITECTURE.md names, and on
//! nothing, however far down, that the table keeps out of it.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;

use anyhow::{Context as _, Result};
use serde_json::Value;

use crate::process;

const PAGE: &str = "ARCHITECTURE.md";
/// The columns of the table, by their headers.
const COLUMNS: [&str; 3] = ["crate", "depends on", "never on"];
/// What stands in the last column for a crate without any dependency from outside.
const ANYTHING: &str = "anything else";

pub(super) fn check(root: &Path) -> Result<Vec<String>> {
    let page = fs::read_to_string(root.join(PAGE)).with_context(|| format!("reading {PAGE}"))?;
    let layers = table(&page).with_context(|| format!("{PAGE} has no table of crates"))?;
    Ok(compare(&layers, &Graph::read(&metadata(root)?)?))
}

/// What the table says of a crate.
#[derive(Debug, Default, PartialEq, Eq)]
struct Layer {
    depends: BTreeSet<String>,
    never: BTreeSet<String>,
    /// Nothing from outside at all.
    alone: bool,
}

/// The rows of the table, by crate; `None` where there is no such table.
fn table(page: &str) -> Option<BTreeMap<String, Layer>> {
    let mut lines = page.lines();
    let header = lines.find(|line| line.starts_with("| crate |"))?;
    let header: Vec<_> = cells(header).collect();
    let place = |name: &str| header.iter().position(|cell| *cell == name);
    let [Some(name), Some(depends), Some(never)] = COLUMNS.map(place) else { return None };
    let rows = lines.skip(1).take_while(|line| line.starts_with('|'));
    let layer = |row: &str| {
        let row: Vec<_> = cells(row).collect();
        let names = |cell: usize| row.get(cell).into_iter().flat_map(|cell| quoted(cell));
        let alone = row.get(never).is_some_and(|cell| cell.contains(ANYTHING));
        let layer =
            Layer { depends: names(depends).collect(), never: names(never).collect(), alone };
        names(name).next().map(|name| (name, layer))
    };
    Some(rows.filter_map(layer).collect())
}

fn cells(row: &str) -> impl Iterator<Item = &str> {
    row.trim_matches('|').split('|').map(str::trim)
}

/// The words between backticks.
fn quoted(cell: &str) -> impl Iterator<Item = String> {
    cell.split('`').skip(1).step_by(2).map(str::to_owned)
}

/// Packages and what they need to be built and run; not what only their tests and build scripts need.
#[derive(Debug, Default)]
struct Graph {
    ours: BTreeSet<String>,
    depends: BTreeMap<String, BTreeSet<String>>,
}

impl Graph {
    /// Reads what `cargo metadata` says.
    fn read(metadata: &Value) -> Result<Self> {
        let names: BTreeMap<&str, &str> = list(metadata, "packages")?
            .iter()
            .filter_map(|package| Some((package["id"].as_str()?, package["name"].as_str()?)))
            .collect();
        let name = |id: &Value| names.get(id.as_str()?).map(|name| (*name).to_owned());
        let mut graph = Self::default();
        graph.ours.extend(list(metadata, "workspace_members")?.iter().filter_map(name));
        for node in list(&metadata["resolve"], "nodes")? {
            let normal = |dependency: &&Value| {
                let kinds = dependency["dep_kinds"].as_array();
                kinds.is_some_and(|kinds| kinds.iter().any(|kind| kind["kind"].is_null()))
            };
            let depends = list(node, "deps")?.iter().filter(normal);
            let depends = depends.filter_map(|dependency| name(&dependency["pkg"]));
            // Versions of one package are one here.
            let of = name(&node["id"]).context("a node of no package")?;
            graph.depends.entry(of).or_default().extend(depends);
        }
        Ok(graph)
    }

    fn of(&self, name: &str) -> impl Iterator<Item = &str> {
        self.depends.get(name).into_iter().flatten().map(String::as_str)
    }

    /// The shortest way from a crate down to a package.
    fn way<'g>(&'g self, from: &'g str, to: &str) -> Option<Vec<&'g str>> {
        let (mut seen, mut ways) = (BTreeSet::from([from]), vec![vec![from]]);
        while !ways.is_empty() {
            let mut longer = Vec::new();
            for way in ways {
                let end = *way.last()?;
                if end == to {
                    return Some(way);
                }
                for next in self.of(end).filter(|next| seen.insert(next)).collect::<Vec<_>>() {
                    longer.push([&way[..], &[next]].concat());
                }
            }
            ways = longer;
        }
        None
    }
}

fn list<'v>(value: &'v Value, key: &str) -> Result<&'v Vec<Value>> {
    value[key].as_array().with_context(|| format!("`cargo metadata` without {key}"))
}

/// Of all platforms: crates that no build here has needed may have to be fetched.
fn metadata(root: &Path) -> Result<Value> {
    let mut cargo = process::cargo();
    cargo.args(["metadata", "--locked", "--format-version", "1"]).current_dir(root);
    let text = process::output(&mut cargo)?;
    serde_json::from_str(&text).context("reading what `cargo metadata` says")
}

fn compare(layers: &BTreeMap<String, Layer>, graph: &Graph) -> Vec<String> {
    let unknown = layers.keys().filter(|name| !graph.ours.contains(*name));
    let mut findings: Vec<_> =
        unknown.map(|name| format!("{PAGE}: there is no crate `{name}`")).collect();
    for name in &graph.ours {
        match layers.get(name) {
            Some(layer) => findings.extend(crosses(name, layer, graph)),
            None => findings.push(format!("{PAGE}: the table of crates lacks `{name}`")),
        }
    }
    findings
}

/// Where a crate is not in its layer.
fn crosses(name: &str, layer: &Layer, graph: &Graph) -> Vec<String> {
    let (ours, outside): (BTreeSet<_>, BTreeSet<_>) =
        graph.of(name).map(str::to_owned).partition(|it| graph.ours.contains(it));
    let above = ours.difference(&layer.depends).map(|it| {
        format!(
            "{name} depends on `{it}`: {PAGE} does not name it; what is shared goes further down"
        )
    });
    let unused = layer.depends.difference(&ours);
    let unused = unused.map(|it| format!("{PAGE}: `{name}` does not depend on `{it}`"));
    let kept_out = layer.never.iter().filter_map(|it| {
        let way = graph.way(name, it)?.join(" → ");
        Some(format!("{name} must never depend on `{it}` ({PAGE}): {way}"))
    });
    let alone = outside.iter().filter(|_| layer.alone);
    let alone = alone.map(|it| format!("{name} depends on `{it}`: {PAGE} allows it nothing"));
    above.chain(unused).chain(kept_out).chain(alone).collect()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    const TABLE: &str = "\
# Crates\n\
| crate | holds | depends on | never on | may not |\n\
|---|---|---|---|---|\n\
| `base` | values | nothing | anything else | |\n\
| `rules` | `decide` | `base` | `bpf`, `libc` | wait |\n\
| `program` | the rest | `base`, `rules` | | |\n\
\n\
| `other` | another table |\n";

    /// Crates of ours, and who depends on whom.
    fn graph(ours: &[&str], depends: &[(&str, &[&str])]) -> Graph {
        let owned = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect();
        let depends = depends.iter().map(|(name, on)| ((*name).to_owned(), owned(on)));
        Graph { ours: owned(ours), depends: depends.collect() }
    }

    fn found(page: &str, depends: &[(&str, &[&str])]) -> Vec<String> {
        compare(&table(page).unwrap(), &graph(&["base", "program", "rules"], depends))
    }

    const GOOD: [(&str, &[&str]); 4] = [
        ("rules", &["base", "toml"]),
        ("program", &["base", "rules", "clap"]),
        ("clap", &["term"]),
        ("term", &["libc"]),
    ];

    #[test]
    fn a_table_that_is_true_is_fine() {
        assert_eq!(found(TABLE, &GOOD), [""; 0]);
        assert_eq!(table("# nothing\n"), None);
    }

    #[test]
    fn what_the_table_does_not_name_is_above() {
        let said = found(TABLE, &[("rules", &["base", "program"]), GOOD[1]]);
        assert!(said[0].starts_with("rules depends on `program`"), "{said:?}");
        let said = found(&TABLE.replace("`base`, `rules`", "`base`"), &GOOD);
        assert!(said[0].starts_with("program depends on `rules`"), "{said:?}");
    }

    #[test]
    fn the_table_promises_nothing_that_is_not_there() {
        let said = found(TABLE, &[GOOD[0], ("program", &["base"])]);
        assert_eq!(said, ["ARCHITECTURE.md: `program` does not depend on `rules`"]);
        let said = found(&TABLE.replace("| `base` |", "| `basis` |"), &GOOD);
        assert!(
            said[0].contains("no crate `basis`") && said[1].contains("lacks `base`"),
            "{said:?}"
        );
    }

    #[test]
    fn what_is_kept_out_is_found_however_far_down() {
        let bad = [GOOD[0], GOOD[1], GOOD[3], ("toml", &["term"][..])];
        let said = found(TABLE, &bad);
        assert_eq!(said.len(), 1);
        assert!(said[0].ends_with(": rules → toml → term → libc"), "{said:?}");
        let said = found(TABLE, &[GOOD[0], GOOD[1], ("base", &["libc"])]);
        assert!(said.iter().any(|it| it.starts_with("base depends on `libc`")), "{said:?}");
    }

    #[test]
    fn what_tests_and_build_scripts_need_does_not_count() {
        let edge = |to: &str, kind: Value| json!({ "pkg": to, "dep_kinds": [{ "kind": kind }] });
        let deps = [edge("1", Value::Null), edge("2", "dev".into()), edge("3", "build".into())];
        let packages = ["a", "b", "c", "d"].iter().enumerate();
        let packages: Vec<_> =
            packages.map(|(id, name)| json!({ "id": id.to_string(), "name": name })).collect();
        let metadata = json!({
            "packages": packages,
            "workspace_members": ["0"],
            "resolve": { "nodes": [{ "id": "0", "deps": deps }] },
        });
        let graph = Graph::read(&metadata).unwrap();
        assert_eq!(graph.of("a").collect::<Vec<_>>(), ["b"]);
        assert_eq!(graph.ours, BTreeSet::from(["a".to_owned()]));
    }
}
