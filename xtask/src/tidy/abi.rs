//! The types shared with the kernel change only together with their version.
//!
//! Pinned maps outlive the program that made them. A program that finds maps of another version
//! refuses them, which helps only if the version is changed with the types. So the types, and the
//! constants that give their bytes a meaning, are recorded as normalised source in
//! `ndpi-common/abi.txt`; a difference there is what a reviewer sees.

mod items;

use std::fmt::Write as _;
use std::fs;
use std::path::Path;

use anyhow::{Context, Result, bail};
use syn::{Expr, ExprLit, Item, ItemConst, Lit};

use super::sources::Sources;
use items::VERSION;

const RECORD: &str = "ndpi-common/abi.txt";
const HEADER: &str = "# The types that kernel and user space share, by `cargo xtask tidy \
                      --accept-abi`.\n";

pub(super) fn check(sources: &Sources, root: &Path) -> Result<Vec<String>> {
    let recorded = fs::read_to_string(root.join(RECORD)).unwrap_or_default();
    Ok(compare(&recorded, &Abi::of(sources)?).into_iter().collect())
}

/// Records the present types, unless they changed and their version did not.
pub(super) fn accept(sources: &Sources, root: &Path) -> Result<()> {
    let path = root.join(RECORD);
    let abi = Abi::of(sources)?;
    let recorded = fs::read_to_string(&path).unwrap_or_default();
    if let Some(version) = recorded_version(&recorded)
        && recorded != abi.record()
        && abi.version <= version
    {
        bail!(
            "the shared types changed since version {version}; raise {VERSION} in ndpi-common \
             (it is {}) first",
            abi.version
        );
    }
    fs::write(&path, abi.record()).with_context(|| format!("writing {RECORD}"))
}

fn compare(recorded: &str, abi: &Abi) -> Option<String> {
    let found = abi.record();
    if recorded == found {
        return None;
    }
    let gone = recorded.lines().find(|line| !found.lines().any(|other| other == *line));
    let new = found.lines().find(|line| !recorded.lines().any(|other| other == *line));
    Some(format!(
        "{RECORD}: the types shared with the kernel are not those recorded; raise {VERSION} in \
         ndpi-common and run: cargo xtask tidy --accept-abi\n  recorded: {}\n  found:    {}",
        gone.unwrap_or("(nothing else)"),
        new.unwrap_or("(nothing else)")
    ))
}

fn recorded_version(record: &str) -> Option<u64> {
    record.lines().find_map(|line| line.strip_prefix("version "))?.parse().ok()
}

/// What both sides must agree on.
struct Abi {
    version: u64,
    /// Each shared item, normalised, sorted.
    items: Vec<String>,
}

impl Abi {
    fn of(sources: &Sources) -> Result<Self> {
        // The parser is code both sides compile; what its types look like, no map holds.
        let files =
            || sources.of("ndpi-common").filter(|one| !one.path.iter().any(|p| p == "parse"));
        let all = || files().flat_map(|source| &source.ast.items);
        let version = all()
            .find_map(version)
            .with_context(|| format!("ndpi-common has no `pub const {VERSION}` with an integer"))?;
        let mut items: Vec<_> = all().flat_map(items::shared).collect();
        items.sort();
        Ok(Self { version, items })
    }

    fn record(&self) -> String {
        let mut record = format!("{HEADER}version {}\n", self.version);
        for item in &self.items {
            let _ = writeln!(record, "{item}");
        }
        record
    }
}

fn version(item: &Item) -> Option<u64> {
    let Item::Const(ItemConst { ident, expr, .. }) = item else { return None };
    let Expr::Lit(ExprLit { lit: Lit::Int(value), .. }) = &**expr else { return None };
    (ident == VERSION).then(|| value.base10_parse().ok()).flatten()
}

#[cfg(test)]
mod tests {
    use super::super::sources::sources;
    use super::*;

    fn abi(version: u32, types: &str) -> Abi {
        let text = format!("pub const ABI_VERSION: u32 = {version};\n{types}");
        Abi::of(&sources(&[("ndpi-common/src/lib.rs", &text)])).unwrap()
    }

    const KEY: &str = "#[repr(C)] pub struct Key { pub a: u32, pub b: u32 }";

    #[test]
    fn comments_and_derives_are_no_change() {
        let dressed =
            "/// A key.\n#[derive(Clone)]\n#[repr(C)]\nstruct Key {\n/// a\na: u32,\nb: u32 }";
        assert_eq!(compare(&abi(1, KEY).record(), &abi(1, dressed)), None);
    }

    #[test]
    fn an_order_a_name_and_a_value_are_changes() {
        let swapped = KEY.replace("a: u32, pub b", "b: u32, pub a");
        let found = compare(&abi(1, KEY).record(), &abi(1, &swapped)).unwrap();
        assert!(found.contains("b : u32 , a : u32"), "{found}");
        let action = "#[repr(u8)] enum Action { Drop = 1 }";
        let other = action.replace('1', "2");
        assert!(compare(&abi(1, action).record(), &abi(1, &other)).is_some());
    }

    #[test]
    fn types_without_a_stated_layout_do_not_cross() {
        assert_eq!(compare(&abi(1, "").record(), &abi(1, "struct A { a: u32 }")), None);
    }

    #[test]
    fn what_gives_bytes_a_meaning_is_recorded_too() {
        let flags = "impl Flags { pub const CUT: u16 = 1; }";
        let changed = compare(&abi(1, flags).record(), &abi(1, &flags.replace('1', "2"))).unwrap();
        assert!(changed.contains("Flags :: CUT"), "{changed}");
        let map = "pub const MAP: &str = \"STATS\";";
        assert!(compare(&abi(1, map).record(), &abi(1, "")).is_some());
        let reasons = "reasons! { /// one\n Drop = \"drop\", }";
        assert!(compare(&abi(1, reasons).record(), &abi(1, "")).is_some());
        let reworded = reasons.replace("one", "another");
        assert_eq!(compare(&abi(1, reasons).record(), &abi(1, &reworded)), None);
    }

    #[test]
    fn accepting_wants_a_higher_version() {
        let root = std::env::temp_dir().join(format!("xtask-abi-{}", std::process::id()));
        fs::create_dir_all(root.join("ndpi-common")).unwrap();
        let at = |version: u32, types: &str| {
            let text = format!("pub const ABI_VERSION: u32 = {version};\n{types}");
            accept(&sources(&[("ndpi-common/src/lib.rs", &text)]), &root)
        };
        at(1, KEY).unwrap();
        at(1, KEY).unwrap();
        let wider = KEY.replace("b: u32", "b: u64");
        assert!(at(1, &wider).unwrap_err().to_string().contains("since version 1"));
        at(2, &wider).unwrap();
        assert!(at(1, KEY).is_err());
        fs::remove_dir_all(&root).unwrap();
    }
}
