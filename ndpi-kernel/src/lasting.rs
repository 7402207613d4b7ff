//! Maps of earlier versions whose entries mean in ours what they meant there.
//!
//! Most changes of what kernel and user space share concern samples, tracks and settings, which nobody carries over.
//! Verdicts, what they point at and the names of their rules have a version of their own: where that is the same,
//! an upgrade takes them along.

use std::ops::RangeInclusive;

use ndpi_common::ABI_VERSION;
use ndpi_common::names::map;

/// The versions whose verdicts are laid out, and mean, what ours do. Whoever changes a type in `lasting.txt` lets it begin
/// with the version that has the change, and says in CHANGELOG.md that an upgrade decides all flows again.
const VERSIONS: RangeInclusive<u32> = 15..=ABI_VERSION;

/// Their maps.
const MAPS: [&str; 6] = [
    map::LIMITS,
    map::REQUESTS,
    map::RULES,
    map::VERDICTS_V4,
    map::VERDICTS_V6,
    map::VERDICTS_TENANT,
];

/// Whether the verdicts of an instance of that version can be carried over.
pub(super) fn has_our_verdicts(version: u32) -> bool {
    VERSIONS.contains(&version)
}

/// Whether what stands in the map of this name lasts from version to version.
pub(super) fn lasts(name: &str) -> bool {
    MAPS.contains(&name)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// All types that are shared, as `cargo xtask tidy --accept-abi` records them.
    const SHARED: &str = include_str!("../../ndpi-common/abi.txt");
    /// Those of keys and values of [`MAPS`] since the first of [`VERSIONS`].
    const LASTING: &str = include_str!("lasting.txt");

    /// The types, and what has constants that give their bytes a meaning.
    const NAMES: [&str; 14] = [
        "Action",
        "Bucket",
        "KeyV4",
        "KeyV6",
        "RequestWatch",
        "RuleKey",
        "RuleName",
        "State",
        "Tally",
        "TenantIds",
        "TenantKey",
        "TenantKind",
        "Total",
        "VerdictEntry",
    ];

    #[test]
    fn what_lasts_is_what_it_was() {
        let is_of = |line: &str, name| {
            let defines = ["struct", "enum"].map(|kind| format!(" {kind} {name} {{"));
            line.starts_with(&format!("const {name} ::"))
                || defines.iter().any(|it| line.contains(it))
        };
        let found: Vec<_> =
            SHARED.lines().filter(|line| NAMES.iter().any(|name| is_of(line, *name))).collect();
        let recorded: Vec<_> = LASTING.lines().filter(|line| !line.starts_with('#')).collect();
        assert_eq!(found, recorded, "see `VERSIONS`: it begins with the version that has this");
    }

    #[test]
    fn versions_are_those_that_are_known() {
        let known = [0, 14, 15, ABI_VERSION, ABI_VERSION + 1].map(has_our_verdicts);
        assert_eq!(known, [false, false, true, true, false]);
        assert!(lasts(map::VERDICTS_V6) && !lasts(map::TRACK_V6) && !lasts(map::STATS));
    }
}
