//! Where a library is looked for.

use std::ffi::OsStr;
use std::path::{Path, PathBuf};

/// The name by which the loader knows nDPI 5.
pub const SONAME: &str = "libndpi.so.5";

/// The environment variable that names the library to use.
pub const LIBRARY_VARIABLE: &str = "NDPI_LIBRARY";

/// A place to look for the library in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Candidate {
    /// This file, named by a person: if it cannot be used, that is the answer.
    Named(PathBuf),
    /// Whatever the loader finds under [`SONAME`] (`LD_LIBRARY_PATH`, `ld.so.cache`, …).
    Loader,
    /// A copy beside the program, if it is there.
    Beside(PathBuf),
}

/// The places to look in, first one first.
///
/// `given` is a path from the command line, `variable` the value of [`LIBRARY_VARIABLE`];
/// `executable` is the program's own path: a copy is looked for where an installed program
/// (`bin/x` → `lib/`, `lib/ndpi-xdp/`) and one in a checkout (`target/release/x` → `target/ndpi/`)
/// have theirs. The working directory plays no part, since programs that use this run as root.
pub fn candidates(
    given: Option<&Path>,
    variable: Option<&OsStr>,
    executable: Option<&Path>,
) -> Vec<Candidate> {
    let named = given.or_else(|| variable.filter(|value| !value.is_empty()).map(Path::new));
    if let Some(path) = named {
        return vec![Candidate::Named(path.to_owned())];
    }
    let beside = executable.and_then(Path::parent).map(beside).unwrap_or_default();
    std::iter::once(Candidate::Loader).chain(beside.into_iter().map(Candidate::Beside)).collect()
}

fn beside(directory: &Path) -> Vec<PathBuf> {
    // Tests and examples are built one level deeper than the program.
    let nested = directory.file_name().is_some_and(|name| name == "deps" || name == "examples");
    let programs = if nested { directory.parent().unwrap_or(directory) } else { directory };
    let Some(root) = programs.parent() else { return Vec::new() };
    ["lib", "lib/ndpi-xdp", "ndpi"].iter().map(|place| root.join(place).join(SONAME)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn beside_of(executable: &str) -> Vec<Candidate> {
        candidates(None, None, Some(Path::new(executable)))
    }

    #[test]
    fn a_given_path_is_the_only_candidate() {
        let given = Path::new("/opt/ndpi/libndpi.so");
        let found = candidates(Some(given), Some(OsStr::new("/other")), Some(Path::new("/bin/x")));
        assert_eq!(found, [Candidate::Named(given.to_owned())]);
    }

    #[test]
    fn the_variable_counts_where_no_path_is_given() {
        let found = candidates(None, Some(OsStr::new("/other")), Some(Path::new("/bin/x")));
        assert_eq!(found, [Candidate::Named("/other".into())]);
    }

    #[test]
    fn an_empty_variable_is_as_good_as_none() {
        assert_eq!(candidates(None, Some(OsStr::new("")), None), [Candidate::Loader]);
    }

    #[test]
    fn the_loader_comes_before_the_copies() {
        assert_eq!(
            beside_of("/usr/bin/ndpi-xdp"),
            [
                Candidate::Loader,
                Candidate::Beside("/usr/lib/libndpi.so.5".into()),
                Candidate::Beside("/usr/lib/ndpi-xdp/libndpi.so.5".into()),
                Candidate::Beside("/usr/ndpi/libndpi.so.5".into()),
            ]
        );
    }

    #[test]
    fn programs_tests_and_examples_of_a_checkout_share_a_copy() {
        let copy = Candidate::Beside("/src/target/ndpi/libndpi.so.5".into());
        for program in ["release/ndpi-xdp", "debug/deps/flows-0a1b", "debug/examples/classify"] {
            assert!(beside_of(&format!("/src/target/{program}")).contains(&copy), "{program}");
        }
    }
}
