//! Whether a file can only have been put where it is by root or by this process's own user.
//!
//! A library's code runs as soon as it is loaded, with all the rights of the process. So one that
//! nobody named is only taken from a path of which every part is safe from others: no folder in
//! which they can exchange what is next on the path, no file that they can write.

use std::ffi::OsString;
use std::fs::{self, Metadata};
use std::io;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Component, Path, PathBuf};

/// The kernel's own limit (`path_resolution(7)`).
const MOST_LINKS: usize = 40;

/// The folders that hold nothing but the library and what it needs.
const OWN_FOLDERS: [&str; 2] = ["ndpi-xdp", "ndpi"];

/// Why a path is not to be trusted.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Distrust {
    /// Not root's and not ours.
    #[error("{} belongs to user {owner}", .at.display())]
    Owner {
        /// The file or folder.
        at: PathBuf,
        /// Whose it is.
        owner: u32,
    },
    /// Its mode lets others in.
    #[error("others than its owner can write to {}", .at.display())]
    Writable {
        /// The file or folder.
        at: PathBuf,
    },
    /// It is in a folder like `/tmp`, in which anybody may make files and links.
    #[error("it passes through {}, beside which anybody may put files", .at.display())]
    Shared {
        /// The shared folder, or what is in it.
        at: PathBuf,
    },
    /// It could not be looked at.
    #[error("{} cannot be examined", .at.display())]
    Unknown {
        /// The file or folder.
        at: PathBuf,
        /// What the system said.
        source: io::Error,
    },
}

/// The file that `path` leads to, by a path without links; `us` is this process's user.
pub(crate) fn resolve(path: &Path, us: u32) -> Result<PathBuf, Distrust> {
    let path = std::path::absolute(path).map_err(|source| unknown(path, source))?;
    let file = walk(&path, us)?;
    let folder = file.parent().unwrap_or(&file);
    // Beside it there may be libraries that it needs, which are loaded with it.
    if folder.file_name().is_some_and(|name| OWN_FOLDERS.iter().any(|own| name == *own)) {
        let failed = |source| unknown(folder, source);
        for entry in fs::read_dir(folder).map_err(failed)? {
            let path = entry.map_err(failed)?.path();
            // Neither folders nor links that lead nowhere can be loaded.
            if path.is_file() {
                walk(&path, us)?;
            }
        }
    }
    Ok(file)
}

/// The same, of one file.
fn walk(path: &Path, us: u32) -> Result<PathBuf, Distrust> {
    let mut walk = Walk { at: PathBuf::new(), shared: false, us };
    let mut left = parts(path);
    let mut links = 0;
    while let Some(part) = left.pop() {
        let next = walk.at.join(&part);
        let found = fs::symlink_metadata(&next).map_err(|source| unknown(&next, source))?;
        if found.is_symlink() {
            links += 1;
            walk.refuse_shared(&next)?;
            if links > MOST_LINKS {
                return Err(unknown(&next, io::Error::from_raw_os_error(libc::ELOOP)));
            }
            let target = fs::read_link(&next).map_err(|source| unknown(&next, source))?;
            left.extend(parts(&target));
        } else if found.is_dir() {
            walk.enter(next, &found)?;
        } else {
            walk.end(&next, &found)?;
            return Ok(next);
        }
    }
    Err(unknown(path, io::Error::from_raw_os_error(libc::EISDIR)))
}

/// How far a walk has come.
struct Walk {
    at: PathBuf,
    /// Whether anybody may put something there, as in `/tmp`, but not exchange what is there.
    shared: bool,
    us: u32,
}

impl Walk {
    /// Goes on into a folder.
    fn enter(&mut self, folder: PathBuf, found: &Metadata) -> Result<(), Distrust> {
        self.owned(&folder, found)?;
        let writable = others_can_write(found, self.us);
        // In a sticky folder nobody can exchange a folder of somebody else's.
        if writable && found.mode() & libc::S_ISVTX == 0 {
            return Err(Distrust::Writable { at: folder });
        }
        self.shared = writable;
        // Without links before it, `..` is the folder one came from.
        self.at = if folder.ends_with("..") { lexical_parent(&folder) } else { folder };
        Ok(())
    }

    /// Ends at a file.
    fn end(&self, file: &Path, found: &Metadata) -> Result<(), Distrust> {
        self.refuse_shared(file)?;
        self.owned(file, found)?;
        if others_can_write(found, self.us) {
            return Err(Distrust::Writable { at: file.to_owned() });
        }
        Ok(())
    }

    fn owned(&self, at: &Path, found: &Metadata) -> Result<(), Distrust> {
        match found.uid() {
            owner if owner == 0 || owner == self.us => Ok(()),
            owner => Err(Distrust::Owner { at: at.to_owned(), owner }),
        }
    }

    /// Files and links in a folder like `/tmp` may be hard links that somebody else has made.
    fn refuse_shared(&self, at: &Path) -> Result<(), Distrust> {
        if self.shared { Err(Distrust::Shared { at: at.to_owned() }) } else { Ok(()) }
    }
}

/// Whether others than root and the owner can write. Where every user has a group of the same
/// number, as on Debian, nobody else is in it.
fn others_can_write(found: &Metadata, us: u32) -> bool {
    let own_group = us != 0 && found.uid() == us && found.gid() == us;
    let others = if own_group { libc::S_IWOTH } else { libc::S_IWOTH | libc::S_IWGRP };
    found.mode() & others != 0
}

/// The parts of a path, last one first.
fn parts(path: &Path) -> Vec<OsString> {
    let parts = path.components().filter(|part| *part != Component::CurDir);
    let mut parts: Vec<_> = parts.map(|part| part.as_os_str().to_owned()).collect();
    parts.reverse();
    parts
}

fn lexical_parent(folder: &Path) -> PathBuf {
    let inside = folder.parent().unwrap_or(folder);
    inside.parent().unwrap_or(inside).to_owned()
}

fn unknown(at: &Path, source: io::Error) -> Distrust {
    Distrust::Unknown { at: at.to_owned(), source }
}

#[cfg(test)]
mod tests {
    use std::error::Error as _;
    use std::os::unix::fs::{PermissionsExt as _, symlink};

    use super::*;

    /// A folder in which `lib/ndpi-xdp/x.so` and its companion are safe from others.
    struct Tree(PathBuf);

    impl Tree {
        fn new(name: &str) -> Self {
            let root =
                std::env::temp_dir().join(format!("ndpi-trust-{name}-{}", std::process::id()));
            let tree = Self(root);
            fs::create_dir_all(tree.0.join("lib/ndpi-xdp")).unwrap();
            for file in ["lib/ndpi-xdp/x.so", "lib/ndpi-xdp/engine.so"] {
                fs::write(tree.0.join(file), "").unwrap();
                tree.set_mode(file, 0o644);
            }
            for folder in ["", "lib", "lib/ndpi-xdp"] {
                tree.set_mode(folder, 0o755);
            }
            tree
        }

        fn set_mode(&self, path: &str, mode: u32) {
            fs::set_permissions(self.0.join(path), fs::Permissions::from_mode(mode)).unwrap();
        }

        fn resolve(&self, path: &str) -> Result<PathBuf, Distrust> {
            resolve(&self.0.join(path), us())
        }

        fn refused(&self, path: &str) -> String {
            let error = self.resolve(path).unwrap_err();
            let cause = error.source().map(|cause| format!(": {cause}"));
            format!("{error}{}", cause.unwrap_or_default())
        }
    }

    impl Drop for Tree {
        fn drop(&mut self) {
            let _ = fs::remove_dir_all(&self.0);
        }
    }

    fn us() -> u32 {
        // SAFETY: geteuid(2) takes nothing and cannot fail.
        unsafe { libc::geteuid() }
    }

    const FILE: &str = "lib/ndpi-xdp/x.so";

    #[test]
    fn each_part_of_the_path_must_be_safe() {
        let tree = Tree::new("parts");
        assert_eq!(tree.resolve(FILE).unwrap(), tree.0.join(FILE));
        let parts = [("", 0o755), ("lib", 0o755), ("lib/ndpi-xdp", 0o755), (FILE, 0o644)];
        for (part, right) in parts {
            for wrong in [0o002, 0o022] {
                tree.set_mode(part, right | wrong);
                let said = tree.refused(FILE);
                assert!(said.contains("can write to"), "{part}: {said}");
                assert!(said.contains(&tree.0.display().to_string()), "{said}");
            }
            tree.set_mode(part, right);
        }
        tree.resolve(FILE).unwrap();
    }

    #[test]
    fn what_the_library_needs_must_be_safe_too() {
        let tree = Tree::new("companions");
        tree.set_mode("lib/ndpi-xdp/engine.so", 0o666);
        assert!(tree.refused(FILE).ends_with("/lib/ndpi-xdp/engine.so"));
    }

    #[test]
    fn a_shared_folder_may_be_passed_but_holds_no_library() {
        let tree = Tree::new("shared");
        tree.set_mode("lib", 0o1777);
        tree.resolve(FILE).unwrap();
        fs::write(tree.0.join("lib/y.so"), "").unwrap();
        symlink("ndpi-xdp", tree.0.join("lib/link")).unwrap();
        assert!(tree.refused("lib/y.so").contains("anybody may put files"));
        assert!(tree.refused("lib/link/x.so").contains("anybody may put files"));
    }

    #[test]
    fn links_are_followed_and_what_they_lead_to_counts() {
        let tree = Tree::new("links");
        symlink("../lib/ndpi-xdp", tree.0.join("lib/relative")).unwrap();
        symlink(tree.0.join(FILE), tree.0.join("absolute.so")).unwrap();
        for path in ["lib/relative/x.so", "absolute.so", "lib/../lib/./ndpi-xdp/x.so"] {
            assert_eq!(tree.resolve(path).unwrap(), tree.0.join(FILE), "{path}");
        }
        fs::create_dir(tree.0.join("open")).unwrap();
        tree.set_mode("open", 0o777);
        fs::write(tree.0.join("open/z.so"), "").unwrap();
        symlink("open/z.so", tree.0.join("into.so")).unwrap();
        assert!(tree.refused("into.so").ends_with("/open"));
        symlink("around", tree.0.join("around")).unwrap();
        assert!(tree.refused("around/x.so").contains("symbolic links"));
    }

    #[test]
    fn what_belongs_to_another_user_is_refused() {
        let tree = Tree::new("owner");
        let found = fs::symlink_metadata(tree.0.join(FILE)).unwrap();
        let stranger = Walk { at: tree.0.clone(), shared: false, us: us() + 1 };
        assert_eq!(stranger.owned(&tree.0, &found).is_err(), us() != 0, "root's are always safe");
        if us() == 0 {
            std::os::unix::fs::chown(tree.0.join("lib"), Some(65534), None).unwrap();
            assert!(tree.refused(FILE).ends_with("/lib belongs to user 65534"));
        }
    }

    #[test]
    fn the_private_group_of_a_user_counts_as_the_user() {
        let tree = Tree::new("group");
        tree.set_mode(FILE, 0o664);
        let found = fs::symlink_metadata(tree.0.join(FILE)).unwrap();
        assert_eq!(
            others_can_write(&found, found.uid()),
            found.uid() == 0 || found.gid() != found.uid()
        );
        assert!(others_can_write(&found, found.uid() + 1));
    }
}
