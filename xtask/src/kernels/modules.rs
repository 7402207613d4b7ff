//! Kernel modules, with those they depend on.
//!
//! A package has no `modules.dep`, which is made when it is installed. But every module says what it
//! depends on (`depends=` in its section `.modinfo`).

use std::collections::{BTreeMap, HashSet};
use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result, bail};

use crate::process;

/// A module to load.
pub(super) struct Module {
    pub(super) name: String,
    /// Not compressed.
    pub(super) content: Vec<u8>,
}

/// The modules `wanted` and what they depend on, in the order to load them. Those that the kernel
/// has no file of are left out: they may be part of it.
pub(super) fn closure(folder: &Path, wanted: &[&str]) -> Result<Vec<Module>> {
    let mut files = BTreeMap::new();
    collect(&folder.join("kernel"), &mut files)?;
    let (mut order, mut seen) = (Vec::new(), HashSet::new());
    for name in wanted {
        add(name, &files, &mut seen, &mut order)?;
    }
    Ok(order)
}

fn add(
    name: &str,
    files: &BTreeMap<String, PathBuf>,
    seen: &mut HashSet<String>,
    order: &mut Vec<Module>,
) -> Result<()> {
    let name = name.replace('-', "_");
    let Some(file) = files.get(&name) else { return Ok(()) };
    if !seen.insert(name.clone()) {
        return Ok(());
    }
    let content = read(file)?;
    for needed in depends(&content) {
        add(&needed, files, seen, order)?;
    }
    order.push(Module { name, content });
    Ok(())
}

/// All modules below a folder, by their names.
fn collect(folder: &Path, files: &mut BTreeMap<String, PathBuf>) -> Result<()> {
    let entries = fs::read_dir(folder).with_context(|| format!("no {}", folder.display()))?;
    for entry in entries {
        let path = entry?.path();
        if path.is_dir() {
            collect(&path, files)?;
        } else if let Some(file) = path.file_name().and_then(|name| name.to_str())
            && let Some((name, _)) = file.split_once(".ko")
        {
            files.insert(name.replace('-', "_"), path);
        }
    }
    Ok(())
}

fn read(file: &Path) -> Result<Vec<u8>> {
    let program = match file.extension().and_then(|extension| extension.to_str()) {
        Some("ko") => return Ok(fs::read(file)?),
        Some("xz") => "xz",
        Some("zst") => "zstd",
        Some("gz") => "gzip",
        _ => bail!("{} is compressed in an unknown way", file.display()),
    };
    let output = process::command(program).arg("-dc").arg(file).output();
    let output =
        output.with_context(|| format!("{} takes {program} to be read", file.display()))?;
    if !output.status.success() {
        bail!("{program} cannot read {}", file.display());
    }
    Ok(output.stdout)
}

/// What a module says that it depends on.
fn depends(content: &[u8]) -> Vec<String> {
    const KEY: &[u8] = b"\0depends=";
    let Some(at) = content.windows(KEY.len()).position(|window| window == KEY) else {
        return Vec::new();
    };
    let value = content[at + KEY.len()..].split(|byte| *byte == 0).next().unwrap_or_default();
    let value = String::from_utf8_lossy(value).into_owned();
    value.split(',').filter(|name| !name.is_empty()).map(str::to_owned).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_module_names_what_it_depends_on() {
        assert_eq!(
            depends(b"x\0license=GPL\0depends=udp_tunnel,ipv6\0name=a\0"),
            ["udp_tunnel", "ipv6"]
        );
        assert!(depends(b"\0depends=\0intree=Y\0").is_empty());
        assert!(depends(b"").is_empty());
    }
}
