//! Whether a file is for whoever reads what this process says about it.

use std::ffi::CString;
use std::fs::{self, Metadata};
use std::os::unix::fs::MetadataExt as _;
use std::path::Path;

use nix::unistd::{Gid, Uid, User, getgrouplist};

/// Shifts of a mode's bits for the owner, the group and everybody else.
const OWNER: u32 = 6;
const GROUP: u32 = 3;
const OTHERS: u32 = 0;

const READ: u32 = 0o4;
const ENTER: u32 = 0o1;

/// Who reads the messages of a process that has more rights.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Onlooker {
    user: u32,
    group: u32,
    /// All groups of the user, as a login gives them; `None` where the user database does not say.
    groups: Option<Vec<u32>>,
}

impl Onlooker {
    /// Who had sudo start this process, by the variables that it sets; `None` where nobody did, or root.
    pub fn behind_sudo() -> Option<Self> {
        Self::of(|name| std::env::var(name).ok(), groups)
    }

    fn of(
        variable: impl Fn(&str) -> Option<String>,
        groups: impl Fn(u32, u32) -> Option<Vec<u32>>,
    ) -> Option<Self> {
        let value = |name| variable(name).filter(|value| !value.is_empty());
        // What is no number is nobody's.
        let number = |value: String| value.parse().unwrap_or(u32::MAX);
        let user = number(value("SUDO_UID")?);
        let group = value("SUDO_GID").map_or(u32::MAX, number);
        (user != 0).then(|| Self { user, group, groups: groups(user, group) })
    }

    /// Whether the bits of the file's mode, and those of the folders above it, let this user read it.
    /// Access control lists are not asked.
    pub fn may_read(&self, path: &Path) -> bool {
        let allows = |path: &Path, right| {
            fs::metadata(path).is_ok_and(|found| self.is_allowed(right, Owned::from(&found)))
        };
        path.canonicalize().is_ok_and(|file| {
            allows(&file, READ) && file.ancestors().skip(1).all(|folder| allows(folder, ENTER))
        })
    }

    fn is_allowed(&self, right: u32, file: Owned) -> bool {
        let allows = |shift| file.mode >> shift & right != 0;
        // The first that fits counts, whatever the others would allow.
        match self.is_in(file.group) {
            _ if file.user == self.user => allows(OWNER),
            Some(true) => allows(GROUP),
            Some(false) => allows(OTHERS),
            None => allows(GROUP) && allows(OTHERS),
        }
    }

    /// Whether the user is in a group, if that can be known.
    fn is_in(&self, group: u32) -> Option<bool> {
        if group == self.group {
            return Some(true);
        }
        self.groups.as_ref().map(|groups| groups.contains(&group))
    }
}

/// The groups of a user whose own group is `group` (getgrouplist(3)). By his number: the name that sudo
/// leaves is of the same user, but would have to be compared.
fn groups(user: u32, group: u32) -> Option<Vec<u32>> {
    let name = CString::new(User::from_uid(Uid::from_raw(user)).ok()??.name).ok()?;
    let groups = getgrouplist(&name, Gid::from_raw(group)).ok()?;
    Some(groups.into_iter().map(Gid::as_raw).collect())
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

    fn alice() -> Onlooker {
        Onlooker { user: 1000, group: 100, groups: Some(vec![100, 27]) }
    }

    /// Nobody whom the user database knows.
    fn stranger() -> Onlooker {
        Onlooker { user: u32::MAX, group: u32::MAX, groups: None }
    }

    #[test]
    fn sudo_says_who_looks_on() {
        let behind = |user: Option<&str>, group: Option<&str>| {
            let variable = |name: &str| match name {
                "SUDO_UID" => user.map(str::to_owned),
                "SUDO_GID" => group.map(str::to_owned),
                _ => None,
            };
            Onlooker::of(variable, |user, group| (user == 1000).then(|| vec![group, 27]))
        };
        assert_eq!(behind(Some("1000"), Some("100")), Some(alice()));
        for nobody in [None, Some(""), Some("0")] {
            assert_eq!(behind(nobody, Some("100")), None, "{nobody:?}");
        }
        assert_eq!(behind(Some("alice"), None), Some(stranger()));
    }

    #[test]
    fn the_first_bits_that_fit_count() {
        let root = |mode| Owned { user: 0, group: 0, mode };
        let hers = |mode| Owned { user: 1000, group: 0, mode };
        let of_group = |mode| Owned { user: 0, group: 100, mode };
        let of_further_group = |mode| Owned { user: 0, group: 27, mode };
        for (file, may) in [
            (root(0o100_644), true),
            (root(0o100_640), false),
            (root(0o100_600), false),
            (of_group(0o100_640), true),
            (of_group(0o100_604), false),
            (of_further_group(0o100_640), true),
            (of_further_group(0o100_604), false),
            (hers(0o100_400), true),
            (hers(0o100_044), false),
        ] {
            assert_eq!(alice().is_allowed(READ, file), may, "{:o}", file.mode);
        }
    }

    #[test]
    fn where_groups_are_not_known_both_have_to_allow() {
        let file = |mode| Owned { user: 0, group: 27, mode };
        for (mode, may) in [(0o100_644, true), (0o100_640, false), (0o100_604, false)] {
            assert_eq!(stranger().is_allowed(READ, file(mode)), may, "{mode:o}");
        }
    }

    #[test]
    fn the_user_database_knows_groups_by_number() {
        let root = groups(0, 0).expect("root is a user");
        assert!(root.contains(&0), "{root:?}");
        assert_eq!(groups(4_242_424, 1), None);
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
            stranger().may_read(&file)
        };
        assert!(!enter(0o700));
        assert!(enter(0o711));
        assert!(!alice().may_read(&folder.path().join("gone")));
    }
}
