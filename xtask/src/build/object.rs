//! The object with the BPF programs: the committed one, or compiled.

use std::fs;
use std::path::Path;

use anyhow::{Context, Result};
use sha2::{Digest, Sha256};

use super::committed::{self, Committed};
use super::compile::compile;
use crate::workspace::Workspace;

/// Puts the object where `ndpi-kernel` embeds it from: the committed one where it is what the sources
/// give, else one that is compiled now.
pub(crate) fn provide_object(workspace: &Workspace) -> Result<()> {
    let content = match Committed::read(workspace)?.filter(Committed::fits) {
        Some(committed) => committed.object,
        None => compile(workspace)?,
    };
    publish(&content, &workspace.bpf_object())
}

/// The same as a check, of what is committed too: in CI always by compiling.
pub(crate) fn check_object(workspace: &Workspace) -> Result<()> {
    if !is_compiled(workspace)? {
        eprintln!("test: the committed object is of these sources; CI compiles and compares");
        return provide_object(workspace);
    }
    let content = compile(workspace)?;
    publish(&content, &workspace.bpf_object())?;
    committed::check(workspace, &content)
}

/// Whether checks compile the BPF programs: in CI, and where no committed object fits.
pub(crate) fn is_compiled(workspace: &Workspace) -> Result<bool> {
    let fits = Committed::read(workspace)?.is_some_and(|committed| committed.fits());
    Ok(!fits || testkit::needs::in_ci())
}

/// Writes the object if it has changed, so that what embeds it is compiled again only then.
fn publish(content: &[u8], object: &Path) -> Result<()> {
    if fs::read(object).is_ok_and(|old| old == content) {
        return Ok(());
    }
    if let Some(folder) = object.parent() {
        fs::create_dir_all(folder).with_context(|| format!("cannot make {}", folder.display()))?;
    }
    fs::write(object, content).with_context(|| format!("cannot write {}", object.display()))?;
    // What a build without the object watches, see `ndpi-kernel/build.rs`.
    let stamp = object.with_extension("stamp");
    fs::write(&stamp, format!("{:x}\n", Sha256::digest(content)))
        .with_context(|| format!("cannot write {}", stamp.display()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_unchanged_object_is_left_alone() {
        let folder = tempfile::tempdir().unwrap();
        let object = folder.path().join("bpf/ndpi-xdp.o");
        let stamp = object.with_extension("stamp");
        publish(b"one", &object).unwrap();
        let first = fs::read(&stamp).unwrap();
        fs::remove_file(&stamp).unwrap();
        publish(b"one", &object).unwrap();
        assert!(!stamp.exists(), "the second time nothing is written");
        publish(b"two", &object).unwrap();
        assert_eq!(fs::read(&object).unwrap(), b"two");
        assert_ne!(fs::read(&stamp).unwrap(), first);
    }
}
