//! Whether a file is for whoever reads what this process says about it.

use std::fs::{self, Metadata};
use std::os::unix::fs::MetadataExt as _;
use std::path::Path;

/// Shifts of a mode's bits for the owner, the group and everybody else.
const OWNER: u32 = 6;
const GROUP: u32 = 3;
const OTHERS: u32 = 0;

const READ: u32 = 0o4;
const ENTER: u32 = 0o1;

/// Who reads the messages of a process that has more rights.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Onlooker {
    user: u32,
    group: u32,
}

impl Onlooker {
    /// Who had sudo start this process, by the variables that it sets; `None` where nobody did, or root.
    pub fn behind_sudo() -> Option<Self> {
        Self::of(|name| std::env::var(name).ok())
    }

    fn of(variable: impl Fn(&str) -> Option<String>) -> Option<Self> {
        let value = |name| variable(name).filter(|value| !value.is_empty());
        // What is no number is nobody's.
        let number = |value: String| value.parse().unwrap_or(u32::MAX);
        let user = number(value("SUDO_UID")?);
        let group = value("SUDO_GID").map_or(u32::MAX, number);
        (user != 0).then_some(Self { user, group })
    }

    /// Whether the bits of the file's mode, and those of the folders above it, let this user read it. His
    /// further groups and access control lists are not asked: in doubt he may not.
    pub fn may_read(self, path: &Path) -> bool {
        let allows = |path: &Path, right| {
            fs::metadata(path).is_ok_and(|found| self.is_allowed(right, Owned::from(&found)))
        };
        path.canonicalize().is_ok_and(|file| {
            allows(&file, READ) && file.ancestors().skip(1).all(|folder| allows(folder, ENTER))
        })
    }

    fn is_allowed(self, right: u32, file: Owned) -> bool {
        // The first that fits counts, whatever the others would allow.
        let shift = match file {
            Owned { user, .. } if user == self.user => OWNER,
            Owned { group, .. } if group == self.group => GROUP,
            _ => OTHERS,
        };
        file.mode >> shift & right != 0
    }
}

/// Whose a file is, and what its mode allows.
#[derive(Clone, Copy)]
struct Owned {
    user: u32,
    group: u32,
    mode: u32,
}

impl From<&Metadata> for Owned {
    fn from(found: &Metadata) -> Self {
        Self { user: found.uid(), group: found.gid(), mode: found.mode() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ALICE: Onlooker = Onlooker { user: 1000, group: 100 };

    #[test]
    fn sudo_says_who_looks_on() {
        let behind = |user: Option<&str>, group: Option<&str>| {
            Onlooker::of(|name| match name {
                "SUDO_UID" => user.map(str::to_owned),
                "SUDO_GID" => group.map(str::to_owned),
                _ => None,
            })
        };
        assert_eq!(behind(Some("1000"), Some("100")), Some(ALICE));
        for nobody in [None, Some(""), Some("0")] {
            assert_eq!(behind(nobody, Some("100")), None, "{nobody:?}");
        }
        let stranger = Onlooker { user: u32::MAX, group: u32::MAX };
        assert_eq!(behind(Some("alice"), None), Some(stranger));
    }

    #[test]
    fn the_first_bits_that_fit_count() {
        let root = |mode| Owned { user: 0, group: 0, mode };
        let hers = |mode| Owned { user: 1000, group: 0, mode };
        let of_group = |mode| Owned { user: 0, group: 100, mode };
        for (file, may) in [
            (root(0o100_644), true),
            (root(0o100_640), false),
            (root(0o100_600), false),
            (of_group(0o100_640), true),
            (of_group(0o100_604), false),
            (hers(0o100_400), true),
            (hers(0o100_044), false),
        ] {
            assert_eq!(ALICE.is_allowed(READ, file), may, "{:o}", file.mode);
        }
    }

    #[test]
    fn folders_must_let_one_in() {
        use std::os::unix::fs::PermissionsExt as _;
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("policy");
        fs::write(&file, "secret").unwrap();
        fs::set_permissions(&file, fs::Permissions::from_mode(0o644)).unwrap();
        let enter = |mode| {
            fs::set_permissions(folder.path(), fs::Permissions::from_mode(mode)).unwrap();
            Onlooker { user: u32::MAX, group: u32::MAX }.may_read(&file)
        };
        assert!(!enter(0o700));
        assert!(enter(0o711));
        assert!(!ALICE.may_read(&folder.path().join("gone")));
    }
}
