//! A folder of the user's, outside the checkout, for what takes long to compile.
//!
//! Programs in it are started, so nobody else may be able to put them there.

use std::env;
use std::fs::{self, DirBuilder, Metadata};
use std::os::unix::fs::{DirBuilderExt as _, MetadataExt as _};
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result, ensure};
use rustix::process::geteuid;

/// The folder, made where it is not; fails where others could write to it.
pub(super) fn folder() -> Result<PathBuf> {
    let base = base(env::var_os("XDG_CACHE_HOME").map(PathBuf::from), env::home_dir())?;
    let folder = base.join("ndpi-xdp");
    DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(&folder)
        .with_context(|| format!("cannot make {}", folder.display()))?;
    only_ours(&folder)
}

/// See the XDG base directory specification: a relative path is as none.
fn base(xdg: Option<PathBuf>, home: Option<PathBuf>) -> Result<PathBuf> {
    xdg.filter(|path| path.is_absolute())
        .or_else(|| Some(home?.join(".cache")).filter(|path| path.is_absolute()))
        .context("neither XDG_CACHE_HOME nor HOME names a folder")
}

/// The path without links, where only we and root can change what it leads to.
pub(super) fn only_ours(path: &Path) -> Result<PathBuf> {
    let path = path.canonicalize().with_context(|| format!("cannot open {}", path.display()))?;
    for place in path.ancestors() {
        let found = fs::symlink_metadata(place)
            .with_context(|| format!("cannot look at {}", place.display()))?;
        ensure!(
            is_only_ours(&found, geteuid().as_raw()),
            "{} could be changed by others, so nothing in it is used",
            place.display()
        );
    }
    Ok(path)
}

/// Owned by us or root, and written by nobody else; in a folder like `/tmp` others can add files, but
/// not exchange ours.
fn is_only_ours(found: &Metadata, us: u32) -> bool {
    const STICKY: u32 = 0o1000;
    let shared = found.mode() & 0o022 != 0;
    let kept = found.is_dir() && found.mode() & STICKY != 0;
    [0, us].contains(&found.uid()) && (!shared || kept)
}

#[cfg(test)]
mod tests {
    use std::fs::Permissions;
    use std::os::unix::fs::{PermissionsExt as _, chown, symlink};

    use super::*;

    fn allow(path: &Path, mode: u32) {
        fs::set_permissions(path, Permissions::from_mode(mode)).unwrap();
    }

    #[test]
    fn the_users_cache_is_found() {
        let home = || Some(PathBuf::from("/home/me"));
        assert_eq!(base(None, home()).unwrap(), Path::new("/home/me/.cache"));
        assert_eq!(base(Some("/c".into()), home()).unwrap(), Path::new("/c"));
        assert_eq!(base(Some("c".into()), home()).unwrap(), Path::new("/home/me/.cache"));
        assert!(base(None, None).is_err());
        assert!(base(Some("".into()), Some("".into())).is_err());
    }

    #[test]
    fn what_others_can_write_is_refused() {
        let root = tempfile::tempdir().unwrap();
        let folder = root.path().join("a/b");
        fs::create_dir_all(&folder).unwrap();
        let file = folder.join("program");
        fs::write(&file, "").unwrap();
        assert!(only_ours(&file).is_ok());
        for open in [&file, &folder, folder.parent().unwrap()] {
            let before = fs::metadata(open).unwrap().permissions();
            allow(open, 0o777);
            let error = only_ours(&file).unwrap_err().to_string();
            assert!(error.contains(open.to_str().unwrap()), "{error}");
            fs::set_permissions(open, before).unwrap();
        }
        assert!(only_ours(&file).is_ok());
    }

    #[test]
    fn links_are_judged_by_where_they_lead() {
        let root = tempfile::tempdir().unwrap();
        let (open, link) = (root.path().join("open"), root.path().join("link"));
        fs::create_dir(&open).unwrap();
        symlink(&open, &link).unwrap();
        assert_eq!(only_ours(&link).unwrap(), open.canonicalize().unwrap());
        allow(&open, 0o777);
        assert!(only_ours(&link).is_err());
    }

    #[test]
    fn what_belongs_to_others_is_refused() {
        let root = tempfile::tempdir().unwrap();
        let folder = root.path().join("theirs");
        fs::create_dir(&folder).unwrap();
        if chown(&folder, Some(65_534), None).is_err() {
            eprintln!("skipped: giving a folder away takes root");
            return;
        }
        assert!(only_ours(&folder).is_err());
    }
}
