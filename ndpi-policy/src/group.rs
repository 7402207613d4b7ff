//! Groups of applications, as people mean them: those of `groups.toml`, and those of a policy.

use std::collections::BTreeMap;
use std::sync::{Arc, LazyLock};

use ndpi_labels::{AppId, CategoryId};
use serde::{Deserialize, Serialize};

use crate::app_pattern::AppPattern;
use crate::category::Categories;
use crate::letters::letters;
use crate::names::Names;
use crate::vocabulary::Vocabulary;

/// The file of our own groups.
const OURS: &str = include_str!("groups.toml");

/// Our own groups, by nDPI's names.
#[derive(Debug, Deserialize)]
pub struct GroupFile {
    /// Goes up with every change of what a group takes.
    pub version: u32,
    /// The version of nDPI whose names they are.
    pub ndpi: String,
    /// Each group by its name.
    #[serde(flatten)]
    pub groups: BTreeMap<String, Listed>,
}

/// A group of the file.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Listed {
    /// What belongs there.
    pub about: String,
    /// What else people call it; letters and digits only, in lower case.
    #[serde(default)]
    pub also: Vec<String>,
    /// Names of applications.
    #[serde(default)]
    pub app: Vec<String>,
    /// Names of categories.
    #[serde(default)]
    pub category: Vec<String>,
    /// Names of categories that people write who mean the group.
    #[serde(default)]
    pub mistaken_for: Vec<String>,
}

/// Our own groups.
pub fn our_groups() -> &'static GroupFile {
    static FILE: LazyLock<GroupFile> =
        LazyLock::new(|| toml::from_str(OURS).expect("groups.toml is read by a test"));
    &FILE
}

/// A group with its names resolved.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Group {
    /// What policies call it.
    pub name: String,
    /// Applications, as `app` takes them.
    pub apps: Vec<AppPattern>,
    /// Categories, as `category` takes them.
    pub categories: Vec<CategoryId>,
    /// Names that the library does not have.
    pub missing: Vec<String>,
}

impl Group {
    /// A group of ours by the names that the library has.
    pub fn of(name: &str, listed: &Listed, names: &Vocabulary) -> Self {
        let mut group = Self { name: name.to_owned(), ..Self::default() };
        for app in &listed.app {
            match app_pattern(&names.apps, app) {
                Some(pattern) => group.apps.push(pattern),
                None => group.missing.push(app.clone()),
            }
        }
        for category in &listed.category {
            match names.categories.id(category) {
                Some(id) => group.categories.push(CategoryId(id)),
                None => group.missing.push(category.clone()),
            }
        }
        group
    }

    /// Whether a flow of this application and these categories belongs to it.
    pub(super) fn matches(&self, app: AppId, categories: Categories) -> bool {
        self.apps.iter().any(|pattern| pattern.matches(app))
            || self.categories.iter().any(|category| categories.contains(*category))
    }
}

/// All groups of ours, by the names that the library has.
pub fn groups(names: &Vocabulary) -> Vec<Arc<Group>> {
    let ours = our_groups().groups.iter();
    ours.map(|(name, listed)| Arc::new(Group::of(name, listed, names))).collect()
}

/// The group of ours that is commonly called so, or is meant by its own name in another spelling.
pub(super) fn also_called(written: &str) -> Option<&'static str> {
    let meant = letters(written);
    let mut ours = our_groups().groups.iter();
    let is_it = |(name, listed): &(&'static String, &'static Listed)| {
        letters(name) == meant || listed.also.contains(&meant)
    };
    ours.find(is_it).map(|(name, _)| name.as_str())
}

/// How names of groups are compared: `VPN and proxies` is `vpn-and-proxies`.
pub(super) fn group_name(written: &str) -> String {
    written.trim().to_lowercase().replace([' ', '_'], "-")
}

/// An entry of `app`: a protocol or application, or a pair as `TLS.Facebook`.
pub(super) fn app_pattern(apps: &Names, name: &str) -> Option<AppPattern> {
    apps.id(name).map(AppPattern::Either).or_else(|| apps.pair(name).map(AppPattern::Pair))
}

#[cfg(test)]
mod tests {
    use ndpi_labels::Recorded;

    use super::*;

    #[test]
    fn the_library_has_every_name_of_our_groups() {
        let names = Vocabulary::of(&Recorded::ndpi_5_0());
        for group in groups(&names) {
            assert_eq!(group.missing, Vec::<String>::new(), "{}", group.name);
            assert!(!group.apps.is_empty() || !group.categories.is_empty(), "{}", group.name);
        }
        let ours = our_groups();
        assert_eq!(ours.ndpi, "5.0", "made for another nDPI than the record");
        for listed in ours.groups.values() {
            for category in &listed.mistaken_for {
                assert!(names.categories.id(category).is_some(), "{category}");
            }
        }
    }

    #[test]
    fn a_group_names_nothing_twice_and_itself_as_policies_write_it() {
        for (name, listed) in &our_groups().groups {
            assert_eq!(group_name(name), *name);
            for names in [&listed.app, &listed.category] {
                let once: std::collections::BTreeSet<_> = names.iter().collect();
                assert_eq!(once.len(), names.len(), "{name}");
            }
        }
    }

    #[test]
    fn no_other_name_means_two_groups() {
        let ours = &our_groups().groups;
        let also = ours.values().flat_map(|listed| &listed.also);
        let mut all: Vec<_> = ours.keys().map(|name| letters(name)).chain(also.cloned()).collect();
        assert!(all.iter().all(|word| letters(word) == *word));
        let count = all.len();
        all.sort();
        all.dedup();
        assert_eq!(all.len(), count);
    }

    #[test]
    fn a_name_that_the_library_lacks_is_kept_apart() {
        let names =
            Vocabulary { apps: [(124, "YouTube")].into_iter().collect(), ..Vocabulary::default() };
        let listed = &our_groups().groups["video"];
        let group = Group::of("video", listed, &names);
        assert_eq!(group.apps, [AppPattern::Either(124)]);
        assert_eq!(group.missing.len(), listed.app.len() - 1);
        assert!(group.missing.contains(&"NetFlix".to_owned()));
    }

    #[test]
    fn the_page_names_every_group_and_their_version() {
        const PAGE: &str = include_str!("../../docs/policy-reference.md");
        let ours = our_groups();
        assert!(PAGE.contains(&format!("version {} of the groups", ours.version)));
        for (name, listed) in &ours.groups {
            assert!(PAGE.contains(&format!("| `{name}` | {} |", listed.about)), "{name}");
        }
    }
}
