//! Where a library is looked for.

use std::ffi::OsStr;
use std::path::{Path, PathBuf};

use crate::{LoadError, SONAME};

/// Where distributions put libraries, and where this program's packages put one of their own. The
/// loader looks in some of them only once `ldconfig` was run, and in others never.
#[cfg(target_env = "musl")]
const SYSTEM_FOLDERS: [&str; 4] =
    ["/usr/local/lib/ndpi-xdp", "/usr/local/lib", "/usr/lib/ndpi-xdp", "/usr/lib"];
#[cfg(all(not(target_env = "musl"), target_arch = "x86_64"))]
const SYSTEM_FOLDERS: [&str; 7] = [
    "/usr/local/lib/ndpi-xdp",
    "/usr/local/lib/x86_64-linux-gnu",
    "/usr/local/lib",
    "/usr/lib/ndpi-xdp",
    "/usr/lib/x86_64-linux-gnu",
    "/usr/lib64",
    "/usr/lib",
];
#[cfg(all(not(target_env = "musl"), target_arch = "aarch64"))]
const SYSTEM_FOLDERS: [&str; 7] = [
    "/usr/local/lib/ndpi-xdp",
    "/usr/local/lib/aarch64-linux-gnu",
    "/usr/local/lib",
    "/usr/lib/ndpi-xdp",
    "/usr/lib/aarch64-linux-gnu",
    "/usr/lib64",
    "/usr/lib",
];

/// A place to look for the library in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Candidate {
    /// This file, named by a person: if it cannot be used, that is the answer.
    Named(PathBuf),
    /// Whatever the loader finds under [`SONAME`] (`LD_LIBRARY_PATH`, `ld.so.cache`, …).
    Loader,
    /// A copy where libraries are installed, if it is there and nobody else can have put it there.
    Installed(PathBuf),
}

/// What decides where the library is looked for.
#[derive(Clone, Copy, Debug, Default)]
pub struct Search<'a> {
    /// A path from the command line.
    pub given: Option<&'a Path>,
    /// The value of [`LIBRARY_VARIABLE`](crate::LIBRARY_VARIABLE); an empty one is as good as none.
    pub variable: Option<&'a OsStr>,
    /// The program's own file.
    pub executable: Option<&'a Path>,
    /// Whether the program has rights that its caller lacks (`AT_SECURE`).
    pub privileged: bool,
}

impl Search<'_> {
    /// The places to look in, first one first.
    ///
    /// A path that a person names is the only one. Else the loader is asked first; then come copies
    /// beside the program, where that is installed (`bin/x` → `lib/ndpi-xdp/`, `lib/`) or in a
    /// checkout (`target/release/x` → `target/ndpi/`); then the folders of the system. The working
    /// directory plays no part, since programs that use this run as root.
    ///
    /// # Errors
    ///
    /// [`LoadError::Privileged`]: the caller names a library, whose code would run with the
    /// program's rights.
    pub fn candidates(&self) -> Result<Vec<Candidate>, LoadError> {
        let variable = self.variable.filter(|value| !value.is_empty()).map(Path::new);
        if let Some(path) = self.given.or(variable) {
            if self.privileged {
                return Err(LoadError::Privileged { path: path.to_owned() });
            }
            return Ok(vec![Candidate::Named(path.to_owned())]);
        }
        let executable = self.executable.filter(|_| !self.privileged);
        let mut folders = executable.and_then(Path::parent).map(beside).unwrap_or_default();
        for folder in SYSTEM_FOLDERS.map(PathBuf::from) {
            if !folders.contains(&folder) {
                folders.push(folder);
            }
        }
        let installed = folders.iter().map(|folder| Candidate::Installed(folder.join(SONAME)));
        Ok(std::iter::once(Candidate::Loader).chain(installed).collect())
    }
}

/// The folders for libraries that belong to the folder of a program; none for a program that lies
/// just anywhere, whose neighbours may be anybody's.
fn beside(directory: &Path) -> Vec<PathBuf> {
    let is_named = |folder: &Path, names: &[&str]| {
        folder.file_name().is_some_and(|name| names.iter().any(|known| name == *known))
    };
    // Tests and examples are built one level deeper than the program.
    let nested = is_named(directory, &["deps", "examples"]);
    let programs = if nested { directory.parent().unwrap_or(directory) } else { directory };
    let Some(root) = programs.parent() else { return Vec::new() };
    if is_named(programs, &["bin", "sbin"]) {
        vec![root.join("lib/ndpi-xdp"), root.join("lib")]
    } else if is_named(root, &["target"]) {
        vec![root.join("ndpi")]
    } else {
        Vec::new()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(search: Search<'_>) -> Vec<Candidate> {
        search.candidates().unwrap()
    }

    fn beside_of(executable: &str) -> Vec<Candidate> {
        found(Search { executable: Some(Path::new(executable)), ..Search::default() })
    }

    fn installed(path: &str) -> Candidate {
        Candidate::Installed(path.into())
    }

    #[test]
    fn a_given_path_is_the_only_candidate() {
        let (given, variable) = (Some(Path::new("/opt/libndpi.so")), Some(OsStr::new("/other")));
        let executable = Some(Path::new("/usr/bin/x"));
        let named = found(Search { given, variable, executable, privileged: false });
        assert_eq!(named, [Candidate::Named("/opt/libndpi.so".into())]);
        let named = found(Search { variable, executable, ..Search::default() });
        assert_eq!(named, [Candidate::Named("/other".into())]);
    }

    #[test]
    fn an_empty_variable_is_as_good_as_none() {
        let empty = Some(OsStr::new(""));
        let without = found(Search::default());
        assert_eq!(found(Search { variable: empty, ..Search::default() }), without);
        let search = Search { variable: empty, privileged: true, ..Search::default() };
        assert_eq!(found(search), without);
    }

    #[test]
    fn a_program_with_rights_of_its_own_takes_nothing_from_its_caller() {
        let privileged = Search { privileged: true, ..Search::default() };
        let path = Path::new("/home/mallory/libndpi.so.5");
        for search in [
            Search { given: Some(path), ..privileged },
            Search { variable: Some(path.as_os_str()), ..privileged },
        ] {
            let error = search.candidates().unwrap_err();
            assert!(matches!(&error, LoadError::Privileged { path: named } if named == path));
            assert!(error.to_string().contains("AmbientCapabilities"), "{error}");
        }
        // A caller can link the program into a `bin` of his own.
        let executable = Some(Path::new("/home/mallory/bin/x"));
        assert_eq!(found(Search { executable, ..privileged }), found(Search::default()));
    }

    #[test]
    fn the_loader_comes_first_then_copies_beside_then_the_system() {
        let all = beside_of("/opt/x/bin/ndpi-xdp");
        let beside = ["/opt/x/lib/ndpi-xdp/libndpi.so.5", "/opt/x/lib/libndpi.so.5"];
        assert_eq!(all[..3], [Candidate::Loader, installed(beside[0]), installed(beside[1])]);
        assert_eq!(all[3..], found(Search::default())[1..]);
        let of_usr = beside_of("/usr/sbin/ndpi-xdp");
        assert_eq!(
            of_usr.iter().filter(|one| **one == installed("/usr/lib/libndpi.so.5")).count(),
            1
        );
        assert_eq!(of_usr[1], installed("/usr/lib/ndpi-xdp/libndpi.so.5"));
    }

    #[test]
    fn the_folders_of_distributions_are_looked_in_wherever_the_program_is() {
        let places = found(Search::default());
        let multiarch = format!("/usr/lib/{}-linux-gnu/libndpi.so.5", std::env::consts::ARCH);
        for place in [multiarch.as_str(), "/usr/lib/ndpi-xdp/libndpi.so.5"] {
            assert!(places.contains(&installed(place)), "{place}: {places:?}");
        }
    }

    #[test]
    fn a_program_just_anywhere_has_no_copies_beside_it() {
        for program in ["/tmp/X/ndpi-xdp", "/tmp/ndpi-xdp", "/ndpi-xdp", "/home/u/debug/ndpi-xdp"] {
            assert_eq!(beside_of(program), found(Search::default()), "{program}");
        }
    }

    #[test]
    fn programs_tests_and_examples_of_a_checkout_share_a_copy() {
        let copy = installed("/src/target/ndpi/libndpi.so.5");
        for program in ["release/ndpi-xdp", "debug/deps/flows-0a1b", "debug/examples/classify"] {
            assert!(beside_of(&format!("/src/target/{program}")).contains(&copy), "{program}");
        }
    }
}
