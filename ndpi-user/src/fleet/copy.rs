//! The copy of a fleet's policy on this machine: the file that `--policy` names.

use std::fs::{self, OpenOptions, Permissions};
use std::io::{self, Write as _};
use std::os::unix::fs::{OpenOptionsExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};

/// Who may read a copy that was not there before: its owner.
const MODE: u32 = 0o600;

/// A copy.
#[derive(Clone, Debug)]
pub(crate) struct PolicyCopy(PathBuf);

impl PolicyCopy {
    /// The one at `path`; where that is a link, the one that it leads to.
    pub(crate) fn at(path: &Path) -> Self {
        Self(fs::canonicalize(path).unwrap_or_else(|_| path.to_owned()))
    }

    /// Whether it is this text.
    pub(crate) fn is(&self, text: &str) -> bool {
        fs::read(&self.0).is_ok_and(|found| found == text.as_bytes())
    }

    /// Writes this text beside it, which takes its place when it is on the disk; whoever could read the one before can
    /// read this one.
    ///
    /// # Errors
    ///
    /// The disk is full, or the folder may not be written to. The one before is as it was.
    pub(crate) fn replace(&self, text: &str) -> io::Result<()> {
        let mode = fs::metadata(&self.0).map_or(MODE, |found| found.permissions().mode());
        let next = self.0.with_added_extension("new");
        let written = write(&next, text, mode).and_then(|()| fs::rename(&next, &self.0));
        if written.is_err() {
            // What is there of it takes room from others.
            let _ = fs::remove_file(next);
        }
        written
    }
}

fn write(path: &Path, text: &str, mode: u32) -> io::Result<()> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    let mut options = OpenOptions::new();
    let mut file = options.write(true).create_new(true).mode(MODE).open(path)?;
    file.set_permissions(Permissions::from_mode(mode & 0o7777))?;
    file.write_all(text.as_bytes())?;
    file.sync_all()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_copy_takes_the_place_of_the_one_before_and_is_read_by_the_same() {
        let folder = tempfile::tempdir().unwrap();
        let (path, link) = (folder.path().join("policy.toml"), folder.path().join("link"));
        let copy = PolicyCopy::at(&path);
        assert!(!copy.is(""));
        copy.replace("one").unwrap();
        assert!(copy.is("one") && !copy.is("two"));
        let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
        assert_eq!(mode(&path), MODE);
        fs::set_permissions(&path, Permissions::from_mode(0o644)).unwrap();
        std::os::unix::fs::symlink(&path, &link).unwrap();
        // Left by one that was killed.
        fs::write(path.with_added_extension("new"), "half").unwrap();
        PolicyCopy::at(&link).replace("two").unwrap();
        assert_eq!((fs::read_to_string(&path).unwrap(), mode(&path)), ("two".into(), 0o644));
        assert!(fs::symlink_metadata(&link).unwrap().is_symlink());
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 2);
        let nowhere = PolicyCopy::at(&folder.path().join("gone/policy.toml"));
        assert_eq!(nowhere.replace("x").unwrap_err().kind(), io::ErrorKind::NotFound);
    }
}
