//! The digest of everything that the object is made from: sources, manifests, locked dependencies, flags.
//!
//! The compiler is left out: a committed object serves whoever has another. Which one made it is
//! recorded beside it.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use sha2::{Digest, Sha256};
use toml::{Table, Value};

use super::profile::{FLAGS, PROFILE};
use crate::setup::LINKER_VERSION;

/// The packages of ours that the object is made from.
const PACKAGES: [&str; 2] = ["ndpi-common", "ndpi-ebpf"];

/// The digest, in hexadecimal.
pub(super) fn digest(root: &Path) -> Result<String> {
    let mut sum = Sum(Sha256::new());
    let mut names = BTreeSet::new();
    for package in PACKAGES {
        for file in sources(&root.join(package))? {
            let name = file.strip_prefix(root).unwrap_or(&file).display().to_string();
            sum.add(&name, &fs::read(&file).with_context(|| format!("cannot read {name}"))?);
        }
        names.extend(dependencies(&read(&root.join(package).join("Cargo.toml"))?, false));
    }
    sum.add("Cargo.toml", shared_settings(&read(&root.join("Cargo.toml"))?, &names).as_bytes());
    for package in locked(root, &read(&root.join("Cargo.lock"))?)? {
        sum.add("Cargo.lock", package.as_bytes());
    }
    sum.add("flags", format!("{FLAGS:?} {PROFILE:?}").as_bytes());
    sum.add("bpf-linker", LINKER_VERSION.as_bytes());
    Ok(format!("{:x}", sum.0.finalize()))
}

struct Sum(Sha256);

impl Sum {
    /// Each part with its length: no two lists of parts give the same bytes.
    fn add(&mut self, name: &str, content: &[u8]) {
        for part in [name.as_bytes(), content] {
            self.0.update((part.len() as u64).to_le_bytes());
            self.0.update(part);
        }
    }
}

fn read(file: &Path) -> Result<Table> {
    let text =
        fs::read_to_string(file).with_context(|| format!("cannot read {}", file.display()))?;
    text.parse().with_context(|| format!("cannot read {}", file.display()))
}

/// The manifest and the Rust files of a package, ordered; without those that only tests compile.
fn sources(folder: &Path) -> Result<Vec<PathBuf>> {
    let mut found = Vec::new();
    for entry in
        fs::read_dir(folder).with_context(|| format!("cannot list {}", folder.display()))?
    {
        let path = entry?.path();
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        if path.is_dir() && !["tests", "target"].contains(&&*name) {
            found.extend(sources(&path)?);
        } else if name == "Cargo.toml" || (name.ends_with(".rs") && name != "tests.rs") {
            found.push(path);
        }
    }
    found.sort();
    Ok(found)
}

/// The names of a manifest's dependencies: those that are `optional`, or those that are not.
fn dependencies(manifest: &Table, optional: bool) -> BTreeSet<String> {
    let targets = manifest.get("target").and_then(Value::as_table);
    let tables =
        targets.into_iter().flat_map(|targets| targets.values().filter_map(Value::as_table));
    let tables = tables.chain([manifest]).filter_map(|it| it.get("dependencies")?.as_table());
    let is_wanted = |value: &Value| {
        value.get("optional").and_then(Value::as_bool).unwrap_or_default() == optional
    };
    let wanted = tables.flatten().filter(|(_, value)| is_wanted(value));
    wanted.map(|(name, _)| name.clone()).collect()
}

/// What the packages take from the workspace's manifest.
fn shared_settings(manifest: &Table, names: &BTreeSet<String>) -> String {
    let table = |name: &str| manifest.get("workspace")?.get(name)?.as_table();
    let settings = |name: &str, keys: &mut dyn Iterator<Item = &str>| {
        keys.filter_map(|key| Some(format!("{key} = {}\n", table(name)?.get(key)?)))
            .collect::<String>()
    };
    // The version is part of every symbol's name.
    settings("package", &mut ["edition", "version"].into_iter())
        + &settings("dependencies", &mut names.iter().map(String::as_str))
}

/// Every package that the programs are compiled from, as `Cargo.lock` has it.
fn locked(root: &Path, lock: &Table) -> Result<BTreeSet<String>> {
    let packages = lock.get("package").and_then(Value::as_array).context("Cargo.lock is empty")?;
    let mut found = BTreeSet::new();
    let mut open = vec!["ndpi-ebpf".to_owned()];
    while let Some(name) = open.pop() {
        let package = packages.iter().find(|package| names(package, &name));
        let package = package.with_context(|| format!("Cargo.lock has no {name}"))?;
        if !found.insert(described(package)) {
            continue;
        }
        let unused = unused_dependencies(root, package)?;
        let needed = package.get("dependencies").and_then(Value::as_array).into_iter().flatten();
        let needed = needed.filter_map(Value::as_str).map(str::to_owned);
        open.extend(needed.filter(|name| !unused.contains(first_word(name))));
    }
    Ok(found)
}

/// Whether a dependency, `NAME` or `NAME VERSION …`, is this package.
fn names(package: &Value, dependency: &str) -> bool {
    let mut words = dependency.split(' ');
    let is = |field: &str, word: &str| package.get(field).and_then(Value::as_str) == Some(word);
    words.next().is_some_and(|name| is("name", name))
        && words.next().is_none_or(|version| is("version", version))
}

fn first_word(dependency: &str) -> &str {
    dependency.split(' ').next().unwrap_or_default()
}

fn described(package: &Value) -> String {
    let field = |name: &str| package.get(name).and_then(Value::as_str).unwrap_or_default();
    [field("name"), field("version"), field("checksum")].join(" ")
}

/// What a package of ours has for user space only; of others, a lock does not say.
fn unused_dependencies(root: &Path, package: &Value) -> Result<BTreeSet<String>> {
    let name = package.get("name").and_then(Value::as_str).unwrap_or_default();
    if !PACKAGES.contains(&name) {
        return Ok(BTreeSet::new());
    }
    Ok(dependencies(&read(&root.join(name).join("Cargo.toml"))?, true))
}

#[cfg(test)]
mod tests {
    use super::*;

    const LOCK: &str = r#"
        [[package]]
        name = "aya"
        version = "1.0.0"
        [[package]]
        name = "aya-ebpf"
        version = "2.0.0"
        checksum = "aa"
        [[package]]
        name = "aya-ebpf"
        version = "1.0.0"
        [[package]]
        name = "ndpi-common"
        version = "0.1.0"
        dependencies = ["aya"]
        [[package]]
        name = "ndpi-ebpf"
        version = "0.1.0"
        dependencies = ["aya-ebpf 2.0.0", "ndpi-common"]
        [[package]]
        name = "unrelated"
        version = "1.0.0"
    "#;

    /// A checkout with what the digest reads.
    fn checkout() -> tempfile::TempDir {
        let root = tempfile::tempdir().unwrap();
        write(&root, "Cargo.lock", LOCK);
        let manifest = "[workspace.package]\nversion = \"0.1.0\"\nlicense = \"MIT\"\n\
                        [workspace.dependencies]\naya-ebpf = \"2\"\nclap = \"4\"\n";
        write(&root, "Cargo.toml", manifest);
        let common = "[dependencies]\naya = { workspace = true, optional = true }\n";
        write(&root, "ndpi-common/Cargo.toml", common);
        let ebpf =
            "[target.'cfg(target_arch = \"bpf\")'.dependencies]\naya-ebpf.workspace = true\n";
        write(&root, "ndpi-ebpf/Cargo.toml", ebpf);
        write(&root, "ndpi-common/src/lib.rs", "// one");
        write(&root, "ndpi-common/src/tests.rs", "// tests");
        write(&root, "ndpi-ebpf/src/main.rs", "// two");
        root
    }

    fn write(root: &tempfile::TempDir, name: &str, content: &str) {
        let file = root.path().join(name);
        fs::create_dir_all(file.parent().unwrap()).unwrap();
        fs::write(file, content).unwrap();
    }

    #[test]
    fn whatever_the_object_is_made_from_counts() {
        let manifest = fs::read_to_string(checkout().path().join("Cargo.toml")).unwrap();
        for (name, content) in [
            ("ndpi-common/src/lib.rs", "// changed".to_owned()),
            ("ndpi-ebpf/src/new.rs", String::new()),
            ("ndpi-ebpf/Cargo.toml", "[dependencies]\n".to_owned()),
            ("Cargo.lock", LOCK.replace("\"aa\"", "\"ab\"")),
            ("Cargo.toml", manifest.replace("aya-ebpf = \"2\"", "aya-ebpf = \"2.1\"")),
            ("Cargo.toml", manifest.replace("0.1.0", "0.2.0")),
        ] {
            let root = checkout();
            let before = digest(root.path()).unwrap();
            write(&root, name, &content);
            assert_ne!(digest(root.path()).unwrap(), before, "{name}");
        }
    }

    #[test]
    fn nothing_else_counts() {
        let root = checkout();
        let before = digest(root.path()).unwrap();
        write(&root, "ndpi-common/src/tests.rs", "// changed");
        write(&root, "ndpi-common/src/parse/tests/ip.rs", "// new");
        write(&root, "ndpi-common/abi.txt", "");
        write(&root, "ndpi-user/src/main.rs", "// new");
        let lock = LOCK.replace("name = \"aya\"\n        version = \"1.0.0\"", "name = \"aya\"\n");
        write(&root, "Cargo.lock", &lock.replace("unrelated", "other"));
        let manifest = fs::read_to_string(root.path().join("Cargo.toml")).unwrap();
        write(&root, "Cargo.toml", &manifest.replace("\"4\"", "\"5\"").replace("MIT", "ISC"));
        assert_eq!(digest(root.path()).unwrap(), before);
    }

    #[test]
    fn the_checkout_itself_has_a_digest() {
        let root = crate::workspace::Workspace::here().root().to_path_buf();
        assert_eq!(digest(&root).unwrap().len(), 64);
        let locked = locked(&root, &read(&root.join("Cargo.lock")).unwrap()).unwrap();
        assert!(locked.iter().any(|package| package.starts_with("aya-ebpf ")), "{locked:?}");
        assert!(!locked.iter().any(|package| package.starts_with("aya ")), "{locked:?}");
    }
}
